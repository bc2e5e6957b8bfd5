// Every place in which a release can be cut off, each tried.
#pragma once

#include <string>
#include <vector>

#include "test/simulation/run.h"

namespace weir::simulation {

// A release whose writes are recorded: promotion, rollback and deletion in each phase, in both modes.
struct CrashScenario {
  std::string name;
  Plan plan;  // without crashes
};
[[nodiscard]] std::vector<CrashScenario> crash_scenarios();

// The plans that die once before and once after each write of the scenario's `writes`, and those that die
// again at one of the next kSecondCrashes writes.
inline constexpr int kSecondCrashes = 2;
[[nodiscard]] std::vector<Plan> crash_plans(const CrashScenario& scenario, int writes);

}  // namespace weir::simulation
