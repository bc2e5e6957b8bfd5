#include "strategies/outlook.h"

#include <gtest/gtest.h>

#include "strategies/context.h"
#include "test/unit/strategies/world.h"

namespace weir::strategies {
namespace {

TEST(Outlook, of_a_step_is_its_next_check_and_a_deadline_after_it) {
  World world;
  world.run_to_step(1);
  const auto next = outlook(world.release.spec, world.release.status);
  const auto written = *world.release.status.step_started_at;
  EXPECT_EQ(next.next_check, written + Seconds{5 + 30});
  EXPECT_EQ(next.deadline, *world.release.status.last_progress_at + Seconds{600 + 5 + 30});
  EXPECT_FALSE(next.stable_released);
}

TEST(Outlook, is_when_the_machine_asks) {
  World world;
  TimePoint asked;
  world.judge = [&](const CheckRequest& request) {
    asked = request.window_end;
    return Outcome::Inconclusive;
  };
  world.run_to_step(1);
  const auto next = outlook(world.release.spec, world.release.status).next_check;
  world.run([&](const World&) { return asked != TimePoint{}; });
  EXPECT_EQ(next, asked);
}

TEST(Outlook, is_when_the_machine_takes_a_release_back) {
  World world;
  world.judge = [](const CheckRequest&) { return Outcome::Inconclusive; };
  world.run_to_step(1);
  const auto end = outlook(world.release.spec, world.release.status).deadline;
  world.run_to(Phase::RollingBack);
  EXPECT_EQ(end, world.now);
}

TEST(Outlook, of_a_release_behind_another_has_no_deadline) {
  World world;
  world.seen.obstacles.push_back(
      {std::string(kConflict), "OtherRelease", "Canary checkout-v3 is releasing Service checkout"});
  (void)world.round();
  ASSERT_EQ(world.phase(), Phase::Pending);
  EXPECT_FALSE(outlook(world.release.spec, world.release.status).deadline);
}

TEST(Outlook, of_a_suspended_release_is_its_next_check_and_no_deadline) {
  World world;
  world.run_to_step(1);
  world.release.spec.suspend = true;
  const auto next = outlook(world.release.spec, world.release.status);
  EXPECT_TRUE(next.next_check);
  EXPECT_FALSE(next.deadline);
}

TEST(Outlook, does_not_count_time_in_which_no_operator_was_there) {
  World world;
  world.run_to_step(1);
  const auto back = world.now + Seconds{10'000};
  EXPECT_EQ(outlook(world.release.spec, world.release.status, back).deadline, back + Seconds{600 + 5 + 30});
}

}  // namespace
}  // namespace weir::strategies
