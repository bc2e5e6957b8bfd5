// What a process makes that may lead no longer.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/object.h"
#include "operator/lead/epoch.h"
#include "operator/lead/fence.h"
#include "operator/offline/memory_api.h"

namespace weir::lead {
namespace {

Json service(const char* name) { return {{"metadata", {{"name", name}, {"namespace", "shop"}}}}; }

class FencedApiTest : public ::testing::Test {
 protected:
  FencedApiTest() {
    api.put(kube::kCanaries, {{"metadata", {{"name", "checkout-v2"}, {"namespace", "shop"}}}});
  }

  [[nodiscard]] Json canary() { return api.get(kube::kCanaries, release).value(); }

  const kube::Key release{"shop", "checkout-v2"};
  base::VirtualClock clock;
  offline::MemoryApi api{clock};
  Leadership lead{.term = 1, .renewed_at = clock.steady()};
  Fence fence{[this](const kube::Key&) { return std::optional(lead); }};
  FencedApi fenced{api, fence, release, {"shop", "checkout"}, 1};
};

TEST_F(FencedApiTest, makes_nothing_once_a_later_leader_has_claimed_the_canary) {
  EXPECT_TRUE(fenced.create(kube::kServices, service("before")));
  api.put(kube::kCanaries, claimed(canary(), 2));
  EXPECT_EQ(fenced.create(kube::kServices, service("after")).error().code, kube::Code::Cancelled);
  EXPECT_FALSE(api.find(kube::kServices, {"shop", "after"}));
}

TEST_F(FencedApiTest, makes_nothing_once_a_later_leader_has_written_the_status) {
  auto signed_by_another = canary();
  sign_status(signed_by_another, 2);
  api.put(kube::kCanaries, signed_by_another);
  EXPECT_EQ(fenced.create(kube::kServices, service("after")).error().code, kube::Code::Cancelled);
}

TEST_F(FencedApiTest, goes_on_where_its_lease_was_made_anew_and_counts_from_the_start) {
  api.put(kube::kCanaries, claimed(canary(), 2));
  const auto now = canary();
  const std::vector<ManagedObject> objects{{kube::kCanaries, std::make_shared<const Json>(now)}};
  EXPECT_TRUE(fence.overtaken(release, {.canary = now, .objects = objects}, lead));
  EXPECT_FALSE(fenced.create(kube::kServices, service("checkout-v1")));
  *lead.renewed_at += std::chrono::seconds(2);
  EXPECT_FALSE(fence.overtaken(release, {.canary = now, .objects = objects}, lead));
  EXPECT_TRUE(fenced.create(kube::kServices, service("checkout-v1")));
}

TEST_F(FencedApiTest, asks_nobody_where_there_is_no_other_process) {
  lead.renewed_at.reset();
  api.put(kube::kCanaries, claimed(canary(), 2));
  EXPECT_TRUE(fenced.create(kube::kServices, service("checkout-v1")));
}

}  // namespace
}  // namespace weir::lead
