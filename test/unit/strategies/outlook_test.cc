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

TEST(Outlook, of_a_step_counts_samples_from_when_its_weight_has_reached_every_proxy) {
  World world;
  std::optional<TimePoint> asked_from;
  world.judge = [&](const CheckRequest& request) {
    asked_from = request.earliest;
    return Outcome::Inconclusive;
  };
  EXPECT_FALSE(outlook(world.release.spec, world.release.status).samples_from);
  world.run_to_step(1);
  const auto from = outlook(world.release.spec, world.release.status).samples_from;
  EXPECT_EQ(from, *world.release.status.step_started_at + Seconds{5});
  world.run([&](const World&) { return asked_from.has_value(); });
  EXPECT_EQ(from, asked_from);
}

TEST(Outlook, of_a_promotion_step_is_when_the_next_one_follows) {
  World world;
  world.release.spec.program.promotion = {{percent(75)}, {percent(100)}};
  world.run_to(Phase::Promoting);
  EXPECT_FALSE(outlook(world.release.spec, world.release.status).promotion_step_over)
      << "the last step of the analysis has been judged";
  world.run_to_write("Promoting: route 75 % to the candidate");
  const auto over = outlook(world.release.spec, world.release.status).promotion_step_over;
  EXPECT_EQ(over, *world.release.status.step_started_at + Seconds{30});
  world.run_to_write("Promoting: route 100 % to the candidate");
  EXPECT_EQ(over, world.now);
  EXPECT_FALSE(outlook(world.release.spec, world.release.status).promotion_step_over);
}

TEST(Outlook, says_when_a_phase_has_lasted_for_the_progress_deadline) {
  World world;
  world.run_to(Phase::Finalizing);
  const auto& status = world.release.status;
  EXPECT_EQ(outlook(world.release.spec, status).end_of_phase, *status.last_transition_time + Seconds{600});
  const auto back = world.now + Seconds{10'000};
  EXPECT_EQ(outlook(world.release.spec, status, back).end_of_phase, back + Seconds{600});
}

// Three writes, of which each needs the one before it with every proxy.
TEST(Outlook, of_the_preparation_has_a_deadline_after_its_own_waits) {
  World world;
  world.run_to(Phase::Initializing);
  const auto& status = world.release.status;
  EXPECT_EQ(outlook(world.release.spec, status).deadline, *status.last_progress_at + Seconds{600 + 3 * 5});
}

TEST(Outlook, of_a_preparation_that_comes_no_further_still_has_an_end) {
  World world;
  world.on_write = [](World& now) {
    if (now.writes.back() == "Initializing: route 0 % to the candidate")
      now.seen.routes = RouteState{.unmanaged = 1, .found = {{"checkout", "http/0", "{}"}}};
  };
  world.run_to(Phase::Initializing);
  const auto end = outlook(world.release.spec, world.release.status).deadline;
  for (int i = 0; i < 2000 && world.phase() == Phase::Initializing; ++i) {
    (void)world.round();
    world.pass(Seconds{1});
  }
  EXPECT_EQ(world.phase(), Phase::RollingBack);
  EXPECT_EQ(world.release.status.rollback_reason, "ProgressDeadlineExceeded");
  EXPECT_EQ(world.release.status.last_transition_time, end);
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

TEST(Outlook, of_what_a_clock_wrote_that_was_ahead_counts_from_now) {
  World world;
  world.judge = [](const CheckRequest&) { return Outcome::Inconclusive; };
  world.run_to_step(1);
  world.now -= Seconds{5'000};
  const auto set_back = world.now;
  world.run_to(Phase::RollingBack);
  EXPECT_EQ(world.release.status.rollback_reason, "ProgressDeadlineExceeded");
  EXPECT_LE(world.now, set_back + Seconds{600 + 5 + 30});
}

TEST(Outlook, of_a_step_that_was_judged_by_a_clock_that_was_ahead_is_its_first_interval_again) {
  World world;
  world.release.spec.program.steps.front().passes = 3;
  world.run([](const World& now) { return now.release.status.iterations == 2; });
  world.now -= Seconds{5'000};
  const auto set_back = world.now;
  (void)world.round();
  EXPECT_EQ(world.release.status.iterations, 0);
  EXPECT_EQ(outlook(world.release.spec, world.release.status).next_check, set_back + Seconds{5 + 30});
  world.run_to(Phase::Succeeded);
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Outlook, does_not_count_time_in_which_no_operator_was_there) {
  World world;
  world.run_to_step(1);
  const auto back = world.now + Seconds{10'000};
  EXPECT_EQ(outlook(world.release.spec, world.release.status, back).deadline, back + Seconds{600 + 5 + 30});
}

}  // namespace
}  // namespace weir::strategies
