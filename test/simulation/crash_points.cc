#include "test/simulation/crash_points.h"

#include <array>

namespace weir::simulation {
namespace {

constexpr std::array kCrashes{Kind::KillBeforeWrite, Kind::KillAfterWrite};

Scenario scenario_of(Quality quality, bool dedicated) {
  return {.quality = quality, .dedicated = dedicated, .steps = {20, 60}, .interval = 3'000ms, .threshold = 1};
}

CrashScenario scenario(const std::string& name, Quality quality, bool dedicated, std::vector<Fault> faults) {
  return {.name = name + (dedicated ? ", Dedicated" : ""),
          .plan = {.seed = 1,
                   .scenario = scenario_of(quality, dedicated),
                   .faults = std::move(faults),
                   .silence = 5s}};
}

// Moments that lie in each phase of the scenario's release, by the operator's writes so far.
struct Moment {
  const char* phase;
  int write;
};
constexpr std::array kMoments{Moment{"Pending", 1}, Moment{"Initializing", 5}, Moment{"Progressing", 11},
                              Moment{"Promoting", 16}, Moment{"Finalizing", 21}};

}  // namespace

std::vector<CrashScenario> crash_scenarios() {
  std::vector<CrashScenario> scenarios;
  for (const bool dedicated : {false, true}) {
    scenarios.push_back(scenario("promotion", Quality::Good, dedicated, {}));
    scenarios.push_back(scenario("rollback by the analysis", Quality::Failing, dedicated, {}));
    for (const auto& moment : kMoments) {
      const std::string in = std::string(" in ") + moment.phase;
      scenarios.push_back(scenario("rollback asked for" + in, Quality::Good, dedicated,
                                   {{.kind = Kind::RollbackRequested, .write = moment.write}}));
      scenarios.push_back(scenario("deletion" + in, Quality::Good, dedicated,
                                   {{.kind = Kind::CanaryDeleted, .write = moment.write}}));
    }
  }
  // The weights of the whole route change from step to step, and the subsets have names of their own.
  for (const auto quality : {Quality::Good, Quality::Failing}) {
    auto odd =
        scenario(quality == Quality::Good ? "promotion of 1 %" : "rollback of 1 %", quality, false, {});
    odd.plan.scenario.routes = Routes::Shared;
    odd.plan.scenario.share = 1;
    odd.plan.scenario.stable_version = "2.4.1";
    odd.plan.scenario.candidate_version = "2-4-1";
    scenarios.push_back(std::move(odd));
  }
  return scenarios;
}

std::vector<Plan> crash_plans(const CrashScenario& scenario, int writes) {
  std::vector<Plan> plans;
  for (int first = 1; first <= writes; ++first) {
    for (const auto kind : kCrashes) {
      Plan once = scenario.plan;
      once.faults.push_back({.kind = kind, .write = first});
      plans.push_back(once);
      for (int second = first + 1; second <= first + kSecondCrashes; ++second) {
        for (const auto again : kCrashes) {
          Plan twice = once;
          twice.faults.push_back({.kind = again, .write = second});
          plans.push_back(std::move(twice));
        }
      }
    }
  }
  return plans;
}

}  // namespace weir::simulation
