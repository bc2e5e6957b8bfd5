#include "operator/reconcile/managed.h"

#include <gmock/gmock.h>

#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using ::testing::ElementsAre;

class ManagedTest : public ObservedRelease {
 protected:
  // Those for which `chosen` is true, in their order.
  template <typename Chosen>
  std::vector<std::string> managed(const Chosen& chosen) {
    std::vector<std::string> names;
    for (const auto& one : look().managed) {
      if (chosen(one)) names.push_back(name_of(one.resource, *one.object));
    }
    return names;
  }
  std::vector<std::string> managed() {
    return managed([](const ManagedObject&) { return true; });
  }
};

TEST_F(ManagedTest, objects_of_a_release_that_has_not_begun_are_its_canary_and_the_candidate) {
  EXPECT_THAT(managed(), ElementsAre("Canary/checkout-v2", "Deployment/checkout-v2"));
}

TEST_F(ManagedTest, objects_of_one_that_runs_begin_with_its_routes_and_the_canary) {
  begin();
  EXPECT_THAT(managed(),
              ElementsAre("VirtualService/checkout", "Canary/checkout-v2", "DestinationRule/checkout-weir",
                          "Service/checkout", "Service/checkout-v1", "Service/checkout-v2",
                          "Deployment/checkout-v1", "Deployment/checkout-v2"));
}

TEST_F(ManagedTest, objects_are_told_by_who_made_them_and_by_when_they_are_written) {
  begin();
  EXPECT_THAT(managed([](const ManagedObject& one) { return !one.of_user; }),
              ElementsAre("Canary/checkout-v2", "Service/checkout-v1", "Service/checkout-v2"));
  EXPECT_THAT(managed([](const ManagedObject& one) { return one.late; }),
              ElementsAre("Service/checkout-v1", "Service/checkout-v2", "Deployment/checkout-v1",
                          "Deployment/checkout-v2"));
}

TEST_F(ManagedTest, objects_have_the_recorded_route_that_names_the_service_no_more) {
  begin();
  edit(kube::kVirtualServices, "checkout", "/spec/hosts", Json::array({"other"}));
  edit(kube::kVirtualServices, "checkout", "/spec/http",
       Json::parse(R"([{"route": [{"destination": {"host": "other"}}]}])"));
  EXPECT_EQ(managed().at(0), "VirtualService/checkout");
}

TEST_F(ManagedTest, objects_that_do_not_exist_are_left_out) {
  begin();
  world.api.erase(kube::kServices, {"shop", "checkout-v1"});
  EXPECT_THAT(managed(), ::testing::Not(::testing::Contains("Service/checkout-v1")));
}

}  // namespace
}  // namespace weir::reconcile
