// What an action is refused after a look at what the API server has, while the caches still say otherwise.
#include "operator/reconcile/live.h"

#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using kube::Code;
using strategies::Selects;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LiveTest : public ActingRelease {
 protected:
  void expect_refused(const strategies::Action& action, const Snapshot& snapshot,
                      const std::string& message) {
    const auto done = perform(action, snapshot);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::Invalid);
    EXPECT_THAT(done.error().message, HasSubstr(message));
    EXPECT_THAT(written(), IsEmpty());
  }
  void expect_done(const strategies::Action& action, const Snapshot& snapshot) {
    const auto done = perform(action, snapshot);
    EXPECT_TRUE(done) << done.error().message;
  }
  static strategies::Action route(int percent) {
    return strategies::Route{{strategies::Weight::of(percent).value()}};
  }
  static strategies::Action select(Selects selects) { return strategies::SetSelector{selects}; }
  static strategies::Action give_way(const char* workload) {
    return strategies::Scale{.workload = workload, .replicas = 0, .hands_over = true};
  }
  void take_endpoints_of(const char* slice) {
    edit(kube::kEndpointSlices, slice, "/endpoints", Json::array());
  }
  void push_template() {
    edit(kube::kDeployments, "checkout-v2", "/spec/template/spec/containers/0/image", "demo-app:unseen");
  }
  // About to be promoted, with as many pods as stable.
  void be_promoted() {
    begin();
    edit(kube::kCanaries, "checkout-v2", "/status/phase", "Promoting");
    set_ready("checkout-v2", 2);
  }
  void add_service_of_stable() {
    auto other = object(kube::kServices, "checkout-v1");
    other["metadata"] = {{"name", "checkout-grpc"}, {"namespace", "shop"}};
    world.api.put(kube::kServices, other);
  }
  // Promoted, and then led away to a version that has no pods.
  void be_undone() {
    promote();
    edit(kube::kServices, "checkout", "/spec/selector/version", "v1");
    take_endpoints_of("checkout-0");
  }
};

// ---- weight ----

TEST_F(LiveTest, weight_rises_towards_a_candidate_that_has_a_ready_endpoint) {
  begin();
  expect_done(route(50), look());
  EXPECT_THAT(written(), ElementsAre("update VirtualService/checkout"));
  EXPECT_EQ(routed(), 50);
}

TEST_F(LiveTest, weight_does_not_rise_towards_a_candidate_without_one) {
  begin();
  const auto snapshot = look();
  take_endpoints_of("checkout-v2-0");
  expect_refused(route(50), snapshot,
                 "no ready endpoint of checkout-v2 behind Service checkout: weight does not move there");
  EXPECT_EQ(routed(), 10);
}

TEST_F(LiveTest, weight_does_not_rise_where_no_own_services_tell_the_endpoints_apart) {
  begin();
  world.api.erase(kube::kServices, {"shop", "checkout-v2"});
  expect_refused(route(50), look(), "have no Services of their own to tell their endpoints by");
}

TEST_F(LiveTest, weight_is_taken_away_without_a_look) {
  begin();
  const auto snapshot = look();
  take_endpoints_of("checkout-v2-0");
  api.deaf = true;
  expect_done(route(0), snapshot);
  EXPECT_EQ(api.reads, 0);
  EXPECT_EQ(routed(), 0);
}

// ---- the selector ----

TEST_F(LiveTest, the_selector_moves_to_a_candidate_that_can_take_stables_place) {
  begin();
  set_ready("checkout-v2", 2);
  expect_done(select(Selects::Candidate), look());
  EXPECT_EQ(selected(), "v2");
}

TEST_F(LiveTest, the_selector_does_not_move_to_a_candidate_that_has_fewer_ready_pods_than_stable) {
  begin();
  set_ready("checkout-v2", 2);
  const auto snapshot = look();
  set_ready("checkout-v2", 1);
  expect_refused(select(Selects::Candidate), snapshot,
                 "checkout-v2 has 1 of 2 ready pods: the selector does not move there");
}

TEST_F(LiveTest, the_selector_does_not_move_to_pods_that_have_another_version_by_now) {
  begin();
  set_ready("checkout-v2", 2);
  const auto snapshot = look();
  edit(kube::kDeployments, "checkout-v2", "/spec/template/metadata/labels/version", "v3");
  expect_refused(select(Selects::Candidate), snapshot, "checkout-v2 has 0 of 2 ready pods");
}

TEST_F(LiveTest, the_selector_does_not_move_to_a_candidate_that_does_not_exist) {
  begin();
  world.api.erase(kube::kDeployments, {"shop", "checkout-v2"});
  expect_refused(select(Selects::Candidate), look(),
                 "the workload that the Service is to select does not exist");
}

TEST_F(LiveTest, the_selector_does_not_move_to_a_template_that_nobody_judged) {
  be_promoted();
  const auto snapshot = look();
  push_template();
  expect_refused(select(Selects::Candidate), snapshot,
                 "the pod template of checkout-v2 is not the one that was judged any more");
}

TEST_F(LiveTest, the_selector_is_moved_back_from_a_template_that_was_pushed_during_the_write) {
  be_promoted();
  const auto snapshot = look();
  bool pushed = false;
  api.astray = [&](offline::Verb, const kube::Resource&, const Json&) {
    if (!std::exchange(pushed, true)) push_template();
    return false;
  };
  const auto done = perform(select(Selects::Candidate), snapshot);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::Invalid);
  EXPECT_EQ(done.error().message,
            "the pod template of checkout-v2 changed while the selector was moved there: the selector is "
            "moved back");
  EXPECT_THAT(written(), ElementsAre("update Service/checkout", "update Service/checkout"));
  EXPECT_EQ(selected(), "");
}

TEST_F(LiveTest, the_selector_returns_to_stable_only_while_that_has_a_ready_pod) {
  begin();
  const auto snapshot = look();
  set_ready("checkout-v1", 0);
  expect_refused(select(Selects::Stable), snapshot,
                 "checkout-v1 has 0 of 1 ready pods: the selector does not move there");
  set_ready("checkout-v1", 1);
  expect_done(select(Selects::Stable), snapshot);
  EXPECT_EQ(selected(), "v1");
}

TEST_F(LiveTest, the_selector_returns_to_a_stable_without_pods_where_the_candidate_has_none_either) {
  begin();
  set_ready("checkout-v1", 0);
  set_ready("checkout-v2", 0);
  expect_done(select(Selects::Stable), look());
  EXPECT_EQ(selected(), "v1");
}

TEST_F(LiveTest, the_selector_returns_to_what_its_owner_wrote_where_both_workloads_are_gone) {
  begin();
  for (const auto* name : {"checkout-v1", "checkout-v2"}) world.api.erase(kube::kDeployments, {"shop", name});
  expect_done(select(Selects::Stable), look());
  EXPECT_EQ(selected(), "v1");
}

TEST_F(LiveTest, the_selector_is_widened_without_a_look) {
  api.deaf = true;
  expect_done(select(Selects::Both), look());
  EXPECT_EQ(api.reads, 0);
  EXPECT_EQ(selected(), "");
}

// ---- the selector of a release that is over ----

TEST_F(LiveTest, an_undone_promotion_gets_its_service_back_while_nobody_answers_for_it) {
  be_undone();
  expect_done(select(Selects::Candidate), look());
  EXPECT_EQ(selected(), "v2");
}

TEST_F(LiveTest, an_undone_promotion_does_not_get_a_service_back_that_has_ready_endpoints_by_now) {
  be_undone();
  const auto snapshot = look();
  edit(kube::kEndpointSlices, "checkout-0", "/endpoints",
       Json::parse(R"([{"addresses": ["10.9.9.9"], "conditions": {"ready": true}}])"));
  expect_refused(select(Selects::Candidate), snapshot,
                 "Service checkout has ready endpoints by now: its selector stays");
}

TEST_F(LiveTest, an_undone_promotion_does_not_get_a_service_back_that_another_release_has_by_now) {
  be_undone();
  const auto snapshot = look();
  add("checkout-v3", Json::object());
  expect_refused(select(Selects::Candidate), snapshot,
                 "Canary checkout-v3 has Service checkout by now: its selector stays");
}

// ---- pods ----

TEST_F(LiveTest, stables_pods_go_once_the_candidate_serves) {
  begin();
  expect_done(give_way("checkout-v1"), look());
  EXPECT_THAT(written(), ElementsAre("update Deployment/checkout-v1"));
}

TEST_F(LiveTest, pods_stay_while_the_other_version_has_none_that_is_ready) {
  begin();
  const auto snapshot = look();
  set_ready("checkout-v1", 0);
  set_ready("checkout-v2", 0);
  expect_refused(give_way("checkout-v1"), snapshot,
                 "checkout-v2 has no ready pod: the pods of the other version stay");
  expect_refused(give_way("checkout-v2"), snapshot,
                 "checkout-v1 has no ready pod: the pods of the other version stay");
  expect_refused(strategies::DeleteWorkload{.workload = "checkout-v1"}, snapshot,
                 "checkout-v2 has no ready pod: the pods of the other version stay");
}

TEST_F(LiveTest, pods_stay_where_the_other_version_does_not_exist) {
  begin();
  world.api.erase(kube::kDeployments, {"shop", "checkout-v2"});
  expect_refused(give_way("checkout-v1"), look(), "the workload that is to serve alone does not exist");
}

TEST_F(LiveTest, stables_pods_stay_that_another_service_has_no_others_than) {
  begin();
  const auto snapshot = look();
  add_service_of_stable();
  const std::string message = "Service checkout-grpc selects pods of checkout-v1 and no others: they stay";
  expect_refused(give_way("checkout-v1"), snapshot, message);
  expect_refused(strategies::DeleteWorkload{.workload = "checkout-v1"}, snapshot, message);
  expect_done(give_way("checkout-v2"), snapshot);
}

TEST_F(LiveTest, stables_workload_is_deleted_once_the_candidate_serves_alone) {
  begin();
  expect_done(strategies::DeleteWorkload{.workload = "checkout-v1"}, look());
  EXPECT_TRUE(object(kube::kDeployments, "checkout-v1").is_null());
}

TEST_F(LiveTest, pods_are_scaled_without_a_look_where_nobody_gives_way) {
  api.deaf = true;
  expect_done(strategies::Scale{.workload = "checkout-v2", .replicas = 3}, look());
  EXPECT_EQ(api.reads, 0);
}

// ---- no answer ----

TEST_F(LiveTest, a_look_that_is_not_answered_allows_nothing) {
  begin();
  const auto snapshot = look();
  api.deaf = true;
  const std::vector<strategies::Action> actions{route(50), select(Selects::Candidate),
                                                select(Selects::Stable), give_way("checkout-v1"),
                                                strategies::DeleteWorkload{.workload = "checkout-v1"}};
  for (const auto& action : actions) {
    SCOPED_TRACE(strategies::describe(action));
    const auto done = perform(action, snapshot);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::Timeout);
    EXPECT_THAT(written(), IsEmpty());
  }
}

}  // namespace
}  // namespace weir::reconcile
