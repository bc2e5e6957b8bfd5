// What every router promises (operator/routing/provider.h), of each row of the registry.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "operator/routing/registry.h"
#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

// Objects of a cluster in which the router has one route to Service checkout.
Objects cluster_of(std::string_view router) {
  Objects objects;
  objects.of(kube::kServices) = {{{"metadata", {{"name", "checkout"}, {"namespace", "shop"}}},
                                  {"spec", {{"selector", {{"app", "checkout"}, {"version", "v1"}}}}}}};
  if (router == "istio")
    objects.of(kube::kVirtualServices) = {simple(Json::array({{{"route", Json::array({to("checkout")})}}}))};
  return objects;
}

class Cluster {
 public:
  explicit Cluster(const RouterRow& row) : row_(row), objects_(cluster_of(row.name)) {}

  [[nodiscard]] Objects objects() const { return objects_; }
  [[nodiscard]] Router::Reading read() const { return row_.router.read(target_, objects_); }

  // Each answers how many objects it wrote.
  std::size_t prepare() {
    if (const auto foundation = read().foundation) remember(foundation->found);
    return apply(row_.router.prepare(target_, objects_));
  }
  std::size_t route(int weight) {
    if (const auto routes = read().routes) remember(routes->found);
    return apply(row_.router.route(target_, objects_, {percent(weight)}));
  }
  std::size_t restore(bool promoted) { return apply(row_.router.restore(target_, objects_, promoted)); }
  std::size_t clean_up(bool promoted) { return apply(row_.router.clean_up(target_, objects_, promoted)); }

 private:
  void remember(const std::vector<strategies::RouteRecord>& found) {
    target_.records.insert(target_.records.end(), found.begin(), found.end());
  }
  std::size_t apply(const Writes& writes) {
    EXPECT_TRUE(writes.has_value()) << (writes ? "" : writes.error().message);
    if (!writes) return 0;
    for (const auto& write : *writes) {
      auto& all = objects_.of(write.kind);
      EXPECT_NE(write.before, write.after);
      if (!write.before.is_null()) {
        EXPECT_EQ(std::erase(all, write.before), 1U);
      }
      if (!write.after.is_null()) all.push_back(write.after);
    }
    return writes->size();
  }

  const RouterRow& row_;
  Target target_ = placeholder();
  Objects objects_;
};

class Contract : public testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static const RouterRow& row() { return routers()[GetParam()]; }
  Cluster cluster{row()};
};

INSTANTIATE_TEST_SUITE_P(Routers, Contract, testing::Range<std::size_t>(0, routers().size()),
                         [](const auto& index) { return std::string(routers()[index.param].name); });

TEST_P(Contract, is_original_before_anything_is_divided) {
  ASSERT_TRUE(cluster.read().routes);
  EXPECT_TRUE(cluster.read().routes->original());
  EXPECT_FALSE(cluster.read().routes->at(strategies::Weight::none()));
}

TEST_P(Contract, has_its_foundation_once_it_is_prepared) {
  if (!row().router.abilities().needs_foundation) {
    EXPECT_EQ(cluster.prepare(), 0U);
    return;
  }
  EXPECT_GT(cluster.prepare(), 0U);
  ASSERT_TRUE(cluster.read().foundation);
  EXPECT_TRUE(cluster.read().foundation->present);
  EXPECT_EQ(cluster.prepare(), 0U);
}

TEST_P(Contract, is_at_the_weight_that_was_routed_and_writes_it_once) {
  cluster.prepare();
  for (const int weight : {0, 30, 100, 0}) {
    EXPECT_GT(cluster.route(weight), 0U);
    EXPECT_TRUE(cluster.read().routes->at(percent(weight)));
    EXPECT_EQ(cluster.route(weight), 0U);
  }
}

TEST_P(Contract, names_the_objects_that_it_writes) {
  cluster.prepare();
  cluster.route(30);
  EXPECT_FALSE(cluster.read().route_objects.empty());
}

TEST_P(Contract, leaves_the_objects_as_they_were) {
  const auto before = cluster.objects();
  cluster.prepare();
  cluster.route(30);
  EXPECT_NE(cluster.objects(), before);
  cluster.restore(false);
  cluster.clean_up(false);
  EXPECT_TRUE(cluster.read().routes->original());
  EXPECT_EQ(text_of(cluster.objects()), text_of(before));
}

// What a release made may be taken away when no route needs it any more, and not before.
TEST_P(Contract, needs_what_it_made_for_as_long_as_its_routes_are_divided) {
  cluster.prepare();
  const auto needed = [&] {
    const auto objects = cluster.objects();
    int count = 0;
    for (const auto& kind : row().router.makes()) {
      for (const auto& made : objects.of(kind)) {
        if (!maker_of(made)) continue;
        for (const auto& routes : row().router.routes()) {
          for (const auto& route : objects.of(routes)) count += row().router.needs(route, kind, made);
        }
      }
    }
    return count;
  };
  EXPECT_EQ(needed(), 0);
  cluster.route(0);
  EXPECT_EQ(needed() > 0, !row().router.makes().empty());
  cluster.restore(false);
  EXPECT_EQ(needed(), 0);
}

TEST(Istio, needs_a_service_that_a_destination_or_a_mirror_names) {
  const auto& router = router_named("istio");
  const Json made{{"metadata", {{"name", "checkout-v1"}, {"namespace", "shop"}}}};
  const auto needs = [&](const Json& route) {
    return router.needs(simple(Json::array({route})), kube::kServices, made);
  };
  EXPECT_FALSE(needs({{"route", Json::array({to("checkout")})}}));
  EXPECT_TRUE(needs({{"route", Json::array({to("checkout-v1")})}}));
  EXPECT_TRUE(needs({{"route", Json::array({to("checkout-v1.shop.svc.cluster.local")})}}));
  EXPECT_TRUE(needs({{"route", Json::array({to("checkout")})}, {"mirror", {{"host", "checkout-v1"}}}}));
  EXPECT_TRUE(
      needs({{"route", Json::array({to("checkout")})}, {"mirrors", Json::array({to("checkout-v1")})}}));
}

TEST(Noop, refuses_a_service_whose_selector_lets_both_versions_through) {
  auto objects = cluster_of("noop");
  EXPECT_TRUE(router_named("noop").read(placeholder(), objects).refusals.empty());
  objects.of(kube::kServices)[0]["spec"]["selector"].erase("version");
  const auto refusals = router_named("noop").read(placeholder(), objects).refusals;
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].reason, "SelectorWithoutVersion");
}

// The definition's enum and the table name the same routers, in the same order.
TEST(Registry, has_the_names_that_the_definition_accepts) {
  std::ifstream file(std::string(WEIR_SOURCE_DIR) + "/manifests/crds/canaries.weir.dev.yaml");
  std::stringstream text;
  text << file.rdbuf();
  std::string names;
  for (const auto& row : routers()) names += (names.empty() ? "" : ", ") + std::string(row.name);
  EXPECT_NE(text.str().find("enum: [" + names + "]"), std::string::npos) << names;
}

TEST(Registry, takes_the_first_router_for_a_name_that_it_does_not_have) {
  EXPECT_EQ(&router_named("nobody"), &routers().front().router);
  EXPECT_EQ(&router_named("noop"), &routers()[1].router);
}

}  // namespace
}  // namespace weir::routing
