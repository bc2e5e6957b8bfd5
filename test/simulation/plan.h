// What one simulated release is a function of.
#pragma once

#include <cstdint>
#include <vector>

#include "test/simulation/faults.h"
#include "test/simulation/scenario.h"

namespace weir::simulation {

struct Plan {
  std::uint64_t seed = 0;
  Scenario scenario;
  std::vector<Fault> faults;
  Millis silence{60'000};  // how long nothing may be written once all is over
};
[[nodiscard]] Plan plan_of(std::uint64_t seed);

}  // namespace weir::simulation
