// What is known of endpoints when a version's own Service, by which they are told apart, is taken away, and
// while pods come and go.
#include "operator/reconcile/service_endpoints.h"

#include <gmock/gmock.h>

#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class OwnServices : public ::testing::Test, protected ReleaseWorld {
 protected:
  OwnServices() {
    fill();
    run([this] { return at_weight(10); });
    world.clock.advance(std::chrono::seconds(60));
  }
  void run(const std::function<bool()>& until = [] { return false; }) {
    ReleaseWorld::run(reconciler, [&] {
      const auto weight = status().value("canaryWeight", 0);
      highest = std::max(highest, phase() == "Progressing" ? weight : 0);
      return until();
    });
  }

  Reconciler reconciler{world.api, world.api, world.stores, analyst, world.clock, Listener{}};
  int highest = 0;  // weight that was authorised before the promotion
};

TEST_F(OwnServices, that_are_taken_away_are_made_again_and_nothing_is_believed_of_their_absence) {
  for (const auto* name : {"checkout-v1", "checkout-v2"}) {
    world.api.erase(kube::kServices, {"shop", name});
    run([&] { return !object(kube::kServices, name).is_null(); });
    EXPECT_EQ(phase(), "Progressing") << name << ": " << message();
    EXPECT_FALSE(object(kube::kServices, name).is_null());
  }
  run();
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_EQ(highest, 50);
}

TEST_F(OwnServices, that_are_gone_keep_no_rollback_waiting) {
  auto canary = object(kube::kCanaries, "checkout-v2");
  canary["metadata"]["annotations"]["weir.dev/rollback"] = "asked for";
  world.api.put(kube::kCanaries, canary);
  world.api.erase(kube::kServices, {"shop", "checkout-v1"});
  run();
  EXPECT_EQ(phase(), "Failed") << message();
  EXPECT_THAT(object(kube::kVirtualServices, "checkout").dump(), Not(HasSubstr("subset")));
}

// A release whose candidate has three pods, with something done to their endpoints each second.
class RestlessEndpoints : public ::testing::Test, protected ReleaseWorld {
 protected:
  RestlessEndpoints() {
    fill();
    edit(kube::kDeployments, "checkout-v2", "/spec/replicas", 3);
  }

  using Change = std::function<void(Json& endpoint, int second)>;
  void run(int seconds, const Change& change) {
    for (int second = 0; second < seconds && phase() != "Succeeded" && phase() != "Failed"; ++second) {
      for (const auto* slice : {"checkout-0", "checkout-v2-0"}) change_slice(slice, change, second);
      for (int i = 0; i < 20 && reconciler.reconcile(key).wrote; ++i)
        world.clock.advance(std::chrono::milliseconds(1));
      world.clock.advance(std::chrono::seconds(1));
    }
  }
  // Another pod in the place of each that the candidate had, before and after which it is ready.
  static void replace(Json& endpoint, int second) {
    endpoint["targetRef"]["name"] =
        endpoint["targetRef"]["name"].get<std::string>() + "-" + std::to_string(second);
  }
  static void leave(Json& /*endpoint*/, int /*second*/) {}

  Reconciler reconciler{world.api, world.api, world.stores, analyst, world.clock, Listener{}};

 private:
  void change_slice(const char* name, const Change& change, int second) {
    auto slice = object(kube::kEndpointSlices, name);
    if (slice.is_null()) return;
    for (auto& endpoint : slice["endpoints"]) {
      if (endpoint["targetRef"]["name"].get<std::string>().starts_with("checkout-v2"))
        change(endpoint, second);
    }
    world.api.put(kube::kEndpointSlices, slice);
  }
};

TEST_F(RestlessEndpoints, of_which_half_stay_do_not_hold_a_release) {
  run(600, [](Json& endpoint, int second) {
    if (endpoint["targetRef"]["name"] == "checkout-v2-2") endpoint["conditions"]["ready"] = second % 2 == 1;
  });
  EXPECT_EQ(phase(), "Succeeded") << message();
}

TEST_F(RestlessEndpoints, of_which_none_stays_hold_its_weight_until_half_have_stayed_for_the_delay) {
  ReleaseWorld::run(reconciler, [this] { return at_weight(10); });
  run(120, replace);
  EXPECT_EQ(phase(), "Progressing") << message();
  EXPECT_TRUE(at_weight(10)) << status()["canaryWeight"];
  run(4, leave);
  EXPECT_TRUE(at_weight(10)) << status()["canaryWeight"];
  run(10, leave);
  EXPECT_TRUE(at_weight(50)) << status()["canaryWeight"];
}

}  // namespace
}  // namespace weir::reconcile
