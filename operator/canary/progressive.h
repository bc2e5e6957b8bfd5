// Progressive traffic shifting: stepWeight and maxWeight, or stepWeights, then stepWeightPromotion.
#pragma once

#include "operator/canary/fields.h"
#include "strategies/plan.h"

namespace weir::canary {

[[nodiscard]] strategies::Program read_progressive(Fields& analysis);

}  // namespace weir::canary
