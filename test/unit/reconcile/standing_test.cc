// What becomes of a promotion when somebody writes to its Service, over a cluster in memory.
#include "operator/reconcile/standing.h"

#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <vector>

#include "operator/reconcile/controller.h"
#include "strategies/standing.h"
#include "test/unit/reconcile/late_api.h"
#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kLater = "2999-01-01T00:00:00.000Z";

class StandingTest : public ::testing::Test, protected ReleaseWorld {
 protected:
  StandingTest() {
    world.stores.on_change([this](const kube::Resource& resource, const kube::Change& change) {
      controller.changed(resource, change);
    });
    fill();
  }

  Listener listener() {
    Listener listener;
    listener.on_event = [this](const canary::Canary& canary, const strategies::Event& event) {
      events.push_back(event.reason);
      names.push_back(canary.name);
    };
    listener.on_status = [this](const canary::Canary&, const strategies::Status& after) {
      undone = strategies::is_undone(after);
    };
    return listener;
  }

  void work(seconds time) { ReleaseWorld::work(controller, time); }
  void promote() {
    for (int i = 0; i < 60 && phase() != "Succeeded"; ++i) work(minutes(1));
    ASSERT_EQ(phase(), "Succeeded") << message();
    work(minutes(1));
    events.clear();
    names.clear();
  }
  void scale(const char* name, int replicas) {
    edit(kube::kDeployments, name, "/spec/replicas", replicas);
    follow();
  }

  // Somebody lets the Service select a version, or all; endpoints follow.
  void select(const char* version, const char* manager = "helm") {
    auto service = object(kube::kServices, "checkout");
    service["spec"]["selector"].erase("version");
    if (version != nullptr) service["spec"]["selector"]["version"] = version;
    world.api.put(kube::kServices, service, manager);
    follow();
  }
  // The status of another Canary that has ended at this time.
  Json ended(const std::string& phase, const std::string& name, const std::string& time) {
    auto status = this->status();
    status.update({{"phase", phase}, {"target", name}, {"lastTransitionTime", time}});
    status["identity"]["candidateVersion"] = "v3";
    return status;
  }

  Json promoted(const std::string& name = "checkout-v2") {
    const auto status = object(kube::kCanaries, name).value("status", Json::object());
    for (const auto& condition : status.value("conditions", Json::array())) {
      if (condition.value("type", "") == "Promoted") return condition;
    }
    return Json::object();
  }
  std::string reason(const std::string& name = "checkout-v2") { return promoted(name).value("reason", ""); }
  std::string selected() {
    return object(kube::kServices, "checkout")["spec"]["selector"].value("version", "");
  }

  bool undone = false;
  std::vector<std::string> events;  // their reasons
  std::vector<std::string> names;   // of their Canaries
  LateApi api{world.api};
  Reconciler reconciler{api, api, world.stores, analyst, world.clock, listener()};
  Controller controller{reconciler, world.stores, world.clock,
                        [](const kube::Key&, const Round&, std::chrono::duration<double>) {}};
};

TEST_F(StandingTest, old_manifests_that_are_applied_again_are_said) {
  promote();
  const auto before = status();
  select("v1");
  work(seconds(10));
  EXPECT_EQ(phase(), "Succeeded");
  EXPECT_EQ(promoted()["status"], "False");
  EXPECT_EQ(reason(), "Undone");
  EXPECT_THAT(message(),
              HasSubstr("has version=v1, written by field manager \"helm\", and leads to no ready pod"));
  EXPECT_THAT(events, ElementsAre("Undone"));
  EXPECT_TRUE(undone);
  EXPECT_EQ(selected(), "v1");
  // Of the rest of the status nothing is lost.
  for (const auto& [field, value] : before.items()) {
    if (field == "message" || field == "conditions") continue;
    EXPECT_EQ(status()[field], value) << field;
  }
}

TEST_F(StandingTest, what_is_said_costs_no_request_until_something_changes) {
  promote();
  select("v1");
  work(seconds(10));
  api.reads = api.writes = 0;
  work(minutes(10));
  EXPECT_EQ(api.reads, 0);
  EXPECT_EQ(api.writes, 0);
  EXPECT_THAT(events, ElementsAre("Undone"));
}

TEST_F(StandingTest, a_service_that_is_as_it_was_left_costs_no_request) {
  promote();
  api.reads = api.writes = 0;
  edit(kube::kServices, "checkout", "/metadata/annotations", {{"a", "b"}});
  work(minutes(10));
  EXPECT_EQ(api.reads, 0);
  EXPECT_EQ(api.writes, 0);
}

TEST_F(StandingTest, a_process_that_starts_knows_what_is_said_already) {
  promote();
  select("v1");
  work(seconds(10));
  undone = false;
  api.writes = 0;
  Reconciler another{api, api, world.stores, analyst, world.clock, listener()};
  EXPECT_EQ(another.reconcile(key).requeue_after, seconds(15));
  EXPECT_TRUE(undone);
  EXPECT_EQ(api.writes, 0);
  EXPECT_THAT(events, ElementsAre("Undone"));
}

TEST_F(StandingTest, with_the_candidate_selected_again_the_status_is_as_before) {
  promote();
  auto before = status();
  select("v1");
  work(seconds(10));
  select("v2", "kubectl-edit");
  work(seconds(10));
  EXPECT_THAT(events, ElementsAre("Undone", "Restored"));
  EXPECT_FALSE(undone);
  auto after = status();
  for (auto* each : {&before, &after}) {
    for (auto& condition : (*each)["conditions"]) condition.erase("lastTransitionTime");
  }
  EXPECT_EQ(after, before);
}

TEST_F(StandingTest, ready_pods_of_another_version_supersede_it_and_are_missed_when_they_go) {
  edit(kube::kCanaries, "checkout-v2", "/spec/stable", {{"afterPromotion", "Keep"}});
  promote();
  select("v1");
  work(seconds(10));
  EXPECT_EQ(reason(), "Superseded");
  EXPECT_EQ(promoted()["status"], "True");
  EXPECT_FALSE(undone);
  scale("checkout-v1", 0);
  work(seconds(10));
  EXPECT_EQ(reason(), "SupersededUnready");
  EXPECT_TRUE(undone);
  scale("checkout-v1", 1);
  work(seconds(20));
  EXPECT_THAT(events, ElementsAre("Superseded", "SupersededUnready", "Superseded"));
}

TEST_F(StandingTest, a_guarded_selector_is_moved_back) {
  edit(kube::kCanaries, "checkout-v2", "/spec/guardAfterPromotion", true);
  promote();
  select("v1");
  work(seconds(10));
  EXPECT_EQ(selected(), "v2");
  EXPECT_THAT(events, ElementsAre("Undone", "Repaired", "Restored"));
  EXPECT_EQ(reason(), "Promoted");
}

TEST_F(StandingTest, a_guard_that_is_asked_for_later_repairs_what_is_undone) {
  promote();
  select("v1");
  work(seconds(10));
  edit(kube::kCanaries, "checkout-v2", "/spec/guardAfterPromotion", true);
  work(seconds(10));
  EXPECT_EQ(selected(), "v2");
}

TEST_F(StandingTest, a_guarded_selector_waits_for_a_ready_pod_of_the_candidate) {
  edit(kube::kCanaries, "checkout-v2", "/spec/guardAfterPromotion", true);
  promote();
  scale("checkout-v2", 0);
  select("v1");
  work(minutes(1));
  EXPECT_EQ(selected(), "v1");
  EXPECT_EQ(reason(), "Undone");
  scale("checkout-v2", 1);
  work(minutes(1));
  EXPECT_EQ(selected(), "v2");
}

TEST_F(StandingTest, a_guard_whose_caches_lag_looks_before_it_writes) {
  edit(kube::kCanaries, "checkout-v2", "/spec/guardAfterPromotion", true);
  promote();
  scale("checkout-v1", 2);
  select("v1");
  auto cached = world.api.list(kube::kEndpointSlices, "shop", "").value_or(std::vector<Json>{});
  ASSERT_FALSE(cached.empty());
  for (auto& slice : cached) {
    slice["endpoints"] = Json::array();
    slice["metadata"]["resourceVersion"] = "1000000";
  }
  (void)world.stores.endpoint_slices.replace(cached, world.clock.steady());
  world.clock.advance(seconds(10));
  const auto round = reconciler.reconcile(key);
  ASSERT_TRUE(round.error);
  EXPECT_THAT(round.error->message, HasSubstr("Service checkout has ready endpoints by now"));
  EXPECT_EQ(selected(), "v1");
}

TEST_F(StandingTest, a_guard_leaves_a_service_alone_that_another_release_has_by_now) {
  edit(kube::kCanaries, "checkout-v2", "/spec/guardAfterPromotion", true);
  promote();
  const auto cached = world.api.list(kube::kCanaries, "shop", "").value_or(std::vector<Json>{});
  add("checkout-v3", Json::object(), {{"suspend", true}});
  (void)world.stores.canaries.replace(cached, world.clock.steady());
  select("v1");
  world.clock.advance(seconds(10));
  const auto round = reconciler.reconcile(key);
  ASSERT_TRUE(round.error);
  EXPECT_THAT(round.error->message, HasSubstr("Canary checkout-v3 has Service checkout by now"));
  EXPECT_EQ(selected(), "v1");
}

TEST_F(StandingTest, nothing_is_looked_at_while_another_release_is_not_over_and_afterwards_it_is) {
  promote();
  add("checkout-v3", Json::object(), {{"suspend", true}});
  select("v1");
  work(minutes(1));
  EXPECT_EQ(reason(), "Promoted");
  world.api.erase(kube::kCanaries, {"shop", "checkout-v3"});
  work(seconds(10));
  EXPECT_EQ(reason(), "Undone");
}

TEST_F(StandingTest, of_several_promotions_the_last_one_speaks) {
  promote();
  add("checkout-v3", ended("Succeeded", "checkout-v3", kLater));
  select("v1");
  work(minutes(1));
  EXPECT_EQ(reason("checkout-v3"), "Undone");
  EXPECT_EQ(reason("checkout-v2"), "Promoted");
  EXPECT_THAT(names, ElementsAre("checkout-v3"));
}

TEST_F(StandingTest, of_promotions_at_the_same_time_the_one_speaks_whose_name_comes_last) {
  promote();
  const auto now = status()["lastTransitionTime"].get<std::string>();
  add("checkout-v1", ended("Succeeded", "checkout-v1", now));
  select("v1");
  work(minutes(1));
  EXPECT_EQ(reason("checkout-v1"), "Promoted");
  EXPECT_EQ(reason("checkout-v2"), "Undone");
}

TEST_F(StandingTest, a_release_that_was_taken_back_later_leaves_the_service_to_the_promotion) {
  promote();
  add("checkout-v3", ended("Failed", "checkout-v3", kLater));
  select("v1");
  work(minutes(1));
  EXPECT_EQ(reason("checkout-v2"), "Undone");
}

TEST_F(StandingTest, a_later_promotion_ends_what_an_earlier_one_has_said) {
  promote();
  const auto later = ended("Succeeded", "checkout-v3", kLater);
  select("v1");
  work(seconds(10));
  ASSERT_TRUE(undone);
  add("checkout-v3", later);
  select("v3");
  work(minutes(1));
  EXPECT_EQ(reason("checkout-v2"), "Superseded");
  EXPECT_THAT(message(), HasSubstr("Canary checkout-v3 was promoted to Service checkout after checkout-v2"));
}

TEST_F(StandingTest, a_service_that_is_gone_says_nothing_and_is_looked_at_when_it_is_back) {
  promote();
  auto again = object(kube::kServices, "checkout");
  world.api.erase(kube::kServices, {"shop", "checkout"});
  work(minutes(1));
  EXPECT_EQ(reason(), "Promoted");
  again["metadata"] = {{"name", "checkout"}, {"namespace", "shop"}};
  again["spec"]["selector"]["version"] = "v1";
  world.api.put(kube::kServices, again, "helm");
  follow();
  work(seconds(10));
  EXPECT_EQ(reason(), "Undone");
}

TEST_F(StandingTest, a_selector_without_the_version_leads_to_the_candidate_while_that_has_ready_pods) {
  edit(kube::kCanaries, "checkout-v2", "/spec/stable", {{"afterPromotion", "Keep"}});
  promote();
  select(nullptr);
  work(seconds(10));
  EXPECT_EQ(reason(), "Promoted");
  scale("checkout-v2", 0);
  select("v1");
  select(nullptr);
  work(seconds(10));
  EXPECT_EQ(reason(), "Superseded");
  EXPECT_THAT(message(), HasSubstr("has no key version"));
  scale("checkout-v1", 0);
  work(seconds(20));
  EXPECT_EQ(reason(), "Promoted") << "no selector is to blame where no version has a ready pod";
}

TEST_F(StandingTest, a_candidate_that_became_another_version_is_said_until_it_has_its_own_again) {
  edit(kube::kCanaries, "checkout-v2", "/spec/guardAfterPromotion", true);
  promote();
  const auto relabel = [this](const char* version) {
    edit(kube::kDeployments, "checkout-v2", "/spec/template/metadata/labels/version", version);
    follow();
    work(seconds(30));
  };
  relabel("v3");
  EXPECT_EQ(promoted()["status"], "False");
  EXPECT_THAT(message(), HasSubstr("the pod template of checkout-v2 has version=v3 now"));
  EXPECT_TRUE(undone);
  EXPECT_EQ(selected(), "v2");
  relabel("v2");
  EXPECT_THAT(events, ElementsAre("Undone", "Restored"));
  EXPECT_FALSE(undone);
  EXPECT_EQ(selected(), "v2");
}

TEST_F(StandingTest, a_canary_that_is_being_deleted_says_nothing) {
  promote();
  edit(kube::kCanaries, "checkout-v2", "/metadata/finalizers", Json::array({"example.com/archive"}));
  work(seconds(10));
  world.api.erase(kube::kCanaries, key);
  select("v1");
  work(seconds(30));
  EXPECT_EQ(reason(), "Promoted");
  EXPECT_THAT(events, IsEmpty());
}

TEST_F(StandingTest, a_release_of_an_older_operator_without_identity_says_nothing) {
  promote();
  auto older = object(kube::kCanaries, "checkout-v2");
  older["status"].erase("identity");
  world.api.put(kube::kCanaries, older);
  select("v1");
  work(seconds(30));
  EXPECT_EQ(reason(), "Promoted");
}

TEST_F(StandingTest, in_dedicated_mode_it_is_the_service_that_clients_call) {
  edit(kube::kCanaries, "checkout-v2", "/spec/service/mode", "Dedicated");
  promote();
  select("v1");
  work(seconds(10));
  EXPECT_EQ(reason(), "Undone");
}

TEST_F(StandingTest, without_a_router_it_is_the_same) {
  edit(kube::kCanaries, "checkout-v2", "/spec/routing", {{"provider", "noop"}});
  edit(kube::kCanaries, "checkout-v2", "/spec/skipAnalysis", true);
  promote();
  select("v1");
  work(seconds(10));
  EXPECT_EQ(reason(), "Undone");
}

TEST_F(StandingTest, another_target_begins_a_release_from_what_serves_by_then) {
  promote();
  select("v1");
  scale("checkout-v1", 2);
  work(seconds(30));
  ASSERT_EQ(reason(), "Superseded");
  scale("checkout-v2", 1);
  auto next = object(kube::kDeployments, "checkout-v2");
  next["metadata"] = {{"name", "checkout-v3"}, {"namespace", "shop"}};
  next["spec"]["template"]["metadata"]["labels"]["version"] = "v3";
  next["spec"]["selector"]["matchLabels"]["version"] = "v3";
  world.api.put(kube::kDeployments, next);
  follow();
  edit(kube::kCanaries, "checkout-v2", "/spec/targetRef/name", "checkout-v3");
  work(minutes(60));
  EXPECT_EQ(status()["target"], "checkout-v3") << message();
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_EQ(selected(), "v3");
}

}  // namespace
}  // namespace weir::reconcile
