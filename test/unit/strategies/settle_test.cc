// What proxies may not have yet, or may have still, is waited for.
#include <gmock/gmock.h>

#include <array>
#include <string>
#include <utility>

#include "test/unit/strategies/world.h"

namespace weir::strategies {
namespace {

using ::testing::HasSubstr;

// Of what a rising weight relies on.
struct Change {
  const char* what;
  void (*make)(World&);
};
constexpr std::array kChanges{
    Change{"the selector", [](World& world) { world.seen.service->age = Milliseconds{0}; }},
    Change{"endpoints", [](World& world) { world.seen.service->candidate_endpoints_age = Milliseconds{0}; }},
    Change{"the foundation", [](World& world) { world.seen.foundation->age = Milliseconds{0}; }}};

void delete_routes(World& world) {
  world.seen.routes.reset();
  world.seen.routes_gone = Milliseconds{0};
}

void all_pods_come_anew(World& world) {
  world.seen.service->stable_endpoints_age = world.seen.service->candidate_endpoints_age = Milliseconds{0};
}

// The write comes with the round in which what it waits for is old enough, and not before.
void expect_after_the_delay(World& world, const std::string& write) {
  ASSERT_FALSE(world.wrote(write));
  const auto begin = world.now;
  world.round();
  EXPECT_FALSE(world.wrote(write)) << write;
  world.run_to_write(write);
  EXPECT_TRUE(world.wrote(write)) << write;
  EXPECT_GE(world.now - begin, world.release.spec.routing.propagation_delay) << write;
}

// ---- towards divided routes ----

TEST(Settle, divides_no_routes_while_the_service_selects_the_candidate_alone) {
  World world;
  world.run_to_write("Initializing: define a subset for each version");
  world.seen.service->selects = Selects::Candidate;
  world.pass(Seconds{60});
  world.round();
  EXPECT_TRUE(world.seen.routes->original());
  EXPECT_THAT(world.release.status.message, HasSubstr("waiting for stable's endpoints"));
  world.seen.service->selects = Selects::Stable;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Settle, divides_no_routes_before_selector_and_endpoints_have_spread) {
  for (auto age : {&ServiceState::age, &ServiceState::stable_endpoints_age}) {
    World world;
    world.run_to_write("Initializing: define a subset for each version");
    world.pass(Seconds{60});
    (*world.seen.service).*age = Milliseconds{0};
    expect_after_the_delay(world, "Initializing: route 0 % to the candidate");
  }
}

TEST(Settle, takes_the_weight_of_a_new_template_away_though_its_pods_come_and_go) {
  World world;
  world.run_to_step(2);
  world.seen.candidate->template_hash = "h3";
  all_pods_come_anew(world);
  world.round();
  EXPECT_EQ(world.phase(), Phase::Initializing);
  EXPECT_EQ(world.seen.routes->highest(), 0);
}

TEST(Settle, after_a_selector_that_was_written_takes_pods_away_of_a_release_that_has_not_begun_too) {
  World world;
  world.candidate_serves = false;
  world.run([](const World& seen) { return seen.told("CandidateNotReady"); });
  world.pass(world.release.spec.progress_deadline);
  world.seen.service->age = Milliseconds{0};
  world.round();
  ASSERT_EQ(world.phase(), Phase::RollingBack);
  expect_after_the_delay(world, "RollingBack: scale checkout-v2 to 0");
}

TEST(Settle, takes_no_first_step_before_endpoints_have_spread) {
  World world;
  world.run_to_write("Initializing: let the Service select both versions");
  world.pass(Seconds{60});
  world.seen.service->candidate_endpoints_age = Milliseconds{0};
  expect_after_the_delay(world, "Progressing: route 10 % to the candidate");
}

// ---- a rise ----

TEST(Settle, takes_no_step_before_what_it_relies_on_has_spread) {
  for (const auto& [what, change] : kChanges) {
    SCOPED_TRACE(what);
    World world;
    world.run_to_step(1);
    world.run([](const World& seen) { return seen.seen.verdict && seen.seen.verdict->step == 1; });
    change(world);
    expect_after_the_delay(world, "Progressing: route 20 % to the candidate");
    EXPECT_EQ(world.release.status.checks_in_step, 0) << "of the new step";
  }
}

// Else nobody would judge a candidate whose pods come and go.
TEST(Settle, goes_on_judging_while_what_the_next_step_relies_on_keeps_changing) {
  World world;
  world.run_to_step(1);
  world.run([](const World& seen) { return seen.seen.verdict && seen.seen.verdict->step == 1; });
  world.pass(world.release.spec.interval);
  world.seen.service->candidate_endpoints_age = Milliseconds{0};
  world.judge = [](const CheckRequest&) { return Outcome::Fail; };
  world.round();
  EXPECT_EQ(world.release.status.step, 1);
  EXPECT_EQ(world.release.status.checks_in_step, 1);
  world.run([](const World& seen) { return seen.release.status.failed_checks > 0; });
  EXPECT_EQ(world.release.status.step, 1);
}

// Who sends fewer requests to stable needs none of its endpoints.
TEST(Settle, takes_a_step_though_stables_pods_come_and_go) {
  World world;
  world.run_to_step(1);
  world.run([&](const World&) {
    world.seen.service->stable_endpoints_age = Milliseconds{0};
    return world.wrote("Progressing: route 20 % to the candidate");
  });
  EXPECT_EQ(world.release.status.step, 2);
}

TEST(Settle, takes_no_promotion_step_before_what_it_relies_on_has_spread) {
  for (const auto& [what, change] : kChanges) {
    SCOPED_TRACE(what);
    World world;
    world.run_to_write("Promoting: scale checkout-v2 to 3");
    world.pass(Seconds{60});
    change(world);
    expect_after_the_delay(world, "Promoting: route 100 % to the candidate");
  }
}

TEST(Settle, puts_no_weight_back_that_rises_before_what_it_relies_on_has_spread) {
  for (const auto& [what, change] : kChanges) {
    SCOPED_TRACE(what);
    World world;
    world.run_to_step(1);
    world.seen.routes->splits.front().candidate = 0;
    world.seen.routes->changed_by = "kubectl-edit";
    change(world);
    const auto begin = world.now;
    world.round();
    EXPECT_EQ(world.seen.routes->highest(), 0);
    world.run([](const World& seen) { return seen.seen.routes->highest() == 10; });
    EXPECT_EQ(world.now - begin, world.release.spec.routing.propagation_delay);
  }
}

TEST(Settle, puts_back_at_once_a_weight_that_falls) {
  for (const auto& [what, change] : kChanges) {
    SCOPED_TRACE(what);
    World world;
    world.run_to_step(1);
    world.seen.routes->splits.front().candidate = 90;
    change(world);
    world.round();
    EXPECT_EQ(world.seen.routes->highest(), 10);
  }
}

// By them the candidate gets what nobody has authorised.
TEST(Settle, divides_routes_again_that_their_owner_applied_though_pods_come_and_go) {
  World world;
  world.run_to_step(1);
  world.seen.routes = RouteState{.unmanaged = 1, .changed_by = "argocd"};
  world.seen.service->candidate_endpoints_age = Milliseconds{0};
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 10);
  world.seen.routes = RouteState{.unmanaged = 1, .changed_by = "argocd"};
  world.seen.foundation->age = Milliseconds{0};
  world.round();
  EXPECT_TRUE(world.seen.routes->original());
  world.run([](const World& seen) { return seen.seen.routes->highest() == 10; });
  EXPECT_EQ(world.seen.routes->highest(), 10);
}

TEST(Settle, puts_the_selector_back_while_a_candidate_that_recovers_waits_for_its_weight) {
  World world;
  world.run_to_step(2);
  world.candidate_serves = false;
  world.round();
  world.candidate_serves = true;
  world.round();
  ASSERT_EQ(world.seen.routes->highest(), 0);
  world.seen.service->selects = Selects::Candidate;
  world.seen.service->age = Milliseconds{0};
  world.round();
  EXPECT_EQ(world.writes.back(), "Progressing: let the Service select both versions");
  EXPECT_EQ(world.seen.service->selects, Selects::Both);
}

TEST(Settle, puts_the_foundation_back_before_a_candidate_that_recovers_gets_its_weight) {
  World world;
  world.run_to_step(2);
  world.candidate_serves = false;
  world.round();
  ASSERT_EQ(world.seen.routes->highest(), 0);
  world.candidate_serves = true;
  world.round();
  world.pass(Seconds{60});
  world.seen.foundation->present = false;
  world.round();
  EXPECT_EQ(world.writes.back(), "Progressing: define a subset for each version");
  EXPECT_EQ(world.seen.routes->highest(), 0);
  const auto begin = world.now;
  world.run([](const World& seen) { return seen.seen.routes->highest() == 20; });
  EXPECT_GE(world.now - begin, world.release.spec.routing.propagation_delay);
}

TEST(Settle, gives_stable_its_share_back_once_every_proxy_has_the_foundation) {
  World world;
  world.run_to_step(1);
  world.stable_serves = false;
  world.round();
  ASSERT_EQ(world.seen.routes->highest(), 100);
  world.stable_serves = true;
  world.round();
  world.pass(Seconds{60});
  world.seen.foundation->present = false;
  world.round();
  EXPECT_EQ(world.writes.back(), "Progressing: define a subset for each version");
  EXPECT_EQ(world.seen.routes->highest(), 100);
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 100);
  world.run([](const World& seen) { return seen.seen.routes->highest() == 10; });
  EXPECT_EQ(world.seen.routes->highest(), 10);
}

TEST(Settle, gives_stable_its_share_back_once_every_proxy_has_its_endpoints) {
  World world;
  world.run_to_step(1);
  world.stable_serves = false;
  world.round();
  ASSERT_EQ(world.seen.routes->highest(), 100);
  world.pass(Seconds{60});
  world.stable_serves = true;
  world.seen.service->candidate_endpoints_age = Milliseconds{0};
  const auto begin = world.now;
  world.run([](const World& seen) { return seen.seen.routes->highest() == 10; });
  EXPECT_EQ(world.now - begin, world.release.spec.routing.propagation_delay);
}

TEST(Settle, says_what_a_rise_waits_for) {
  World world;
  world.run_to_step(1);
  world.run([](const World& seen) { return seen.seen.verdict && seen.seen.verdict->step == 1; });
  world.seen.service->candidate_endpoints_age = Milliseconds{0};
  world.round();
  EXPECT_THAT(world.release.status.message,
              HasSubstr("waiting until every proxy has half of the ready endpoints of checkout-v2, the "
                        "selector of its Service, and "
                        "the subsets of both versions"));
}

// ---- the way back ----

TEST(Settle, opens_the_way_back_once_every_proxy_has_the_candidates_endpoints) {
  World world;
  world.run_to_write("Finalizing: put the owner's routes back, on the promoted version");
  world.pass(Seconds{60});
  world.seen.service->age = Milliseconds{0};
  world.seen.rollback_requested = "customers complain";
  expect_after_the_delay(world, "RollingBack: route 100 % to the candidate");
}

TEST(Settle, takes_the_candidates_pods_away_once_no_proxy_has_the_selector_of_before) {
  World world;
  world.run_to_step(1);
  world.seen.rollback_requested = "customers complain";
  world.run_to_write("RollingBack: take the versions' own Services away");
  world.pass(Seconds{60});
  world.seen.service->age = Milliseconds{0};
  expect_after_the_delay(world, "RollingBack: scale checkout-v2 to 0");
}

// ---- what is gone ----

TEST(Settle, moves_no_selector_before_every_proxy_has_forgotten_routes_that_are_gone) {
  World world;
  world.run_to_step(1);
  world.seen.rollback_requested = "customers complain";
  world.run_to_write("RollingBack: route 0 % to the candidate");
  delete_routes(world);
  expect_after_the_delay(world, "RollingBack: let the Service select stable");
}

TEST(Settle, takes_nothing_away_before_every_proxy_has_forgotten_routes_that_are_gone) {
  World back;
  back.run_to_step(1);
  back.seen.rollback_requested = "customers complain";
  back.run_to_write("RollingBack: let the Service select stable");
  back.pass(Seconds{60});
  delete_routes(back);
  expect_after_the_delay(back, "RollingBack: take the added subsets away");

  World forward;
  forward.run_to(Phase::Finalizing);
  forward.pass(Seconds{60});
  delete_routes(forward);
  expect_after_the_delay(forward, "Finalizing: take the added subsets away");
}

TEST(Settle, after_the_promotion_returns_the_selector_once_every_proxy_has_forgotten_routes_that_are_gone) {
  World world;
  world.run_to_write("Finalizing: take the versions' own Services away");
  delete_routes(world);
  world.seen.rollback_requested = "customers complain";
  expect_after_the_delay(world, "RollingBack: let the Service select stable");
}

TEST(Settle, puts_routes_back_once_every_proxy_has_forgotten_a_service_that_is_gone) {
  for (const auto phase : {Phase::Finalizing, Phase::RollingBack}) {
    World world;
    if (phase == Phase::RollingBack) {
      world.run_to_step(1);
      world.seen.rollback_requested = "customers complain";
    }
    world.run_to(phase);
    world.pass(world.release.spec.progress_deadline);
    world.seen.service.reset();
    EXPECT_TRUE(decide(world.release, world.seen, world.now).actions.empty()) << to_string(phase);
    world.seen.service_gone = world.release.spec.routing.propagation_delay;
    const auto actions = decide(world.release, world.seen, world.now).actions;
    ASSERT_EQ(actions.size(), 1U) << to_string(phase);
    EXPECT_TRUE(std::holds_alternative<RestoreRoutes>(actions.front())) << to_string(phase);
  }
}

// Found by the simulation: the Service came back as it had been, and selected a version that had no pods any
// more.
TEST(Settle, in_a_rollback_waits_for_a_service_that_is_gone_until_the_deadline) {
  World world;
  world.run_to(Phase::Finalizing);
  const auto service = std::exchange(world.seen.service, std::nullopt);
  world.seen.rollback_requested = "customers complain";
  auto decision = decide(world.release, world.seen, world.now);
  ASSERT_EQ(decision.status.phase, Phase::RollingBack);
  world.release.status = decision.status;
  world.seen.routes->splits = {{.share = 100, .candidate = 0}};
  decision = decide(world.release, world.seen, world.now);
  EXPECT_TRUE(decision.actions.empty());
  EXPECT_THAT(decision.status.message, HasSubstr("checkout-v2 keeps its pods until it is back"));
  world.seen.service_gone = world.release.spec.progress_deadline;
  const auto late = decide(world.release, world.seen, world.now + world.release.spec.progress_deadline);
  EXPECT_FALSE(late.actions.empty());
  world.seen.service = service;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.service->selects, Selects::Stable);
}

}  // namespace
}  // namespace weir::strategies
