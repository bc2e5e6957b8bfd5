// The `spec` of a Canary.
#pragma once

#include <vector>

#include "operator/canary/fields.h"

namespace weir::canary {

// What judges the candidate.
struct Judging {
  analysis::JudgeSettings judge;
  std::vector<MetricSpec> metrics;
};

// What is wrong is noted in the error of `spec`; the answer is of use only without one.
[[nodiscard]] strategies::Spec parse_spec(Fields& spec, Judging& judging);

// spec.analysis.judge and spec.analysis.metrics
[[nodiscard]] Judging parse_judging(Fields& analysis);

}  // namespace weir::canary
