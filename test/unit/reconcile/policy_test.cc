// A policy of the cluster that changes what a release makes, as the API server keeps it.
#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "operator/routing/ownership.h"
#include "test/unit/kube/forwarding_api.h"
#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Changes every object that is created.
class Policy final : public kube::ForwardingApi {
 public:
  Policy(kube::Api& api, std::function<void(Json& metadata)> change)
      : ForwardingApi(api), change_(std::move(change)) {}

  kube::Result<Json> create(const kube::Resource& resource, const Json& object) override {
    Json changed = object;
    change_(changed["metadata"]);
    return ForwardingApi::create(resource, changed);
  }
  kube::Result<void> remove(const kube::Resource& resource, const Json& object) override {
    if (dies) return std::unexpected(kube::Error{.code = kube::Code::Cancelled, .message = "it died"});
    return ForwardingApi::remove(resource, object);
  }

  bool dies = false;  // the process, before it can take away what it made

 private:
  std::function<void(Json&)> change_;
};

class PolicyTest : public ::testing::Test, protected ReleaseWorld {
 protected:
  PolicyTest() { fill(); }

  Reconciler under(Policy& policy) {
    Listener listener;
    listener.on_action = [this](const canary::Canary&, const strategies::Action&,
                                const kube::Result<void>& done) {
      if (!done) refusal = done.error().message;
    };
    return {policy, policy, world.stores, analyst, world.clock, std::move(listener)};
  }
  // Names of all Services.
  std::vector<std::string> services() {
    std::vector<std::string> names;
    for (const auto& found : world.api.list(kube::kServices, "shop", "").value_or(std::vector<Json>{}))
      names.push_back(kube::key_of(found).name);
    return names;
  }

  std::string refusal;  // the last one
};

TEST_F(PolicyTest, that_labels_whatever_is_made_holds_no_release_up) {
  Policy policy(world.api, [](Json& metadata) { metadata["labels"][routing::kManagedBy] = "platform-team"; });
  auto process = under(policy);
  run(process, [this] { return phase() == "Succeeded"; });
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_THAT(refusal, IsEmpty());
  EXPECT_THAT(services(), ::testing::ElementsAre("checkout"));
}

TEST_F(PolicyTest, that_takes_the_signature_off_is_named_and_nothing_is_left) {
  Policy policy(world.api, [](Json& metadata) { metadata["annotations"].erase("weir.dev/canary-uid"); });
  auto process = under(policy);
  for (int i = 0; i < 20 && refusal.empty(); ++i) {
    (void)process.reconcile(key);
    world.clock.advance(std::chrono::seconds(1));
  }
  EXPECT_THAT(refusal, HasSubstr("Service checkout-v1 was made, and as the API server keeps it annotation "
                                 "weir.dev/canary-uid is \"\""));
  EXPECT_THAT(refusal, HasSubstr("exempt the operator's ServiceAccount from that policy"));
  EXPECT_THAT(services(), ::testing::ElementsAre("checkout"));
}

TEST_F(PolicyTest, whose_half_signed_object_was_left_by_a_process_that_died_blocks_no_release) {
  Policy policy(world.api, [](Json& metadata) { metadata["annotations"].erase("weir.dev/canary-uid"); });
  policy.dies = true;
  auto process = under(policy);
  for (int i = 0; i < 20 && refusal.empty(); ++i) {
    (void)process.reconcile(key);
    world.clock.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(refusal, "it died");
  EXPECT_THAT(services(), ::testing::ElementsAre("checkout", "checkout-v1"));
  Policy none(world.api, [](Json&) {});
  auto next = under(none);
  run(next, [this] { return phase() == "Succeeded"; });
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_THAT(services(), ::testing::ElementsAre("checkout"));
}

}  // namespace
}  // namespace weir::reconcile
