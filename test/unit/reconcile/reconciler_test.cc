// The reconciler over a cluster in memory: the same objects as a real one, without its processes.
#include "operator/reconcile/reconciler.h"

#include <gmock/gmock.h>

#include "operator/canary/canary.h"
#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using strategies::Outcome;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReconcilerTest : public ::testing::Test, protected ReleaseWorld {
 protected:
  Listener listener() {
    return {.on_event =
                [this](const canary::Canary&, const strategies::Event& event) {
                  events.push_back(event.reason + ": " + event.message);
                },
            .on_action = {},
            .on_status = {},
            .on_check = {},
            .on_gone = [this](const kube::Key& gone) { forgotten.push_back(gone.name); },
            .on_claim = {}};
  }

  Round round() { return reconciler.reconcile(key); }
  void run(const std::function<bool()>& until = [] { return false; }) {
    ReleaseWorld::run(reconciler, until);
  }

  std::vector<std::string> events;
  std::vector<std::string> forgotten;
  Reconciler reconciler{world.api, world.api, world.stores, analyst, world.clock, listener()};
};

TEST_F(ReconcilerTest, promotes_and_leaves_the_objects_as_their_owner_wrote_them) {
  fill();
  const auto virtual_service = object(kube::kVirtualServices, "checkout")["spec"];
  run();
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_EQ(object(kube::kVirtualServices, "checkout")["spec"], virtual_service);
  EXPECT_EQ(object(kube::kServices, "checkout")["spec"]["selector"]["version"], "v2");
  EXPECT_EQ(object(kube::kDeployments, "checkout-v1")["spec"]["replicas"], 0);
  EXPECT_EQ(object(kube::kDeployments, "checkout-v2")["spec"]["replicas"], 2);
  EXPECT_TRUE(object(kube::kServices, "checkout-v1").is_null());
  EXPECT_TRUE(world.api.list(kube::kDestinationRules, "shop", "")->empty());
  EXPECT_FALSE(object(kube::kCanaries, "checkout-v2")["metadata"].contains("finalizers"));
}

TEST_F(ReconcilerTest, takes_a_failing_candidate_back_and_restores_everything) {
  fill();
  const auto service = object(kube::kServices, "checkout")["spec"];
  const auto virtual_service = object(kube::kVirtualServices, "checkout")["spec"];
  analyst.judge = [](const Question&) { return Outcome::Fail; };
  run();
  EXPECT_EQ(phase(), "Failed");
  EXPECT_EQ(object(kube::kServices, "checkout")["spec"], service);
  EXPECT_EQ(object(kube::kVirtualServices, "checkout")["spec"], virtual_service);
  EXPECT_EQ(object(kube::kDeployments, "checkout-v2")["spec"]["replicas"], 0);
  EXPECT_THAT(message(), HasSubstr("2 of 2 failed checks"));
}

TEST_F(ReconcilerTest, authorises_every_weight_in_status_before_it_is_routed) {
  fill();
  int authorised = -1;
  std::vector<int> routed;
  run([&] {
    for (const auto& write : world.take_writes()) {
      const Json status = write.after.value("status", Json::object());
      if (write.resource == kube::kCanaries) authorised = status.value("canaryWeight", authorised);
      if (write.resource != kube::kVirtualServices) continue;
      const auto& route = write.after["spec"]["http"][0]["route"];
      if (route.size() == 2) routed.push_back(route[1]["weight"]);
      EXPECT_TRUE(routed.empty() || routed.back() <= authorised);
    }
    return phase() == "Finalizing";
  });
  EXPECT_THAT(routed, ElementsAre(0, 10, 50, 100));
}

TEST_F(ReconcilerTest, does_not_move_weight_to_endpoints_that_only_the_cache_still_has) {
  fill();
  run([this] { return at_weight(10); });
  // The cache lags behind: live, the candidate has lost its last endpoint, and the world does not mend that.
  world.api.on_write([](const offline::Write&) {});
  const auto slices = world.api.list(kube::kEndpointSlices, "shop", "").value_or(std::vector<Json>{});
  for (const auto& slice : slices) {
    auto empty = slice;
    empty["endpoints"] = Json::array();
    world.api.put(kube::kEndpointSlices, empty);
  }
  (void)world.stores.endpoint_slices.replace(slices, world.clock.steady());
  world.clock.advance(std::chrono::minutes(1));
  for (int i = 0; i < 5; ++i) (void)round();
  EXPECT_LE(object(kube::kVirtualServices, "checkout")["spec"]["http"][0]["route"][1]["weight"], 10);
}

// Found by the simulation: watches lagged, and the last ready pods went.
TEST_F(ReconcilerTest, does_not_take_pods_away_for_others_that_only_the_cache_still_has) {
  fill();
  analyst.judge = [](const Question&) { return strategies::Outcome::Fail; };
  run([this] {
    return phase() == "RollingBack" &&
           object(kube::kServices, "checkout")["spec"]["selector"].value("version", "") == "v1";
  });
  world.api.on_write([](const offline::Write&) {});
  const auto cached = world.api.list(kube::kDeployments, "shop", "").value_or(std::vector<Json>{});
  Json stable = object(kube::kDeployments, "checkout-v1");
  stable["status"]["readyReplicas"] = 0;
  world.api.put(kube::kDeployments, stable);
  const auto live = object(kube::kDeployments, "checkout-v1");
  for (int i = 0; i < 20; ++i) {
    (void)world.stores.deployments.replace(cached, world.clock.steady());
    (void)round();
    world.clock.advance(std::chrono::seconds(10));
  }
  EXPECT_GT(object(kube::kDeployments, "checkout-v2")["spec"]["replicas"], 0);
  EXPECT_EQ(phase(), "RollingBack");
  stable = object(kube::kDeployments, "checkout-v1");
  stable["status"]["readyReplicas"] = stable["spec"]["replicas"];
  world.api.put(kube::kDeployments, stable);
  run([] { return false; });
  EXPECT_EQ(phase(), "Failed");
  EXPECT_EQ(object(kube::kDeployments, "checkout-v2")["spec"]["replicas"], 0);
}

TEST_F(ReconcilerTest, waits_behind_an_older_release_of_the_same_service) {
  fill();
  Json other = object(kube::kCanaries, "checkout-v2");
  other["metadata"] = {
      {"name", "a-first"}, {"namespace", "shop"}, {"creationTimestamp", "2020-01-01T00:00:00Z"}};
  world.api.put(kube::kCanaries, other);
  run();
  EXPECT_EQ(phase(), "Pending");
  EXPECT_THAT(message(), HasSubstr("Canary a-first is releasing Service checkout"));
  EXPECT_TRUE(object(kube::kServices, "checkout-v1").is_null());
}

TEST_F(ReconcilerTest, yields_to_a_newer_release_that_supersedes_it) {
  fill();
  run([this] { return at_weight(10); });
  Json newer = object(kube::kCanaries, "checkout-v2");
  newer.erase("status");
  newer["metadata"] = {
      {"name", "checkout-v3"}, {"namespace", "shop"}, {"creationTimestamp", "2999-01-01T00:00:00Z"}};
  newer["spec"]["targetRef"]["name"] = "checkout-v3";
  newer["spec"]["supersede"] = true;
  world.api.put(kube::kCanaries, newer);
  run();
  EXPECT_EQ(phase(), "Failed");
  EXPECT_THAT(message(), HasSubstr("superseded by Canary checkout-v3"));
  EXPECT_EQ(object(kube::kServices, "checkout")["spec"]["selector"]["version"], "v1");
}

TEST_F(ReconcilerTest, never_touches_a_service_that_is_not_its_own) {
  fill();
  world.api.put(kube::kServices, Json::parse(R"({"metadata":{"name":"checkout-v2","namespace":"shop"},
      "spec":{"selector":{"app":"other"},"ports":[{"port":1}]}})"));
  run([this] { return message().find("not this release's") != std::string::npos; });
  EXPECT_EQ(phase(), "Pending");
  EXPECT_EQ(object(kube::kServices, "checkout-v2")["spec"]["selector"]["app"], "other");
}

TEST_F(ReconcilerTest, names_what_is_missing) {
  fill();
  world.api.erase(kube::kVirtualServices, {"shop", "checkout"});
  (void)round();
  EXPECT_THAT(message(), HasSubstr("no VirtualService routes to Service checkout"));
  world.api.erase(kube::kServices, {"shop", "checkout"});
  (void)round();
  EXPECT_THAT(message(), HasSubstr("Service checkout (spec.service.name) does not exist"));
}

TEST_F(ReconcilerTest, refuses_a_target_that_serves_already) {
  fill();
  Json service = object(kube::kServices, "checkout");
  service["spec"]["selector"]["version"] = "v2";
  world.api.put(kube::kServices, service);
  (void)round();
  EXPECT_THAT(message(), HasSubstr("selects checkout-v2 already"));
}

TEST_F(ReconcilerTest, says_why_a_spec_cannot_be_used_whatever_its_status_holds) {
  fill();
  Json canary = object(kube::kCanaries, "checkout-v2");
  canary["spec"].erase("service");
  for (const auto& status : {Json{{"message", 5}}, Json::array(), Json("ended")}) {
    canary["status"] = status;
    world.api.put(kube::kCanaries, canary);
    EXPECT_FALSE(round().error);
    EXPECT_THAT(message(), HasSubstr("spec.service"));
  }
}

TEST_F(ReconcilerTest, finishes_after_the_virtual_service_was_deleted_and_the_canary_too) {
  fill();
  run([this] { return at_weight(10); });
  world.api.erase(kube::kVirtualServices, {"shop", "checkout"});
  world.api.erase(kube::kCanaries, key);
  run();
  EXPECT_TRUE(object(kube::kCanaries, "checkout-v2").is_null());
  EXPECT_EQ(object(kube::kServices, "checkout")["spec"]["selector"]["version"], "v1");
  EXPECT_THAT(forgotten, Contains("checkout-v2"));
}

TEST_F(ReconcilerTest, undoes_nothing_while_its_caches_lack_the_routes_that_it_divided) {
  fill();
  run([this] { return at_weight(50); });
  Json asked = object(kube::kCanaries, "checkout-v2");
  asked["metadata"]["annotations"]["weir.dev/rollback"] = "now";
  world.api.put(kube::kCanaries, asked);
  auto& routes = *world.stores.of(kube::kVirtualServices);
  const Json divided = object(kube::kVirtualServices, "checkout");
  (void)routes.replace(std::vector<Json>{}, world.clock.steady());
  int writes = 0;
  world.api.on_write([&](const offline::Write&) { ++writes; });
  const auto done = round();
  EXPECT_EQ(writes, 0);
  ASSERT_TRUE(done.error);
  EXPECT_THAT(done.error->message, HasSubstr("VirtualService shop/checkout, which its status records"));
  (void)routes.replace(std::vector<Json>{divided}, world.clock.steady());
  run();
  EXPECT_EQ(status()["phase"], "Failed");
}

TEST_F(ReconcilerTest, knows_the_rule_of_the_owner_that_it_added_to_by_its_kind) {
  const std::string rule = R"(
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: checkout, namespace: shop}
spec: {host: checkout}
)";
  fill(kObjects + rule);
  run([this] { return at_weight(50); });
  ASSERT_EQ(status()["canaryWeight"], 50) << message();
  auto& rules = *world.stores.of(kube::kDestinationRules);
  const Json divided = object(kube::kDestinationRules, "checkout");
  (void)rules.replace(std::vector<Json>{}, world.clock.steady());
  const auto done = round();
  ASSERT_TRUE(done.error);
  EXPECT_THAT(done.error->message, HasSubstr("DestinationRule shop/checkout, which its status records"));
  (void)rules.replace(std::vector<Json>{divided}, world.clock.steady());
  run();
  EXPECT_EQ(status()["phase"], "Succeeded");
}

TEST_F(ReconcilerTest, writes_nothing_once_a_release_is_over) {
  fill();
  run();
  int writes = 0;
  world.api.on_write([&](const offline::Write&) { ++writes; });
  world.clock.advance(std::chrono::hours(1));
  const auto done = round();
  EXPECT_EQ(writes, 0);
  EXPECT_FALSE(done.requeue_after);
}

TEST_F(ReconcilerTest, puts_back_weights_that_a_person_changed) {
  fill();
  run([this] { return at_weight(10); });
  Json edited = object(kube::kVirtualServices, "checkout");
  edited["spec"]["http"][0]["route"][0]["weight"] = 10;
  edited["spec"]["http"][0]["route"][1]["weight"] = 90;
  world.api.put(kube::kVirtualServices, edited, "kubectl-edit");
  (void)round();
  EXPECT_EQ(object(kube::kVirtualServices, "checkout")["spec"]["http"][0]["route"][1]["weight"], 10);
  EXPECT_THAT(events, Contains(HasSubstr("kubectl-edit")));
}

// Its wall time can be set.
struct WallClock final : base::Clock {
  explicit WallClock(const base::Clock& true_time) : of(true_time) {}
  [[nodiscard]] Wall wall() const override { return of.wall() + ahead; }
  [[nodiscard]] Steady steady() const override { return of.steady(); }

  const base::Clock& of;
  std::chrono::seconds ahead{0};
};

TEST_F(ReconcilerTest, takes_back_what_stands_still_though_its_clock_is_set_back_meanwhile) {
  fill();
  analyst.judge = [](const Question&) { return Outcome::Inconclusive; };
  WallClock clock(world.clock);
  clock.ahead = std::chrono::hours(1);
  Reconciler process{world.api, world.api, world.stores, analyst, clock, listener()};
  ReleaseWorld::run(process, [this] { return at_weight(10); });
  clock.ahead = std::chrono::hours(0);
  const auto set_back = world.clock.steady();
  ReleaseWorld::run(process, [this] { return phase() == "Failed"; });
  EXPECT_THAT(message(), HasSubstr("no progress for 600 s"));
  EXPECT_LE(world.clock.steady() - set_back, std::chrono::seconds(750));
}

// One proxy of two has not got the routes since the candidate had this weight.
analysis::Split lagging() {
  return {.division = analysis::Division::Differs,
          .message = "checkout-v2 got 160 of 400 requests; not followed by gateway-1"};
}
analysis::Split following() { return {.division = analysis::Division::Agrees, .message = "all follow"}; }

TEST_F(ReconcilerTest, moves_the_selector_when_every_proxy_was_counted_to_follow) {
  fill();
  const auto counts = [this](const Question& question) {
    const bool early = object(kube::kServices, "checkout")["spec"]["selector"].value("version", "") != "v2";
    const int asked = static_cast<int>(
        std::ranges::count_if(analyst.asked, [](const Question& one) { return !one.request.judges; }));
    const bool lags = !question.request.judges && early && asked < 4;
    return lags ? lagging() : following();
  };
  analyst.count = counts;
  run([this] { return message().contains("gateway-1"); });
  EXPECT_EQ(phase(), "Promoting");
  EXPECT_FALSE(object(kube::kServices, "checkout")["spec"]["selector"].contains("version"));
  EXPECT_THAT(events, Contains(HasSubstr("RoutingMismatch: checkout-v2 got 160 of 400")));
  run();
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_EQ(object(kube::kDeployments, "checkout-v1")["spec"]["replicas"], 0);
  for (const auto& question : analyst.asked) {
    if (question.request.judges) continue;
    EXPECT_TRUE(question.metrics.empty()) << "no metric is asked for";
    EXPECT_EQ(question.subject.weight, 100);
  }
}

TEST_F(ReconcilerTest, counts_although_another_release_keeps_writing_to_the_same_virtual_service) {
  fill();
  analyst.count = [](const Question&) { return analysis::Split{.division = analysis::Division::Agrees}; };
  run([&] { return phase() == "Promoting" && at_weight(100); });
  auto written = world.clock.steady();
  int weight = 0;
  run([&] {
    if (world.clock.steady() - written > std::chrono::seconds(10)) {
      written = world.clock.steady();
      auto shared = object(kube::kVirtualServices, "checkout");
      const Json cart = {{"destination", {{"host", "cart"}}}, {"weight", ++weight}};
      shared["spec"]["http"][1] = {{"route", Json::array({cart})}};
      world.api.put(kube::kVirtualServices, shared);
    }
    return phase() != "Promoting";
  });
  EXPECT_EQ(phase(), "Finalizing") << message();
}

TEST_F(ReconcilerTest, scales_a_candidate_away_when_no_proxy_was_counted_to_send_it_requests) {
  fill();
  analyst.judge = [](const Question&) { return Outcome::Fail; };
  bool lags = true;
  analyst.count = [&](const Question& question) {
    return !question.request.judges && lags ? lagging() : following();
  };
  run([this] { return message().contains("gateway-1"); });
  EXPECT_EQ(phase(), "RollingBack");
  EXPECT_FALSE(object(kube::kServices, "checkout")["spec"]["selector"].contains("version"));
  EXPECT_EQ(object(kube::kDeployments, "checkout-v2")["spec"]["replicas"], 1);
  lags = false;
  run();
  EXPECT_EQ(phase(), "Failed");
  EXPECT_EQ(object(kube::kDeployments, "checkout-v2")["spec"]["replicas"], 0);
}

}  // namespace
}  // namespace weir::reconcile
