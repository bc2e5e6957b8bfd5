// All at once: no traffic for the candidate until so many intervals have passed, then all of it.
#pragma once

#include "operator/canary/fields.h"
#include "strategies/plan.h"

namespace weir::canary {

[[nodiscard]] strategies::Program read_iterations(Fields& analysis);

}  // namespace weir::canary
