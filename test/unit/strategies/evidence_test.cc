// What the state machine makes of a judge that gathers evidence.
#include <gmock/gmock.h>

#include "test/unit/strategies/world.h"

namespace weir::strategies {
namespace {

using ::testing::HasSubstr;

// Needs so many intervals at each step.
void gathers(World& world, int intervals) {
  world.judge = [intervals](const CheckRequest& request) {
    return request.index < intervals ? Outcome::Inconclusive : Outcome::Pass;
  };
  world.amend = [](const CheckRequest& request, Verdict& verdict) {
    verdict.undecided = verdict.outcome == Outcome::Inconclusive;
    verdict.evidence = request.evidence + "|";
    verdict.message = "needs about 240 more requests to advance";
  };
}

TEST(Evidence, is_kept_in_status_and_handed_to_the_next_interval) {
  World world;
  gathers(world, 3);
  world.run_to_step(2);
  EXPECT_EQ(world.release.status.evidence, "|||");
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.release.status.evidence, "|||||||||");
}

TEST(Evidence, that_is_not_enough_yet_holds_the_step_and_is_no_lack_of_metrics) {
  World world;
  gathers(world, 1000);
  world.run_to_step(1);
  world.run([](const World& w) { return w.release.status.checks_in_step == 4; });
  EXPECT_EQ(world.release.status.step, 1);
  EXPECT_EQ(world.release.status.failed_checks, 0);
  EXPECT_EQ(world.release.status.message, "needs about 240 more requests to advance");
  EXPECT_FALSE(world.told("CheckInconclusive"));
  const auto& conditions = world.release.status.conditions;
  const auto metrics = std::ranges::find(conditions, "MetricsAvailable", &Condition::type);
  ASSERT_NE(metrics, conditions.end());
  EXPECT_EQ(metrics->status, ConditionStatus::True);
  world.run();
  EXPECT_EQ(world.release.status.rollback_reason, "ProgressDeadlineExceeded");
}

// As where the first interval of every step holds one scrape.
TEST(Evidence, of_which_there_is_none_yet_is_waited_for_without_a_warning) {
  World world;
  world.judge = [](const CheckRequest& request) {
    return request.index == 1 ? Outcome::Inconclusive : Outcome::Pass;
  };
  world.amend = [](const CheckRequest&, Verdict& verdict) {
    verdict.too_early = verdict.undecided = verdict.outcome == Outcome::Inconclusive;
  };
  const auto metrics = [&] {
    const auto& conditions = world.release.status.conditions;
    return std::ranges::find(conditions, "MetricsAvailable", &Condition::type) != conditions.end();
  };
  world.run_to_step(1);
  world.run([](const World& w) { return w.release.status.checks_in_step == 1; });
  EXPECT_FALSE(metrics()) << "nothing is known of them";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_TRUE(metrics());
  EXPECT_FALSE(world.told("CheckInconclusive"));
  EXPECT_FALSE(world.told("AnalysisWarning"));
}

TEST(Evidence, that_is_conclusive_takes_the_release_back_before_the_threshold) {
  World world;
  world.judge = [](const CheckRequest& request) { return request.step == 2 ? Outcome::Fail : Outcome::Pass; };
  world.amend = [](const CheckRequest&, Verdict& verdict) {
    verdict.conclusive = verdict.outcome == Outcome::Fail;
    verdict.message = "candidate fails 6 % against 0.1 %, evidence 100 of 100";
  };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.release.status.rollback_reason, "EvidenceAgainst");
  EXPECT_EQ(world.release.status.failed_checks, 1);
  EXPECT_THAT(world.release.status.message, HasSubstr("evidence 100 of 100"));
}

TEST(Evidence, of_another_pod_template_counts_for_nothing) {
  World world;
  gathers(world, 3);
  world.run_to_step(2);
  world.seen.candidate->template_hash = "h3";
  world.round();
  EXPECT_EQ(world.release.status.evidence, "");
}

}  // namespace
}  // namespace weir::strategies
