// What every scaler promises (operator/scaling/provider.h), of each row of the registry, and who is asked.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "operator/reconcile/kinds.h"
#include "operator/scaling/registry.h"

namespace weir::scaling {
namespace {

Json deployment() {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", "checkout-v1"}, {"namespace", "shop"}, {"resourceVersion", "7"}}},
          {"spec", {{"replicas", 3}, {"template", {{"spec", {{"containers", Json::array()}}}}}}}};
}

// Of each row a workload whose number it owns, and the objects by which it does.
struct Owned {
  std::string scaler;
  Json workload = deployment();
  std::vector<std::pair<kube::Resource, Json>> objects;
};

std::vector<Owned> owned_workloads() { return {{.scaler = "none"}}; }

class EveryScaler : public ::testing::Test {
 protected:
  // Calls `test` for each row with its workload, once the stores hold what it owns that by.
  template <typename Test>
  void each(const Test& test) {
    const auto all = owned_workloads();
    for (const auto& row : scalers()) {
      SCOPED_TRACE(row.name);
      const auto owned = std::ranges::find(all, row.name, &Owned::scaler);
      ASSERT_NE(owned, all.end()) << "give it a workload that it owns";
      kube::Stores stores{reconcile::kept_kinds()};
      for (const auto& [kind, object] : owned->objects) {
        ASSERT_NE(stores.of(kind), nullptr);
        stores.of(kind)->put(object, {});
      }
      ASSERT_TRUE(row.scaler.owns(owned->workload, stores));
      EXPECT_EQ(&scaler_of(owned->workload, stores), &row.scaler);
      test(row.scaler, owned->workload, stores);
    }
  }
};

// What the workload would be after its scaler's writes.
Json scaled(const Scaler& scaler, Json workload, const kube::Stores& stores, int replicas) {
  const auto writes = scaler.scale(workload, stores, replicas);
  EXPECT_TRUE(writes.has_value()) << (writes ? "" : writes.error());
  for (const auto& write : writes.value_or(std::vector<kube::Write>{})) {
    EXPECT_NE(write.before, write.after);
    if (write.kind.plural == kube::kDeployments.plural) {
      EXPECT_EQ(write.before, workload);
      workload = write.after;
    }
  }
  return workload;
}

TEST_F(EveryScaler, changes_nothing_of_the_workload_but_its_number_and_nothing_twice) {
  each([](const Scaler& scaler, const Json& workload, const kube::Stores& stores) {
    for (const int replicas : {0, 1, 5}) {
      const auto after = scaled(scaler, workload, stores, replicas);
      auto others = after;
      others["spec"]["replicas"] = workload["spec"]["replicas"];
      EXPECT_EQ(others, workload);
      const auto again = scaler.scale(after, stores, replicas);
      ASSERT_TRUE(again.has_value());
      EXPECT_TRUE(again->empty());
    }
  });
}

TEST_F(EveryScaler, takes_all_pods_away) {
  each([](const Scaler& scaler, const Json& workload, const kube::Stores& stores) {
    EXPECT_EQ(scaled(scaler, workload, stores, 0)["spec"]["replicas"], 0);
  });
}

TEST(Scalers, without_an_autoscaler_the_deployment_says_how_many_pods_it_has) {
  const kube::Stores stores{reconcile::kept_kinds()};
  auto without_a_number = deployment();
  without_a_number["spec"].erase("replicas");
  EXPECT_EQ(scaled(scaler_of(without_a_number, stores), without_a_number, stores, 5)["spec"]["replicas"], 5);
}

// An autoscaler whose bounds are its own.
class Bounded : public Scaler {
 public:
  bool owns(const Json& workload, const kube::Stores&) const override {
    return workload["metadata"]["name"] == "checkout-v1";
  }
  Writes scale(const Json&, const kube::Stores&, int) const override {
    return std::unexpected("HorizontalPodAutoscaler checkout: spec.maxReplicas is 2");
  }
};

TEST(Scalers, the_first_one_that_owns_the_number_is_asked) {
  const kube::Stores stores{reconcile::kept_kinds()};
  const Bounded bounded;
  const std::array<ScalerRow, 2> rows{{{"bounded", bounded}, scalers().back()}};
  EXPECT_EQ(&scaler_of(deployment(), stores, rows), &bounded);
  auto another = deployment();
  another["metadata"]["name"] = "checkout-v2";
  EXPECT_EQ(&scaler_of(another, stores, rows), &scalers().back().scaler);
}

}  // namespace
}  // namespace weir::scaling
