#include <gmock/gmock.h>

#include <utility>

#include "test/unit/strategies/world.h"

namespace weir::strategies {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> since(const World& world, std::size_t begin) {
  return {world.writes.begin() + static_cast<std::ptrdiff_t>(begin), world.writes.end()};
}

TEST(Rollback, returns_traffic_first_and_then_everything_as_it_was) {
  World world;
  world.run_to_step(2);
  const auto begin = world.writes.size();
  world.judge = [](const CheckRequest&) { return Outcome::Fail; };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_THAT(
      since(world, begin),
      ElementsAre("RollingBack: route 0 % to the candidate", "RollingBack: let the Service select stable",
                  "RollingBack: put the owner's routes back", "RollingBack: take the added subsets away",
                  "RollingBack: take the versions' own Services away", "RollingBack: scale checkout-v2 to 0",
                  "Failed: let the Canary go"));
}

TEST(Rollback, sends_all_traffic_to_stable_in_the_round_of_the_verdict) {
  World world;
  world.release.spec.threshold = 1;
  world.run_to_step(2);
  world.judge = [](const CheckRequest&) { return Outcome::Fail; };
  world.run(
      [](const World& seen) { return seen.seen.verdict && seen.seen.verdict->outcome == Outcome::Fail; });
  world.round();
  EXPECT_EQ(world.phase(), Phase::RollingBack);
  EXPECT_EQ(world.seen.routes->highest(), 0);
}

TEST(Rollback, comes_at_the_threshold_of_failed_checks_and_not_before) {
  World world;
  world.run_to_step(1);
  int fails = 0;
  world.judge = [&](const CheckRequest&) { return ++fails <= 2 ? Outcome::Fail : Outcome::Pass; };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.release.status.failed_checks, 2);
}

TEST(Rollback, counts_what_failed_in_a_sentence) {
  World world;
  world.release.spec.threshold = 2;
  world.judge = [](const CheckRequest&) { return Outcome::Fail; };
  world.run();
  EXPECT_THAT(world.release.status.message, HasSubstr("(2 of 2 failed checks)"));
}

TEST(Rollback, never_counts_an_inconclusive_check_as_failed) {
  World world;
  world.run_to_step(1);
  int asked = 0;
  world.judge = [&](const CheckRequest&) { return ++asked <= 10 ? Outcome::Inconclusive : Outcome::Pass; };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.release.status.failed_checks, 0);
}

TEST(Rollback, comes_at_the_deadline_when_checks_stay_inconclusive) {
  World world;
  world.run_to_step(1);
  world.judge = [](const CheckRequest&) { return Outcome::Inconclusive; };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.release.status.rollback_reason, "ProgressDeadlineExceeded");
}

// Scrapes every 60 s, and 60 s for a step of which an interval is 30 s.
TEST(Rollback, at_a_deadline_that_comes_before_two_scrapes_names_the_remedy) {
  World world;
  world.release.spec.progress_deadline = Seconds{60};
  world.judge = [](const CheckRequest&) { return Outcome::Inconclusive; };
  world.amend = [](const CheckRequest&, Verdict& verdict) {
    verdict.message = "the step is too young";
    verdict.checks.front().reason = "WindowTooShort";
  };
  world.run();
  EXPECT_EQ(world.release.status.rollback_reason, "ProgressDeadlineExceeded");
  EXPECT_THAT(
      world.release.status.message,
      HasSubstr("no progress for 60 s: the step is too young; spec.progressDeadlineSeconds ends the step "
                "before it is old enough to hold two scrapes: raise it, or raise spec.analysis.interval "
                "to two scrapes"));
}

TEST(Rollback, at_a_deadline_for_another_reason_says_nothing_of_scrapes) {
  for (const bool held : {true, false}) {
    World world;
    world.release.spec.progress_deadline = Seconds{60};
    world.judge = [](const CheckRequest&) { return Outcome::Inconclusive; };
    world.amend = [&](const CheckRequest&, Verdict& verdict) {
      verdict.checks.front().reason = held ? "WindowTooShort" : "NoData";
      if (held) world.seen.obstacles = {{"Progressing", "SelectorMismatch", "it would never select them"}};
    };
    world.run();
    EXPECT_EQ(world.release.status.rollback_reason, "ProgressDeadlineExceeded");
    EXPECT_THAT(world.release.status.message, ::testing::Not(HasSubstr("two scrapes")));
  }
}

TEST(Rollback, does_not_come_for_time_in_which_no_operator_was_there) {
  World world;
  world.run_to_step(1);
  world.pass(world.release.spec.progress_deadline * 2);
  world.seen.watched_since = world.now;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Rollback, comes_at_once_when_no_request_succeeded_in_two_intervals) {
  World world;
  world.release.spec.threshold = 10;
  world.run_to_step(1);
  for (int i = 1; i <= 2; ++i) {
    world.seen.verdict = Verdict{.generation = 1,
                                 .template_hash = "h2",
                                 .step = 1,
                                 .index = i,
                                 .step_started_at = world.release.status.step_started_at,
                                 .outcome = Outcome::Fail,
                                 .checks = {{.name = "request-success-rate", .samples = 20.0}},
                                 .message = "success rate 0 %",
                                 .all_failed = true};
    world.round();
  }
  EXPECT_EQ(world.phase(), Phase::RollingBack);
  EXPECT_EQ(world.release.status.rollback_reason, "AllRequestsFailed");
}

TEST(Rollback, after_the_promotion_brings_stable_up_before_traffic_returns) {
  World world;
  world.release.spec.stable.scale_down_delay = Seconds{3600};
  world.run_to_write("Finalizing: take the versions' own Services away");
  world.seen.stable->replicas = 0;
  const auto begin = world.writes.size();
  world.seen.rollback_requested = "customers complain";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_THAT(
      since(world, begin),
      ElementsAre(
          "RollingBack: scale checkout-v1 to 3", "RollingBack: give each version a Service of its own",
          "RollingBack: define a subset for each version", "RollingBack: route 100 % to the candidate",
          "RollingBack: let the Service select both versions", "RollingBack: route 0 % to the candidate",
          "RollingBack: let the Service select stable", "RollingBack: put the owner's routes back",
          "RollingBack: take the added subsets away", "RollingBack: take the versions' own Services away",
          "RollingBack: scale checkout-v2 to 0", "Failed: let the Canary go"));
}

TEST(Rollback, after_the_promotion_waits_until_proxies_have_stables_endpoints) {
  World world;
  world.run_to(Phase::Finalizing);
  world.seen.rollback_requested = "customers complain";
  world.run([](const World& seen) { return seen.seen.service->selects == Selects::Both; });
  const auto begin = world.now;
  world.run([](const World& seen) { return seen.seen.routes->at(Weight::none()); });
  EXPECT_GE(world.now - begin, world.release.spec.routing.propagation_delay);
}

TEST(Rollback, after_the_promotion_goes_straight_back_when_the_candidate_has_no_pods) {
  World world;
  world.release.spec.stable.scale_down_delay = Seconds{3600};
  world.run_to_write("Finalizing: take the versions' own Services away");
  world.candidate_serves = false;
  world.seen.rollback_requested = "customers complain";
  const auto begin = world.writes.size();
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(since(world, begin).front(), "RollingBack: let the Service select stable");
}

TEST(Rollback, keeps_the_candidate_while_stable_has_no_ready_pod) {
  World world;
  world.run_to_step(1);
  world.seen.rollback_requested = "customers complain";
  world.run_to_write("RollingBack: take the versions' own Services away");
  world.stable_serves = false;
  world.round();
  EXPECT_GT(world.seen.candidate->replicas, 0);
  EXPECT_TRUE(world.told("StableNotReady"));
  const auto stable = std::exchange(world.seen.stable, std::nullopt);
  world.round();
  EXPECT_GT(world.seen.candidate->replicas, 0) << "nor while it is gone";
  world.candidate_serves = false;
  world.round();
  EXPECT_GT(world.seen.candidate->replicas, 0) << "whose pods may be ready again first";
  world.seen.stable = stable;
  world.stable_serves = true;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.candidate->replicas, 0);
}

// Found by the simulation: without the Service, whose endpoints nobody knew, traffic returned to a stable
// version that somebody had deleted.
TEST(Rollback, without_the_service_returns_traffic_once_stable_has_a_ready_pod) {
  World world;
  world.run_to_step(1);
  const auto stable = std::exchange(world.seen.stable, std::nullopt);
  world.round();
  ASSERT_EQ(world.seen.routes->highest(), 100);
  world.seen.rollback_requested = "customers complain";
  world.round();
  world.seen.service.reset();
  auto decision = decide(world.release, world.seen, world.now);
  EXPECT_TRUE(decision.actions.empty());
  EXPECT_THAT(decision.status.message, HasSubstr("checkout-v1 is gone"));
  world.seen.stable = stable;
  decision = decide(world.release, world.seen, world.now);
  ASSERT_EQ(decision.actions.size(), 1U);
  EXPECT_EQ(describe(decision.actions.front()), "route 0 % to the candidate");
}

// As when all that a release is made of is deleted but for a route that others own.
TEST(Rollback, does_not_wait_for_a_service_that_is_deleted_with_the_canary_and_the_candidate) {
  World world;
  world.run_to_step(2);
  world.seen.deleting = true;
  world.round();
  ASSERT_EQ(world.phase(), Phase::RollingBack);
  world.seen.service.reset();
  world.seen.candidate.reset();
  world.round();
  EXPECT_THAT(world.release.status.message, ::testing::Not(HasSubstr("does not exist")));
}

TEST(Rollback, after_the_promotion_is_not_begun_without_stable) {
  World world;
  world.release.spec.stable.after_promotion = AfterPromotion::Delete;
  world.run([](const World& seen) { return !seen.seen.stable; });
  ASSERT_EQ(world.phase(), Phase::Finalizing);
  world.seen.rollback_requested = "customers complain";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_THAT(world.release.status.message, HasSubstr("too late"));
}

TEST(Rollback, after_the_promotion_works_in_dedicated_mode_too) {
  World world;
  world.release.spec.service.mode = ServiceMode::Dedicated;
  world.release.spec.stable.scale_down_delay = Seconds{3600};
  world.run_to_write("Finalizing: take the versions' own Services away");
  world.seen.rollback_requested = "customers complain";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.service->selects, Selects::Stable);
  EXPECT_TRUE(world.seen.routes->original());
}

TEST(Rollback, of_a_candidate_that_never_gets_ready_touches_no_traffic) {
  World world;
  world.candidate_serves = false;
  world.run([](const World& seen) { return seen.now > at(3000); });
  world.pass(Seconds{601});
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_THAT(world.writes, ElementsAre("RollingBack: scale checkout-v2 to 0"));
}

TEST(Rollback, at_the_deadline_names_what_the_pods_fail_of_now) {
  World world;
  world.candidate_serves = false;
  world.round();
  world.seen.candidate->pod_problem = "ImagePullBackOff: no such image";
  world.pass(Seconds{601});
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_THAT(world.release.status.message, HasSubstr("ImagePullBackOff: no such image"));
  EXPECT_EQ(world.release.status.candidate.ready, 0);
}

TEST(Rollback, takes_marks_off_as_its_last_write) {
  World world;
  world.run_to_step(2);
  world.seen.marked = true;
  world.seen.rollback_requested = "customers complain";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  ASSERT_GE(world.writes.size(), 2U);
  EXPECT_EQ(world.writes[world.writes.size() - 2], "RollingBack: take the operator's marks off the objects");
}

TEST(Deletion, in_every_phase_ends_with_one_version_and_no_finalizer) {
  for (const auto phase : {Phase::Initializing, Phase::Progressing, Phase::Promoting, Phase::Finalizing,
                           Phase::RollingBack, Phase::Succeeded, Phase::Failed}) {
    World world;
    world.judge = [&](const CheckRequest&) {
      return phase == Phase::RollingBack || phase == Phase::Failed ? Outcome::Fail : Outcome::Pass;
    };
    world.run_to(phase);
    ASSERT_EQ(world.phase(), phase);
    world.seen.deleting = true;
    world.run([](const World& seen) { return seen.gone; });
    world.round();
    EXPECT_FALSE(world.seen.has_finalizer) << to_string(phase);
    const bool promoted = phase == Phase::Succeeded;
    EXPECT_EQ(world.seen.service->selects, promoted ? Selects::Candidate : Selects::Stable)
        << to_string(phase);
    EXPECT_TRUE(world.seen.routes->original()) << to_string(phase);
  }
}

TEST(Deletion, after_the_promotion_keeps_it_when_reverting_is_off) {
  World world;
  world.release.spec.revert_on_deletion = false;
  world.run_to(Phase::Finalizing);
  world.seen.deleting = true;
  world.run([](const World& seen) { return seen.gone; });
  EXPECT_TRUE(world.gone);
  EXPECT_EQ(world.seen.service->selects, Selects::Candidate);
}

TEST(Deletion, ends_even_when_the_routes_and_the_rule_are_gone) {
  World world;
  world.run_to_step(2);
  world.seen.routes.reset();
  world.seen.foundation.reset();
  world.seen.deleting = true;
  world.run([](const World& seen) { return seen.gone; });
  EXPECT_TRUE(world.gone);
  EXPECT_EQ(world.seen.service->selects, Selects::Stable);
}

// As in a namespace that is being deleted: no wait keeps what is to go.
TEST(Deletion, ends_at_once_when_all_that_the_release_was_about_is_gone) {
  for (const auto phase : {Phase::Initializing, Phase::Progressing, Phase::Promoting, Phase::Finalizing}) {
    for (const bool reverts : {false, true}) {
      World world;
      world.release.spec.revert_on_deletion = reverts;
      world.run_to(phase);
      world.seen.deleting = true;
      world.seen.service.reset();
      world.seen.routes.reset();
      world.seen.stable.reset();
      world.seen.candidate.reset();
      world.seen.foundation.reset();
      world.seen.any_version_services = false;
      world.release.status = decide(world.release, world.seen, world.now).status;
      EXPECT_EQ(world.phase(), Phase::Failed) << to_string(phase);
      const auto actions = decide(world.release, world.seen, world.now).actions;
      ASSERT_EQ(actions.size(), 1U) << to_string(phase);
      EXPECT_TRUE(std::holds_alternative<LetGo>(actions.front())) << to_string(phase);
    }
  }
}

TEST(Deletion, waits_for_no_pods_that_nothing_leads_to) {
  World world;
  world.run_to_step(2);
  world.seen.deleting = true;
  world.run_to(Phase::RollingBack);
  world.seen.service.reset();
  world.seen.routes.reset();
  world.seen.foundation.reset();
  world.seen.stable.reset();
  world.seen.any_version_services = false;
  EXPECT_EQ(decide(world.release, world.seen, world.now).status.phase, Phase::Failed);
}

TEST(Deletion, of_the_namespace_asks_for_nothing_that_cannot_be_made) {
  for (const auto phase : {Phase::Progressing, Phase::Finalizing}) {
    World world;
    world.run_to(phase);
    world.seen.deleting = true;
    world.seen.namespace_ending = true;
    world.seen.version_services = false;
    world.seen.foundation.reset();
    world.writes.clear();
    world.run([](const World& seen) { return seen.gone; });
    EXPECT_TRUE(world.gone) << to_string(phase);
    for (const auto& write : world.writes) {
      EXPECT_THAT(write, ::testing::Not(HasSubstr("Services for"))) << to_string(phase);
      EXPECT_THAT(write, ::testing::Not(HasSubstr("define a subset"))) << to_string(phase);
    }
  }
}

// A release that never left Pending and is given up leaves a candidate that serves as it is.
TEST(Rollback, keeps_the_candidate_that_may_be_all_there_is) {
  const auto replicas_after = [](const std::function<void(World&)>& change) {
    World world;
    world.seen.candidate->available = false;
    change(world);
    world.run_to(Phase::Failed);
    EXPECT_EQ(world.release.status.rollback_reason, "ProgressDeadlineExceeded");
    EXPECT_EQ(world.told("CandidateKept"), world.seen.candidate->replicas > 0);
    return world.seen.candidate->replicas;
  };
  EXPECT_EQ(replicas_after([](World& world) { world.candidate_serves = false; }), 0);
  EXPECT_EQ(replicas_after([](World& world) { world.stable_serves = false; }), 2);
  EXPECT_EQ(replicas_after([](World& world) {
              world.candidate_serves = false;
              world.seen.service->selects = Selects::Both;
            }),
            2);
}

TEST(Rollback, keeps_the_candidates_pods_while_a_route_that_it_does_not_move_has_no_others) {
  World world;
  world.seen.fixed_to_candidate = {"a route names subset v2"};
  world.judge = [](const CheckRequest&) { return Outcome::Fail; };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.candidate->replicas, 2);
  EXPECT_EQ(std::ranges::count(world.events, std::string("CandidateKept"), &Event::reason), 1);
}

TEST(Pending, says_what_a_person_should_know_before_traffic_moves) {
  World world;
  world.seen.warnings = {{"OtherServices", "Service checkout-grpc selects pods of checkout-v1"}};
  world.run_to(Phase::Initializing);
  EXPECT_EQ(std::ranges::count(world.events, std::string("OtherServices"), &Event::reason), 1);
}

}  // namespace
}  // namespace weir::strategies
