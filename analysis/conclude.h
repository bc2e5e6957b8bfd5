// From checks to what is said of an interval.
#pragma once

#include <string_view>

#include "analysis/check.h"
#include "analysis/sequential.h"

namespace weir::analysis {

// Settles a check that has no value by the policy that `setting` of the spec gives.
void settle(Check& check, Policy policy, std::string_view setting);

// What the evidence of `trial` says of one of its metrics. Values are per cent: of successes, or of requests
// slower than the (first) edge. No range was asked for.
[[nodiscard]] Check compared_check(const Metric& metric, const Trial& trial, const Look& look);

// Fills outcome, message, `undecided` and `too_early` from the checks.
[[nodiscard]] Judgement concluded(Judgement judgement);

}  // namespace weir::analysis
