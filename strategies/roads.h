// The roads that traffic takes: towards a pinned start, to the promotion, and back. Each looks for the first
// thing that is not yet as it should be and does that; called again, it goes on from there.
#pragma once

#include "strategies/turn.h"

namespace weir::strategies {

void pending(Turn& turn);
void initialize(Turn& turn);
void progress(Turn& turn);
void promote(Turn& turn);
void finalize(Turn& turn);
void roll_back(Turn& turn);

// Authorises the ladder's first step.
void begin_ladder(Turn& turn);
// Authorises a weight and routes it: the one place that raises the candidate's share.
void authorise(Turn& turn, Weight weight);
// Starts taking the release back, with its first writes in the same decision.
void start_rollback(Turn& turn, std::string reason, const std::string& message);

// Whether the phase has lasted for the progress deadline; else comes back when it has.
[[nodiscard]] bool is_late(Turn& turn);

// "1 of 2 pods ready (CrashLoopBackOff: …)".
[[nodiscard]] std::string pods_ready(const Workload& workload);
// While pods of the candidate are not ready the next round comes soon, whatever else happens.
void look_at_pods(Turn& turn);
// The weight of the step that the release stands on (its last one, if the ladder became shorter).
[[nodiscard]] Weight ladder_weight(const Turn& turn);
// What keeps the release from starting; empty: nothing does.
[[nodiscard]] std::optional<Obstacle> cannot_start(const Turn& turn);

// What guards every moment in which the candidate may carry traffic. Each says whether it took this round
// over. A candidate that cannot serve loses its traffic at once, and the release when it does not recover.
[[nodiscard]] bool breaker_acts(Turn& turn);
// Routes or the selector that are not as authorised are put back.
[[nodiscard]] bool drift_repaired(Turn& turn);
// Stable without any endpoint leaves the traffic to the candidate until it is back.
[[nodiscard]] bool stable_lost(Turn& turn);
// Counts one drift of `what`, says who did it, and whether it may be put back in this round.
[[nodiscard]] bool may_repair(Turn& turn, const std::string& what, const std::string& manager);

}  // namespace weir::strategies
