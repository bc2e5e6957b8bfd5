// The state machine of a release: what was observed in, what to do next out.
#pragma once

#include "strategies/plan.h"

namespace weir::strategies {

// Decides what one release does next. Pure: the same inputs give the same decision.
//
// `observed` must come from one reading of the caches; `now` is the reconciler's clock. Carry out the
// decision in the order that Decision states, and call again with what is observed then: every action is
// decided from what is not yet as it should be, so that a round may end, or the process may die, between any
// two writes. Never raises the candidate's weight unless `observed.verdict` passed for `release.status.step`
// (invariants S5, S6).
[[nodiscard]] Decision decide(const Release& release, const Observed& observed, TimePoint now);

// Ready pods that a version needs before the Service may select it alone: what the other one has, at least
// one (S3).
[[nodiscard]] int required_ready(const Workload& other);

}  // namespace weir::strategies
