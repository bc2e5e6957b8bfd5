// What is read of the Service and of the workloads of both versions.
#include "operator/reconcile/workloads.h"

#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class WorkloadsTest : public ObservedRelease {
 protected:
  void name_stable(const char* deployment) {
    edit(kube::kCanaries, "checkout-v2", "/spec/stableRef",
         {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", deployment}});
  }
  void lose_pods(const char* deployment) { edit(kube::kDeployments, deployment, "/status/readyReplicas", 0); }
};

// ---- the Service ----

TEST_F(WorkloadsTest, a_service_that_does_not_exist_is_said_and_nothing_is_made_up_of_it) {
  world.api.erase(kube::kServices, {"shop", "checkout"});
  const auto snapshot = look();
  EXPECT_FALSE(snapshot.observed.service);
  EXPECT_TRUE(snapshot.service.is_null());
  EXPECT_FALSE(snapshot.observed.stable) << "nobody knows what serves";
  EXPECT_THAT(obstacles(), ElementsAre("ServiceNotFound"));
  EXPECT_EQ(obstacle("ServiceNotFound"),
            "Service checkout (spec.service.name) does not exist in namespace shop");
}

TEST_F(WorkloadsTest, a_service_is_as_old_as_its_last_change_and_names_who_wrote_it) {
  world.clock.advance(seconds(7));
  auto service = look().observed.service;
  ASSERT_TRUE(service);
  EXPECT_EQ(service->age, seconds(7));
  EXPECT_EQ(service->changed_by, "kubectl");
  auto changed = object(kube::kServices, "checkout");
  changed["spec"]["ports"][0]["port"] = 81;
  world.api.put(kube::kServices, changed, "helm");
  service = look().observed.service;
  ASSERT_TRUE(service);
  EXPECT_EQ(service->age, seconds(0));
  EXPECT_EQ(service->changed_by, "helm");
}

TEST_F(WorkloadsTest, a_service_without_selector_is_refused_before_the_release_begins) {
  edit(kube::kServices, "checkout", "/spec/selector", Json::object());
  EXPECT_THAT(obstacles(), Contains("ServiceWithoutSelector"));
}

TEST_F(WorkloadsTest, a_service_that_loses_its_selector_later_is_no_reason_not_to_go_back) {
  begin();
  edit(kube::kServices, "checkout", "/spec/selector", Json::object());
  EXPECT_THAT(obstacles(), Not(Contains("ServiceWithoutSelector")));
}

// ---- the candidate ----

TEST_F(WorkloadsTest, a_target_that_does_not_exist_is_said) {
  world.api.erase(kube::kDeployments, {"shop", "checkout-v2"});
  EXPECT_FALSE(look().observed.candidate);
  EXPECT_TRUE(look().candidate.is_null());
  EXPECT_THAT(obstacles(), ElementsAre("TargetNotFound"));
  EXPECT_EQ(obstacle("TargetNotFound"),
            "Deployment checkout-v2 (spec.targetRef.name) does not exist in namespace shop");
}

TEST_F(WorkloadsTest, a_release_that_has_begun_goes_on_with_the_target_that_it_began_with) {
  begin();
  edit(kube::kCanaries, "checkout-v2", "/spec/targetRef/name", "checkout-v3");
  const auto snapshot = look();
  ASSERT_TRUE(snapshot.observed.candidate);
  EXPECT_EQ(snapshot.observed.candidate->name, "checkout-v2");
}

TEST_F(WorkloadsTest, before_a_release_begins_its_version_is_what_the_pods_say) {
  edit(kube::kDeployments, "checkout-v2", "/spec/template/metadata/labels/version", "v3");
  const auto candidate = look().observed.candidate;
  ASSERT_TRUE(candidate);
  EXPECT_EQ(candidate->version, "v3");
  EXPECT_EQ(candidate->ready, 1);
}

TEST_F(WorkloadsTest, no_pod_counts_as_ready_of_another_version_than_the_release_knows) {
  begin();
  edit(kube::kDeployments, "checkout-v2", "/spec/template/metadata/labels/version", "v3");
  const auto candidate = look().observed.candidate;
  ASSERT_TRUE(candidate);
  EXPECT_EQ(candidate->version, "v3");
  EXPECT_EQ(candidate->ready, 0);
}

// ---- stable ----

TEST_F(WorkloadsTest, stable_is_the_only_workload_besides_the_target_that_the_service_selects) {
  const auto stable = look().observed.stable;
  ASSERT_TRUE(stable);
  EXPECT_EQ(stable->name, "checkout-v1");
  EXPECT_EQ(stable->version, "v1");
  EXPECT_EQ(stable->ready, 2);
}

TEST_F(WorkloadsTest, stable_is_not_guessed_among_several) {
  auto twin = object(kube::kDeployments, "checkout-v1");
  twin["metadata"] = {{"name", "checkout-v1-blue"}, {"namespace", "shop"}};
  world.api.put(kube::kDeployments, twin);
  EXPECT_FALSE(look().observed.stable);
  EXPECT_EQ(obstacle("StableAmbiguous"),
            "the selector of Service checkout matches the pods of several Deployments (checkout-v1, "
            "checkout-v1-blue): set spec.stableRef");
  name_stable("checkout-v1");
  EXPECT_THAT(obstacles(), IsEmpty());
}

TEST_F(WorkloadsTest, stable_is_asked_for_where_the_service_selects_nobody) {
  edit(kube::kServices, "checkout", "/spec/selector/version", "v9");
  EXPECT_FALSE(look().observed.stable);
  EXPECT_EQ(obstacle("StableNotFound"),
            "the selector of Service checkout matches the pods of no Deployment: set spec.stableRef");
}

TEST_F(WorkloadsTest, a_target_that_serves_already_has_nothing_to_release) {
  edit(kube::kServices, "checkout", "/spec/selector/version", "v2");
  EXPECT_FALSE(look().observed.stable);
  EXPECT_EQ(obstacle("TargetIsStable"),
            "Service checkout selects checkout-v2 already: there is nothing to release");
}

TEST_F(WorkloadsTest, a_stable_that_is_named_and_does_not_exist_is_said) {
  name_stable("checkout-v9");
  EXPECT_FALSE(look().observed.stable);
  EXPECT_THAT(obstacles(), ElementsAre("StableNotFound"));
  EXPECT_EQ(obstacle("StableNotFound"), "the stable Deployment checkout-v9 does not exist in namespace shop");
}

TEST_F(WorkloadsTest, a_stable_that_is_named_must_be_what_serves) {
  name_stable("checkout-v1");
  EXPECT_THAT(obstacles(), IsEmpty());
  edit(kube::kServices, "checkout", "/spec/selector/version", "v2");
  EXPECT_THAT(obstacles(), ElementsAre("StableNotSelected"));
}

TEST_F(WorkloadsTest, a_release_that_has_begun_keeps_the_stable_that_it_knows) {
  begin();
  name_stable("checkout-v9");
  const auto snapshot = look();
  ASSERT_TRUE(snapshot.observed.stable);
  EXPECT_EQ(snapshot.observed.stable->name, "checkout-v1");
}

// ---- why pods are not ready ----

TEST_F(WorkloadsTest, pods_that_are_ready_are_not_asked_for) {
  (void)look();
  EXPECT_THAT(asked_pods, IsEmpty());
}

TEST_F(WorkloadsTest, pods_are_asked_for_by_their_version_when_some_are_not_ready) {
  edit(kube::kDeployments, "checkout-v2", "/spec/selector/matchLabels", Json::object({{"app", "checkout"}}));
  lose_pods("checkout-v2");
  pods = {Json::parse(R"({"metadata": {"name": "checkout-v2-x"}, "status": {"containerStatuses": [
      {"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}})")};
  const auto snapshot = look();
  EXPECT_THAT(asked_pods, ElementsAre("version=v2,app=checkout"));
  ASSERT_TRUE(snapshot.observed.candidate);
  EXPECT_EQ(snapshot.observed.candidate->pod_problem,
            "CrashLoopBackOff: container \"app\" of pod checkout-v2-x");
}

TEST_F(WorkloadsTest, pods_are_not_asked_for_while_something_else_keeps_the_release_from_beginning) {
  lose_pods("checkout-v2");
  edit(kube::kCanaries, "checkout-v2", "/spec/suspend", true);
  (void)look();
  EXPECT_THAT(asked_pods, IsEmpty());
  edit(kube::kCanaries, "checkout-v2", "/spec/suspend", false);
  add("checkout-v3", {{"phase", "Progressing"}, {"target", "checkout-v3"}});
  (void)look();
  EXPECT_THAT(asked_pods, IsEmpty());
}

TEST_F(WorkloadsTest, pods_of_stable_are_not_asked_for_while_the_target_does_not_exist) {
  name_stable("checkout-v1");
  lose_pods("checkout-v1");
  (void)look();
  EXPECT_THAT(asked_pods, ElementsAre("version=v1,app=checkout"));
  asked_pods.clear();
  world.api.erase(kube::kDeployments, {"shop", "checkout-v2"});
  (void)look();
  EXPECT_THAT(asked_pods, IsEmpty());
}

TEST_F(WorkloadsTest, pods_are_asked_for_in_a_release_that_has_begun_whatever_holds_it) {
  begin();
  lose_pods("checkout-v2");
  edit(kube::kCanaries, "checkout-v2", "/spec/suspend", true);
  (void)look();
  EXPECT_THAT(asked_pods, ElementsAre("version=v2,app=checkout"));
}

}  // namespace
}  // namespace weir::reconcile
