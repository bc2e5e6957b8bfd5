// The state machine over routers that can do less than others.
#include <gtest/gtest.h>

#include "test/unit/strategies/world.h"

namespace weir::strategies {
namespace {

World without_foundation() {
  World world;
  world.seen.abilities = {.needs_foundation = false, .selects_both = true};
  world.seen.foundation.reset();
  return world;
}

World of_own_services() {
  World world;
  world.seen.abilities = {.needs_foundation = false, .selects_both = false};
  world.seen.foundation.reset();
  return world;
}

TEST(Router, without_a_foundation_prepares_nothing_and_is_promoted) {
  auto world = without_foundation();
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_FALSE(world.wrote("Initializing: define a subset for each version"));
  EXPECT_TRUE(world.wrote("Initializing: let the Service select both versions"));
}

TEST(Router, that_can_do_less_is_promoted_however_long_one_wait_for_propagation_is) {
  for (auto world : {without_foundation(), of_own_services()}) {
    world.release.spec.routing.propagation_delay = Seconds{560};
    world.run();
    EXPECT_EQ(world.phase(), Phase::Succeeded) << world.release.status.message;
  }
}

TEST(Router, without_a_foundation_is_taken_back) {
  auto world = without_foundation();
  world.judge = [](const CheckRequest&) { return Outcome::Fail; };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_TRUE(world.seen.routes->original());
  EXPECT_EQ(world.seen.service->selects, Selects::Stable);
}

TEST(Router, whose_routes_name_the_versions_own_services_leaves_the_selector_at_stable_until_the_promotion) {
  auto world = of_own_services();
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_FALSE(world.wrote("Initializing: let the Service select both versions"));
  EXPECT_TRUE(world.wrote("Promoting: let the Service select the candidate"));
}

TEST(Router, whose_routes_name_the_versions_own_services_finds_the_way_back_from_a_promotion) {
  auto world = of_own_services();
  world.run_to(Phase::Finalizing);
  world.seen.rollback_requested = "customers complain";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.service->selects, Selects::Stable);
  EXPECT_FALSE(world.wrote("RollingBack: let the Service select both versions"));
}

TEST(Program, holds_a_stage_until_as_many_intervals_have_passed_as_it_asks_for) {
  World world;
  world.release.spec.program.steps[1].passes = 3;
  std::vector<int> judged;
  world.judge = [&](const CheckRequest& request) {
    judged.push_back(request.step);
    return Outcome::Pass;
  };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(judged, (std::vector{1, 2, 2, 2, 3}));
  EXPECT_EQ(world.release.status.iterations, 0);
}

TEST(Program, counts_intervals_that_passed_and_no_others) {
  World world;
  world.release.spec.program.steps[0].passes = 2;
  int asked = 0;
  world.judge = [&](const CheckRequest&) { return ++asked == 1 ? Outcome::Fail : Outcome::Pass; };
  world.run_to_step(2);
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace weir::strategies
