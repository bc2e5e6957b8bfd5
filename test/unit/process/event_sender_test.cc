#include "operator/process/event_sender.h"

#include <gtest/gtest.h>

#include "operator/kube/memory_api.h"

namespace weir::process {
namespace {

const report::CanaryRef kCanary{"shop", "checkout-v2", "u1"};
const strategies::Event kStep{strategies::Severity::Normal, "Step", "step 1/3: 10 % to checkout-v2"};

TEST(EventSender, sends_what_still_waits_before_it_ends) {
  const kube::VirtualClock clock;
  kube::MemoryApi api(clock);
  {
    EventSender sender(api);
    sender.send(kCanary, kStep, clock.wall());
  }
  const auto events = api.list(kube::kEvents, "shop", "").value_or(std::vector<kube::Json>{});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front()["reason"], "Step");
  EXPECT_EQ(events.front()["involvedObject"]["uid"], "u1");
}

TEST(EventSender, counts_a_repetition_in_the_event_it_repeats) {
  const kube::VirtualClock clock;
  kube::MemoryApi api(clock);
  {
    EventSender sender(api);
    sender.send(kCanary, kStep, clock.wall());
    sender.send(kCanary, kStep, clock.wall());
  }
  const auto events = api.list(kube::kEvents, "shop", "").value_or(std::vector<kube::Json>{});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front()["count"], 2);
}

}  // namespace
}  // namespace weir::process
