// The release of release.h as one reading shows it, and one action carried out from that.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "operator/canary/canary.h"
#include "operator/reconcile/act.h"
#include "operator/reconcile/finished.h"
#include "operator/reconcile/observe.h"
#include "test/unit/reconcile/late_api.h"
#include "test/unit/reconcile/release.h"

namespace weir::reconcile {

// "Service/checkout".
inline std::string name_of(const kube::Resource& resource, const Json& object) {
  return std::string(resource.kind) + "/" + kube::metadata_text(object, "name");
}

class ObservedRelease : public ::testing::Test, protected ReleaseWorld {
 protected:
  ObservedRelease() { fill(); }

  // The release, which has not begun, goes on until the candidate has a tenth of the traffic.
  void begin() {
    run(reconciler, [this] { return at_weight(10) && routed() == 10; });
    ASSERT_EQ(phase(), "Progressing") << message();
    ASSERT_EQ(routed(), 10);
  }
  void promote() {
    run(reconciler, [this] { return phase() == "Succeeded"; });
    ASSERT_EQ(phase(), "Succeeded") << message();
  }
  // The candidate's share as it is routed; -1: routes are as their owner wrote them.
  int routed() {
    const auto route = object(kube::kVirtualServices, "checkout")["spec"]["http"][0]["route"];
    return route.size() == 2 ? route[1]["weight"].get<int>() : -1;
  }

  // One reading of the caches as they are.
  Snapshot look() {
    const auto stored = world.stores.canaries.get(key);
    if (!stored) throw std::logic_error("there is no Canary to look at");
    const auto canary =
        is_over(*stored->object) ? read_finished(*stored->object) : canary::parse(*stored->object).value();
    return observe(canary, *stored->object, world.stores, world.clock.steady(), means);
  }
  std::vector<std::string> obstacles() {
    std::vector<std::string> reasons;
    for (const auto& obstacle : look().observed.obstacles) reasons.push_back(obstacle.reason);
    return reasons;
  }
  // What the first obstacle of this reason says; empty: there is none.
  std::string obstacle(const std::string& reason) {
    for (const auto& found : look().observed.obstacles) {
      if (found.reason == reason) return found.message;
    }
    return {};
  }
  std::vector<std::string> warnings() {
    std::vector<std::string> reasons;
    for (const auto& warning : look().observed.warnings) reasons.push_back(warning.reason);
    return reasons;
  }

  std::vector<Json> pods;               // what is answered when somebody asks for pods
  std::vector<std::string> asked_pods;  // label selectors
  Means means{.list_pods = [this](const std::string&, const std::string& labels) {
    asked_pods.push_back(labels);
    return pods;
  }};
  Reconciler reconciler{world.api, world.api, world.stores, analyst, world.clock, Listener{}};
};

class ActingRelease : public ObservedRelease {
 protected:
  kube::Result<void> perform(const strategies::Action& action, const Snapshot& snapshot) {
    (void)world.take_writes();
    api.reads = 0;
    return Actor(api, world.stores, world.clock, std::nullopt).perform(action, snapshot);
  }
  // What the last action wrote: "update Service/checkout".
  std::vector<std::string> written() {
    std::vector<std::string> names;
    for (const auto& write : world.take_writes()) {
      names.push_back(std::string(offline::to_string(write.verb)) + " " +
                      name_of(write.resource, write.before.is_null() ? write.after : write.before));
    }
    return names;
  }
  std::string selected() {
    return object(kube::kServices, "checkout")["spec"]["selector"].value("version", "");
  }
  void set_ready(const char* deployment, int ready) {
    edit(kube::kDeployments, deployment, "/status/readyReplicas", ready);
  }

  LateApi api{world.api};
};

}  // namespace weir::reconcile
