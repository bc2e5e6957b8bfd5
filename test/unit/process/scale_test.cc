// What the operator costs the API server, over a cluster in memory.
#include <gmock/gmock.h>
#include <spdlog/fmt/fmt.h>

#include "operator/process/event_sender.h"
#include "operator/reconcile/controller.h"
#include "test/unit/process/counting_api.h"
#include "test/unit/reconcile/release.h"

namespace weir::process {
namespace {

using kube::Json;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using ::testing::IsEmpty;

// The operator without its threads and its watches: what they bring comes at once.
class Scale : public ::testing::Test, protected reconcile::ReleaseWorld {
 protected:
  Scale() {
    world.stores.on_change([this](const kube::Resource& resource, const kube::Change& change) {
      controller.changed(resource, change);
    });
  }

  // Does all that falls due within this time.
  void pass(milliseconds time) {
    const auto end = world.clock.steady() + time;
    while (true) {
      if (controller.step()) continue;
      const auto due = controller.next_due();
      if (!due || *due > end) break;
      world.clock.advance(std::chrono::ceil<milliseconds>(*due - world.clock.steady()));
    }
    world.clock.advance(std::chrono::ceil<milliseconds>(end - world.clock.steady()));
  }

  void add(const std::string& name, const std::string& service, const std::string& phase, Json more = {}) {
    Json canary = canary_of(name, service);
    if (!more.is_null()) canary["spec"].update(more);
    if (!phase.empty()) {
      canary["status"] = {{"phase", phase},
                          {"target", name},
                          {"startedAt", "2026-01-01T00:00:00.000Z"},
                          {"lastTransitionTime", "2026-01-01T00:00:00.000Z"}};
    }
    world.api.put(kube::kCanaries, canary);
  }
  static Json canary_of(const std::string& name, const std::string& service) {
    return {{"metadata", {{"name", name}, {"namespace", "shop"}}},
            {"spec",
             {{"targetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", name}}},
              {"service", {{"name", service}}},
              {"analysis",
               {{"interval", "10s"},
                {"stepWeight", 10},
                {"maxWeight", 50},
                {"metrics",
                 Json::array({{{"name", "request-success-rate"}, {"thresholdRange", {{"min", 99}}}},
                              {{"name", "request-duration"}, {"thresholdRange", {{"max", 500}}}}})}}}}}};
  }

  CountingApi api{world.api};
  EventSender events{api};
  std::map<std::string, int> rounds;
  reconcile::Reconciler reconciler{
      api,
      api,
      world.stores,
      analyst,
      world.clock,
      {.on_event = [this](const canary::Canary& canary, const strategies::Event& event) {
        events.send({canary.name_space, canary.name, canary.uid}, event, world.clock.wall());
        while (events.send_next()) {
        }
      }}};
  reconcile::Controller controller{reconciler, world.stores, world.clock,
                                   [this](const kube::Key& canary, const reconcile::Round&,
                                          std::chrono::duration<double>) { ++rounds[canary.name]; }};
};

TEST_F(Scale, of_releases_that_are_over_or_wait_costs_no_request_and_hardly_a_round) {
  fill();
  world.api.erase(kube::kCanaries, key);
  constexpr int kOver = 300;
  constexpr int kEach = 50;
  for (int i = 0; i < kOver; ++i) add(fmt::format("over-{}", i), fmt::format("service-{}", i), "Succeeded");
  add("a-first", "checkout", "", {{"suspend", true}});
  for (int i = 0; i < kEach; ++i) {
    add(fmt::format("behind-{}", i), "checkout", "");
    add(fmt::format("suspended-{}", i), fmt::format("service-{}", i), "", {{"suspend", true}});
    add(fmt::format("lacks-{}", i), fmt::format("service-{}", i), "", {{"progressDeadlineSeconds", 86'400}});
  }
  pass(minutes(20));
  rounds.clear();
  api.requests.clear();

  pass(hours(1));
  EXPECT_THAT(api.requests, IsEmpty());
  int waiting = 0;
  for (const auto& [name, times] : rounds) {
    EXPECT_FALSE(name.starts_with("over-")) << name;
    waiting += times;
  }
  EXPECT_LE(waiting, (3 * kEach + 1) * 6) << "one in ten minutes";
}

TEST_F(Scale, removes_a_finished_release_when_its_time_is_over_without_looking_at_it_before) {
  add("over", "checkout", "Succeeded", {{"ttlSecondsAfterFinished", 7200}});
  pass(hours(1));
  EXPECT_EQ(rounds["over"], 1);
  EXPECT_THAT(api.requests, IsEmpty());
  pass(hours(2));
  EXPECT_TRUE(object(kube::kCanaries, "over").is_null());
  EXPECT_EQ(api.requests, (std::map<std::string, int>{{"delete Canary", 1}}));
}

TEST_F(Scale, of_a_release_of_five_steps_is_at_most_47_requests_with_its_events) {
  fill();
  Json canary = object(kube::kCanaries, "checkout-v2");
  canary["spec"] = canary_of("checkout-v2", "checkout")["spec"];
  world.api.put(kube::kCanaries, canary);
  for (const auto* name : {"checkout-v1", "checkout-v2"}) {
    Json deployment = object(kube::kDeployments, name);
    deployment["spec"]["replicas"] = 2;
    deployment["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"] = {
        {"sleep", {{"seconds", 5}}}};
    const auto generation = deployment["metadata"]["generation"].get<int>() + 1;
    deployment["status"].update(
        {{"observedGeneration", generation}, {"replicas", 2}, {"readyReplicas", 2}, {"updatedReplicas", 2}});
    world.api.put(kube::kDeployments, deployment);
  }
  // The analyst answers at once and wakes nobody: the release looks by itself.
  for (int i = 0; i < 600 && phase() != "Succeeded"; ++i) {
    controller.wake(key);
    pass(std::chrono::seconds(1));
  }
  pass(hours(1));
  ASSERT_EQ(phase(), "Succeeded") << message();
  for (const auto& [what, times] : api.requests) RecordProperty(what, times);
  std::string all;
  for (const auto& [what, times] : api.requests) all += fmt::format("{} {}\n", times, what);
  EXPECT_LE(api.count(), 47) << all;
}

TEST_F(Scale, reads_a_finished_release_whole_when_it_begins_anew) {
  fill();
  Json canary = object(kube::kCanaries, "checkout-v2");
  canary["status"] = {{"phase", "Succeeded"},
                      {"target", "checkout-v1"},
                      {"startedAt", "2026-01-01T00:00:00.000Z"},
                      {"history", Json::array({{{"sequence", 7},
                                                {"time", "2026-01-01T00:00:00.000Z"},
                                                {"phase", "Succeeded"},
                                                {"reason", "Promoted"}}})}};
  world.api.put(kube::kCanaries, canary);
  pass(std::chrono::seconds(1));
  EXPECT_NE(phase(), "Succeeded");
  ASSERT_FALSE(status()["history"].empty());
  EXPECT_EQ(status()["history"][0]["sequence"], 7);
}

}  // namespace
}  // namespace weir::process
