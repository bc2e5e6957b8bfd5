// The `spec` of a Canary.
#pragma once

#include <vector>

#include "operator/canary/fields.h"

namespace weir::canary {

// What is wrong is noted in the error of `spec`; the answer is of use only without one.
[[nodiscard]] strategies::Spec parse_spec(Fields& spec, std::vector<MetricSpec>& metrics);

// spec.analysis.metrics
[[nodiscard]] std::vector<MetricSpec> parse_metrics(Fields& analysis);

}  // namespace weir::canary
