// What is read of others who have to do with the pods of a release.
#include "operator/reconcile/others.h"

#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OthersTest : public ObservedRelease {
 protected:
  // A Service of somebody's that selects the pods of stable alone.
  void add_service_of_stable() {
    auto other = object(kube::kServices, "checkout");
    other["metadata"] = {{"name", "checkout-grpc"}, {"namespace", "shop"}};
    other["spec"]["selector"] = {{"app", "checkout"}, {"version", "v1"}};
    world.api.put(kube::kServices, other);
  }
  // Another program with the label by which the Service selects both versions.
  void add_stranger() {
    auto other = object(kube::kDeployments, "checkout-v1");
    other["metadata"] = {{"name", "checkout-worker"}, {"namespace", "shop"}};
    other["spec"]["template"]["metadata"]["labels"] = {{"app", "checkout"}, {"role", "worker"}};
    world.api.put(kube::kDeployments, other);
  }
};

TEST_F(OthersTest, services_that_select_stable_alone_are_named_and_warned_of_before_the_release_begins) {
  add_service_of_stable();
  const auto seen = look().observed;
  EXPECT_THAT(seen.stable_only_services, ElementsAre("checkout-grpc"));
  ASSERT_EQ(seen.warnings.size(), 1U);
  EXPECT_EQ(seen.warnings.front().reason, "OtherServices");
  EXPECT_EQ(
      seen.warnings.front().message,
      "Service checkout-grpc selects pods of checkout-v1 and none of checkout-v2: checkout-v1 keeps its "
      "pods after the promotion, unless the selector matches checkout-v2's by then");
}

TEST_F(OthersTest, services_that_select_stable_alone_are_no_matter_where_its_pods_stay_anyway) {
  add_service_of_stable();
  edit(kube::kCanaries, "checkout-v2", "/spec/stable", Json::object({{"afterPromotion", "Keep"}}));
  EXPECT_THAT(warnings(), IsEmpty());
  EXPECT_THAT(look().observed.stable_only_services, ElementsAre("checkout-grpc"));
}

TEST_F(OthersTest, services_of_the_release_are_not_others) {
  begin();
  EXPECT_THAT(look().observed.stable_only_services, IsEmpty());
  add_service_of_stable();
  EXPECT_THAT(look().observed.stable_only_services, ElementsAre("checkout-grpc"));
  EXPECT_THAT(warnings(), IsEmpty()) << "it is said as the release begins";
}

TEST_F(OthersTest, workloads_that_the_wider_selector_would_reach_are_in_the_way_of_the_beginning) {
  add_stranger();
  EXPECT_THAT(obstacles(), ElementsAre("OtherWorkloads"));
  EXPECT_THAT(obstacle("OtherWorkloads"), HasSubstr("also matches the pods of checkout-worker"));
  EXPECT_THAT(look().observed.not_isolated, IsEmpty());
}

TEST_F(OthersTest, workloads_that_come_later_are_said_and_hold_nothing) {
  begin();
  add_stranger();
  EXPECT_THAT(obstacles(), IsEmpty());
  EXPECT_THAT(look().observed.not_isolated,
              ElementsAre(HasSubstr("also matches the pods of checkout-worker")));
}

TEST_F(OthersTest, workloads_are_no_matter_where_the_selector_stays_as_it_is) {
  add_stranger();
  edit(kube::kCanaries, "checkout-v2", "/spec/service/mode", "Dedicated");
  EXPECT_THAT(obstacles(), IsEmpty());
}

TEST_F(OthersTest, nobody_is_looked_for_while_one_of_the_workloads_does_not_exist) {
  add_service_of_stable();
  world.api.erase(kube::kDeployments, {"shop", "checkout-v2"});
  EXPECT_THAT(look().observed.stable_only_services, IsEmpty());
}

}  // namespace
}  // namespace weir::reconcile
