#include <gmock/gmock.h>

#include "test/unit/strategies/world.h"

namespace weir::strategies {
namespace {

using ::testing::HasSubstr;

TEST(Breaker, takes_the_weight_from_a_candidate_without_endpoints_in_the_same_round) {
  World world;
  world.run_to_step(2);
  world.candidate_serves = false;
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 0);
  EXPECT_EQ(world.release.status.canary_weight, Weight::none());
  EXPECT_EQ(world.phase(), Phase::Progressing);
}

TEST(Breaker, gives_the_step_back_and_starts_its_evidence_afresh_when_the_candidate_recovers) {
  World world;
  world.run_to_step(2);
  world.candidate_serves = false;
  world.round();
  world.pass(Seconds{10});
  world.candidate_serves = true;
  world.round();
  EXPECT_EQ(world.release.status.canary_weight, Weight::none()) << "proxies do not have its endpoints yet";
  EXPECT_TRUE(world.wait());
  world.round();
  EXPECT_EQ(world.release.status.canary_weight, percent(20));
  EXPECT_EQ(world.release.status.step_started_at, world.now);
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Breaker, rolls_back_a_candidate_that_does_not_recover) {
  World world;
  world.run_to_step(2);
  world.candidate_serves = false;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.release.status.rollback_reason, "CandidateUnavailable");
}

TEST(Breaker, acts_on_pods_in_a_crash_loop) {
  World world;
  world.run_to_step(1);
  world.candidate_serves = false;
  world.seen.candidate->pod_problem = "CrashLoopBackOff: back-off 10s";
  world.round();
  EXPECT_THAT(world.release.status.message, HasSubstr("no ready endpoint"));
  EXPECT_EQ(world.seen.routes->highest(), 0);
}

// Found by the simulation: traffic went from pods that were just failing to none at all.
TEST(Breaker, leaves_the_traffic_where_it_is_while_stable_has_no_endpoint_either) {
  World world;
  world.run_to_step(1);
  world.stable_serves = false;
  world.round();
  ASSERT_EQ(world.seen.routes->highest(), 100);
  world.candidate_serves = false;
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 100);
  EXPECT_THAT(world.release.status.message, HasSubstr("stable has no ready endpoint either"));
  world.stable_serves = true;
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 0) << "stable is back first";
  world.candidate_serves = true;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Breaker, of_failing_pods_leaves_the_traffic_to_those_that_serve_while_stable_has_none) {
  World world;
  world.run_to_step(1);
  world.stable_serves = false;
  world.round();
  world.seen.candidate->ready = 1;
  world.seen.candidate->pod_problem = "CrashLoopBackOff: back-off 10s";
  world.seen.service->candidate_endpoints = 1;
  const auto decision = decide(world.release, world.seen, world.now);
  EXPECT_TRUE(decision.actions.empty());
  EXPECT_EQ(decision.status.canary_weight, Weight::all());
  EXPECT_TRUE(decision.status.breaker_tripped_at) << "the release is taken back if that stays so";
}

TEST(Breaker, gives_a_candidate_that_recovers_all_traffic_while_stable_has_no_endpoint) {
  World world;
  world.run_to_step(2);
  world.candidate_serves = false;
  world.round();
  world.stable_serves = false;
  world.round();
  world.candidate_serves = true;
  world.run([](const World& now) { return !now.release.status.breaker_tripped_at; }, 20);
  EXPECT_EQ(world.release.status.canary_weight, Weight::all());
  EXPECT_EQ(world.release.status.step, 2);
}

TEST(Stable, without_endpoints_leaves_the_traffic_to_the_candidate_until_it_is_back) {
  World world;
  world.run_to_step(1);
  world.stable_serves = false;
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 100);
  world.stable_serves = true;
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 100) << "proxies do not have its endpoints yet";
  EXPECT_TRUE(world.wait());
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 10);
  EXPECT_EQ(world.release.status.step, 1);
}

TEST(Stable, without_endpoints_does_not_get_the_traffic_of_a_release_that_starts_again) {
  World world;
  world.run_to_step(1);
  world.stable_serves = false;
  world.round();
  world.seen.candidate->template_hash = "h3";
  world.round();
  EXPECT_EQ(world.phase(), Phase::Initializing);
  EXPECT_EQ(world.seen.routes->highest(), 100);
  EXPECT_TRUE(world.told("StableUnavailable"));
  world.stable_serves = true;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Drift, of_routes_waits_for_the_service_that_knows_their_endpoints) {
  World world;
  world.run_to_step(1);
  world.seen.routes->splits.front().candidate = 0;
  world.seen.routes->changed_by = "gitops";
  world.seen.service.reset();
  const auto decision = decide(world.release, world.seen, world.now);
  EXPECT_TRUE(decision.actions.empty());
  EXPECT_THAT(decision.status.message, HasSubstr("Service"));
}

TEST(Drift, of_routes_waits_for_what_divided_routes_rest_on) {
  World world;
  world.run_to_step(1);
  world.seen.routes->splits.front().candidate = 90;
  world.seen.routes->changed_by = "gitops";
  world.seen.foundation = Foundation{};
  world.seen.stable.reset();
  EXPECT_TRUE(decide(world.release, world.seen, world.now).actions.empty());
}

TEST(Drift, of_weights_is_put_back_and_names_the_writer) {
  World world;
  world.run_to_step(1);
  world.seen.routes->splits.front().candidate = 90;
  world.seen.routes->changed_by = "kubectl-edit";
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 10);
  EXPECT_EQ(world.release.status.step, 1);
  ASSERT_TRUE(world.told("Drifted"));
  EXPECT_THAT(world.events.back().message, HasSubstr("kubectl-edit"));
}

TEST(Drift, starts_the_evidence_of_its_step_afresh) {
  World world;
  world.run_to_step(1);
  world.pass(Seconds{20});
  world.seen.routes->splits.front().candidate = 90;
  world.round();
  EXPECT_EQ(world.release.status.step_started_at, world.now);
}

TEST(Drift, of_the_selector_is_put_back) {
  World world;
  world.run_to_step(1);
  world.seen.service->selects = Selects::Candidate;
  world.seen.service->changed_by = "helm";
  world.stable_serves = true;
  world.run([](const World& seen) { return seen.seen.service->selects == Selects::Both; }, 5);
  EXPECT_EQ(world.seen.service->selects, Selects::Both);
}

// Found by the simulation: the candidate had lost pods meanwhile, and nothing gave it the capacity that the
// selector waits for.
TEST(Drift, of_the_selector_after_the_promotion_is_put_back_by_a_candidate_that_has_become_smaller) {
  World world;
  world.run_to(Phase::Finalizing);
  world.seen.service->selects = Selects::Stable;
  world.seen.service->changed_by = "kubectl";
  world.seen.candidate->replicas = 1;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.seen.service->selects, Selects::Candidate);
  EXPECT_EQ(world.seen.candidate->replicas, 3);
}

TEST(Drift, against_a_tool_that_keeps_changing_is_fought_less_and_less) {
  World world;
  world.run_to_step(1);
  int repairs = 0;
  for (int second = 0; second < 60; ++second) {
    world.seen.routes->splits.front().candidate = 0;
    world.seen.routes->changed_by = "argocd";
    const auto before = world.writes.size();
    world.round();
    repairs += static_cast<int>(world.writes.size() - before);
    world.pass(Seconds{1});
  }
  EXPECT_LE(repairs, 9);
  const auto drifted = std::ranges::find(world.release.status.conditions, "Drifted", &Condition::type);
  ASSERT_NE(drifted, world.release.status.conditions.end());
  EXPECT_EQ(drifted->status, ConditionStatus::True);
  EXPECT_THAT(drifted->message, HasSubstr("argocd"));
}

TEST(Drift, of_the_rule_or_the_versions_services_is_put_back_before_anything_else) {
  World world;
  world.run_to_step(1);
  world.seen.foundation->present = false;
  world.round();
  EXPECT_EQ(world.writes.back(), "Progressing: define a subset for each version");
  world.seen.version_services = false;
  world.round();
  EXPECT_EQ(world.writes.back(), "Progressing: give each version a Service of its own");
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

// All requests come by it: without it neither version has an endpoint, whatever their pods do.
TEST(Drift, of_the_service_that_all_traffic_comes_by_is_put_back_before_the_candidate_is_judged) {
  for (const bool selects_both : {true, false}) {
    World world;
    world.seen.abilities.selects_both = selects_both;
    world.release.spec.service.mode = ServiceMode::Dedicated;
    world.run_to_step(2);
    world.seen.version_services = false;
    world.round();
    EXPECT_EQ(world.writes.back(), "Progressing: give each version a Service of its own");
    world.run();
    EXPECT_EQ(world.phase(), Phase::Succeeded);
  }
}

// A Service that somebody takes away each time is no reason to wait for with a candidate that cannot serve.
TEST(Drift, of_an_own_service_that_goes_again_and_again_does_not_keep_the_breaker_waiting) {
  World world;
  world.run_to_step(2);
  world.on_write = [](World& seen) { seen.seen.version_services = false; };
  world.seen.version_services = false;
  for (int i = 0; i < 4; ++i) world.round();
  world.candidate_serves = false;
  world.round();
  EXPECT_TRUE(world.told("CandidateUnavailable"));
}

TEST(Events, tell_of_a_wait_once_however_many_rounds_it_takes) {
  for (const auto phase : {Phase::Pending, Phase::Progressing, Phase::Promoting}) {
    World world;
    if (phase != Phase::Pending) world.run_to(phase);
    world.stable_serves = phase == Phase::Promoting;
    world.candidate_serves = phase == Phase::Promoting;
    world.seen.obstacles = {{"Conflict", "RuleOfAnotherNamespace", "rule x wins there"}};
    const auto before = world.events.size();
    for (int round = 0; round < 10; ++round) {
      world.round();
      world.pass(Milliseconds{100});
    }
    std::vector<std::string> told;
    for (auto i = before; i < world.events.size(); ++i) told.push_back(world.events[i].message);
    std::ranges::sort(told);
    EXPECT_EQ(std::ranges::adjacent_find(told), told.end()) << to_string(phase);
  }
}

TEST(Suspension, holds_the_weight_and_the_clock) {
  World world;
  world.run_to_step(1);
  world.release.spec.suspend = true;
  world.pass(Seconds{3600});
  world.round();
  world.round();
  EXPECT_EQ(world.release.status.step, 1);
  EXPECT_EQ(world.phase(), Phase::Progressing);
  world.release.spec.suspend = false;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Suspension, goes_on_judging_and_takes_the_release_back_at_the_threshold) {
  World world;
  world.run_to_step(2);
  world.release.spec.suspend = true;
  world.judge = [](const CheckRequest&) { return Outcome::Fail; };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.release.status.rollback_reason, "AnalysisFailed");
}

// One that a person must mend, such as a metric's template: the other metrics still judge.
TEST(Obstacle, holds_the_weight_and_not_the_judge) {
  World world;
  world.run_to_step(2);
  world.seen.obstacles = {{"Progressing", "MetricTemplateNotUsable", "MetricTemplate errors: mend it"}};
  world.run([](const World& seen) { return seen.release.status.checks_in_step == 3; });
  EXPECT_EQ(world.release.status.step, 2);
  EXPECT_EQ(world.release.status.message, "MetricTemplate errors: mend it");
  EXPECT_EQ(std::ranges::count(world.events, std::string("MetricTemplateNotUsable"), &Event::reason), 1);
  world.judge = [](const CheckRequest&) { return Outcome::Fail; };
  world.run();
  EXPECT_EQ(world.release.status.rollback_reason, "AnalysisFailed");
}

TEST(Obstacle, ends_the_release_at_the_deadline_however_well_it_is_judged) {
  World world;
  world.run_to_step(2);
  world.seen.obstacles = {{"Progressing", "MetricTemplateNotUsable", "MetricTemplate errors: mend it"}};
  world.run();
  EXPECT_EQ(world.release.status.rollback_reason, "ProgressDeadlineExceeded");
}

TEST(Suspension, takes_no_step_on_what_was_judged_before_the_resume) {
  World world;
  world.run_to_step(2);
  world.release.spec.suspend = true;
  for (int i = 0; i < 20; ++i) {
    if (!world.round()) world.wait();
  }
  EXPECT_EQ(world.release.status.step, 2);
  EXPECT_GT(world.release.status.checks_in_step, 1);
  world.release.spec.suspend = false;
  const auto resumed = world.now;
  world.run_to_step(3);
  EXPECT_GE(world.now - resumed, world.release.spec.interval + world.release.spec.routing.propagation_delay);
  EXPECT_TRUE(world.told("Resumed"));
}

TEST(Suspension, is_told_once_however_often_it_is_judged) {
  World world;
  world.run_to_step(2);
  world.release.spec.suspend = true;
  for (int i = 0; i < 20; ++i) {
    if (!world.round()) world.wait();
  }
  EXPECT_EQ(std::ranges::count(world.events, std::string("Suspended"), &Event::reason), 1);
}

TEST(Suspension, does_not_keep_the_breaker_from_taking_weight_away) {
  World world;
  world.run_to_step(2);
  world.release.spec.suspend = true;
  world.candidate_serves = false;
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 0);
}

TEST(Template, changed_in_the_middle_starts_the_release_again) {
  World world;
  world.run_to_step(3);
  world.seen.candidate->template_hash = "h3";
  world.round();
  EXPECT_EQ(world.phase(), Phase::Initializing);
  EXPECT_EQ(world.seen.routes->highest(), 0);
  EXPECT_EQ(world.release.status.failed_checks, 0);
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.release.status.candidate.template_hash, "h3");
}

TEST(Template, changed_between_the_last_verdict_and_the_promotion_is_not_promoted) {
  World world;
  world.run_to(Phase::Promoting);
  world.seen.candidate->template_hash = "h3";
  world.run(
      [](const World& seen) { return seen.phase() == Phase::Finalizing || seen.release.status.step == 1; });
  EXPECT_EQ(world.phase(), Phase::Progressing);
}

TEST(Verdict, of_an_earlier_start_of_the_step_is_not_counted) {
  World world;
  world.run_to_step(1);
  Verdict verdict{.generation = 1,
                  .template_hash = "h2",
                  .step = 1,
                  .index = 1,
                  .step_started_at = at(1),
                  .outcome = Outcome::Pass};
  world.seen.verdict = verdict;
  world.round();
  EXPECT_EQ(world.release.status.step, 1);
  verdict.step_started_at = world.release.status.step_started_at;
  world.seen.verdict = verdict;
  world.round();
  EXPECT_EQ(world.release.status.step, 2);
}

TEST(Check, is_asked_for_only_when_a_whole_interval_has_passed_at_the_steps_weight) {
  World world;
  world.run_to_step(1);
  const auto begin = *world.release.status.step_started_at;
  world.run([](const World& seen) { return seen.seen.verdict.has_value(); });
  EXPECT_GE(world.now - begin, world.release.spec.routing.propagation_delay + world.release.spec.interval);
}

TEST(Check, after_a_pause_begins_where_the_last_one_ended) {
  World world;
  world.release.spec.threshold = 10;
  world.judge = [](const CheckRequest&) { return Outcome::Fail; };
  world.run_to_step(1);
  world.run([](const World& seen) { return seen.release.status.checks_in_step == 1; });
  world.pass(world.release.spec.interval * 5);
  world.run([](const World& seen) { return seen.release.status.checks_in_step == 2; });
  const auto late = world.release.status.checks.front().time;
  world.run([](const World& seen) { return seen.release.status.checks_in_step == 3; });
  EXPECT_GE(world.release.status.checks.front().time - late, world.release.spec.interval);
}

TEST(Phases, change_only_along_the_declared_graph) {
  EXPECT_TRUE(may_follow(Phase::Progressing, Phase::Promoting));
  EXPECT_FALSE(may_follow(Phase::Progressing, Phase::Succeeded));
  EXPECT_FALSE(may_follow(Phase::RollingBack, Phase::Progressing));
}

TEST(Weight, cannot_be_outside_0_to_100) {
  EXPECT_FALSE(Weight::of(101));
  EXPECT_FALSE(Weight::of(-1));
  EXPECT_EQ(part_of(50, percent(10)), 5);
}

TEST(Weight, of_a_share_that_cannot_be_divided_is_rounded_down) {
  EXPECT_EQ(part_of(1, percent(99)), 0);
  EXPECT_EQ(part_of(15, percent(50)), 7);
  const RouteState rounded{.splits = {{.share = 15, .candidate = 7, .exact = false}}};
  EXPECT_TRUE(rounded.at(percent(50)));
  EXPECT_FALSE(rounded.at(percent(60)));
}

TEST(Weight, that_could_be_divided_exactly_is_not_reached_by_a_rounded_part) {
  for (const int candidate : {0, 1}) {
    const RouteState routes{.splits = {{.share = 1, .candidate = candidate}}};
    EXPECT_FALSE(routes.at(percent(60)));
    EXPECT_FALSE(routes.at(percent(10)));
  }
  EXPECT_TRUE((RouteState{.splits = {{.share = 5, .candidate = 3}}}).at(percent(60)));
}

}  // namespace
}  // namespace weir::strategies
