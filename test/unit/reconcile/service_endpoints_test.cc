// What is known of endpoints when a version's own Service, by which they are told apart, is taken away.
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

}  // namespace
}  // namespace weir::reconcile
