#include "test/simulation/plan.h"

#include <algorithm>
#include <chrono>

namespace weir::simulation {
namespace {

void add(Plan& plan, const std::vector<Fault>& faults) {
  plan.faults.insert(plan.faults.end(), faults.begin(), faults.end());
}

}  // namespace

Plan plan_of(std::uint64_t seed) {
  Random random(seed, "plan");
  Plan plan{.seed = seed, .scenario = draw_scenario(random), .faults = {}};
  plan.faults = draw_faults(random);
  Random surroundings(seed, "surroundings");
  draw_surroundings(surroundings, plan.scenario);
  Random neighbours(seed, "neighbours");
  draw_neighbours(neighbours, plan.scenario);
  Random definitions(seed, "definitions");
  draw_definitions(definitions, plan.scenario);
  Random names(seed, "names");
  draw_names(names, plan.scenario);
  // From a stream of its own: the other runs stay as they are.
  Random of_replicas(seed, "replicas");
  draw_replicas(of_replicas, plan.scenario);
  if (plan.scenario.replicas == Replicas::Share) add(plan, draw_replica_faults(of_replicas));
  Random of_router(seed, "router");
  draw_router(of_router, plan.scenario);
  Random of_deletions(seed, "deletions");
  add(plan, draw_deletions(of_deletions));
  Random of_own_objects(seed, "own objects");
  add(plan, draw_losses_of_own_objects(of_own_objects));
  Random of_afterwards(seed, "afterwards");
  for (const auto& fault : draw_afterwards(of_afterwards)) {
    plan.faults.push_back(fault);
    plan.scenario.guards = of_afterwards.chance(0.5);
  }
  Random of_succession(seed, "succession");
  for (const auto& fault : draw_succession(of_succession)) {
    // Promotions are told apart by the wall clock, and one thing happens to a Service afterwards.
    if (std::ranges::any_of(plan.faults, [](const Fault& other) {
          return other.kind == Kind::WallJump || family_of(other.kind) == Family::Afterwards;
        }))
      continue;
    plan.faults.push_back(fault);
    plan.scenario.guards = true;
    plan.scenario.after_promotion = "Keep";
  }
  Random of_pinned(seed, "asides");
  draw_pinned(of_pinned, plan.scenario);
  Random of_proxies(seed, "proxies");
  add(plan, draw_proxy_faults(of_proxies));
  Random of_foreign(seed, "foreign");
  add(plan, draw_foreign(of_foreign));
  Random of_breakers(seed, "breakers");
  add(plan, draw_breaker(of_breakers));
  Random of_fleets(seed, "fleets");
  draw_restlessness(of_fleets, plan.scenario);
  Random of_hollow_lists(seed, "hollow lists");
  add(plan, draw_hollow_lists(of_hollow_lists));
  // An hour costs as much as ten releases: of some runs only.
  constexpr std::uint64_t kOneIn = 32;
  if (seed % kOneIn == 0) plan.silence = std::chrono::hours(1);
  return plan;
}

}  // namespace weir::simulation
