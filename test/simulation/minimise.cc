#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "test/simulation/executor.h"
#include "test/simulation/run.h"

namespace weir::simulation {

Plan minimise(const Plan& failing, const std::string& violation) {
  const auto still_fails = [&](const Plan& plan) {
    const auto outcome = run(plan, false);
    return !outcome.violations.empty() && outcome.violations.front().name == violation;
  };
  Plan smallest = failing;
  bool smaller = true;
  while (smaller) {
    smaller = false;
    for (std::size_t i = 0; i < smallest.faults.size(); ++i) {
      Plan plan = smallest;
      plan.faults.erase(plan.faults.begin() + static_cast<std::ptrdiff_t>(i));
      if (!still_fails(plan)) continue;
      smallest = std::move(plan);
      smaller = true;
      break;
    }
  }
  for (auto& fault : smallest.faults) {
    while (fault.lasting > 1s) {
      const Millis before = fault.lasting;
      fault.lasting /= 2;
      if (still_fails(smallest)) continue;
      fault.lasting = before;
      break;
    }
  }
  if (smallest.scenario.processes > 1) {
    smallest.scenario.processes = 1;
    if (!still_fails(smallest)) smallest.scenario.processes = failing.scenario.processes;
  }
  return smallest;
}

}  // namespace weir::simulation
