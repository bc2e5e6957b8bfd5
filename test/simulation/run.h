// One simulated release, from its beginning to long after its end.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "test/simulation/faults.h"
#include "test/simulation/invariants.h"
#include "test/simulation/plan.h"

namespace weir::simulation {

struct Outcome {
  std::vector<Violation> violations;  // the first kMostViolations
  std::string phase;                  // of the Canary at the end; "gone" if it was deleted
  int writes = 0;                     // of the operator, Leases apart
  Millis simulated{0};
  double requests = 0;
  double lost = 0;
  std::map<Kind, int> faults;         // that really began
  std::vector<std::string> timeline;  // empty unless asked for
};

// Ends at the first violation. `with_timeline`: at the price of some time.
[[nodiscard]] Outcome run(const Plan& plan, bool with_timeline);

// The same violation with fewer and shorter faults: the smallest plan found.
[[nodiscard]] Plan minimise(const Plan& failing, const std::string& violation);

}  // namespace weir::simulation
