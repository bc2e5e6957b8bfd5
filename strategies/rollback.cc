// The way back: all traffic to stable, then everything as it was.
#include <algorithm>

#include "strategies/machine.h"
#include "strategies/roads.h"

namespace weir::strategies {
namespace {

// Before traffic returns to stable it needs pods. True once it has enough of them.
bool stable_can_serve(Turn& turn, int needed) {
  if (!turn.seen.stable) {
    turn.hold("StableNotFound",
              "the stable workload " + turn.status().stable.name + " is gone: nothing to return to",
              Severity::Warning);
    return false;
  }
  const auto& stable = *turn.seen.stable;
  if (stable.replicas < needed) {
    turn.act(Scale{.workload = stable.name, .replicas = needed});
    turn.wait("ScalingUp", "scaling " + stable.name + " up before traffic returns to it");
    return false;
  }
  if (stable.ready >= needed) return true;
  turn.hold("StableNotReady",
            "waiting for " + stable.name + ": " + std::to_string(stable.ready) + " of " +
                std::to_string(needed) + " pods ready",
            Severity::Warning);
  return false;
}

// The Service selects the candidate already: both versions come back behind it, with the routes still on the
// candidate, so that the rest of the way is the same as before the promotion. True once that is so.
bool way_back_is_open(Turn& turn) {
  const auto& seen = turn.seen;
  const int needed = seen.candidate ? std::max(required_ready(*seen.candidate), seen.candidate->replicas) : 1;
  if (!stable_can_serve(turn, needed)) return false;
  // Without routes the selector alone moves traffic; and where nothing serves there is nothing to lose on the
  // way.
  const bool nothing_serves =
      seen.service->candidate_endpoints < 1 && (!seen.candidate || seen.candidate->ready < 1);
  if (!seen.routes || nothing_serves) {
    turn.act(SetSelector{Selects::Stable});
    return false;
  }
  if (!seen.version_services) {
    turn.act(EnsureVersionServices{});
    return false;
  }
  if (!seen.subsets || !seen.subsets->present) {
    if (seen.subsets) turn.remember(seen.subsets->found);
    turn.act(EnsureSubsets{});
    return false;
  }
  if (seen.routes->original() || seen.routes->unmanaged > 0) {
    if (!turn.settled(seen.subsets->age)) return false;
    turn.remember(seen.routes->found);
    turn.act(Route{Weight::all()});
    return false;
  }
  if (turn.dedicated()) return true;
  if (!turn.settled(seen.routes->age)) return false;
  turn.act(SetSelector{Selects::Both});
  return false;
}

// All traffic on stable. True once the routes say so everywhere.
bool returned(Turn& turn) {
  const auto& seen = turn.seen;
  if (!seen.routes || seen.routes->original() || seen.routes->at(Weight::none())) return true;
  if (seen.only_candidate_serves()) {
    // Pods first.
    if (stable_can_serve(turn, 1)) turn.wait("WaitingForEndpoints", "waiting for stable's endpoints");
    return false;
  }
  // Back from the promotion stable's endpoints are new: a proxy that does not have them yet loses requests.
  if (seen.service && seen.routes->at(Weight::all()) && !turn.settled(seen.service->age)) return false;
  turn.remember(seen.routes->found);
  turn.act(Route{Weight::none()});
  return false;
}

bool selector_returned(Turn& turn) {
  const auto& seen = turn.seen;
  if (!seen.service || seen.service->selects == Selects::Stable) return true;
  if (seen.routes && !turn.settled(seen.routes->age)) return false;
  // Whoever has no ready pod keeps both selected: better a bad version than none.
  if (seen.candidate && seen.candidate->ready > 0 && !stable_can_serve(turn, 1)) return false;
  turn.act(SetSelector{Selects::Stable});
  return false;
}

bool cleaned_up(Turn& turn) {
  const auto& seen = turn.seen;
  const bool restored = !seen.routes || seen.routes->original();
  const bool subsets_added = seen.subsets && seen.subsets->added;
  if (restored && !subsets_added && !seen.any_version_services) return true;
  if (!restored) {
    if (seen.service && !turn.settled(seen.service->age)) return false;
    turn.act(RestoreRoutes{.promoted = false});
    return false;
  }
  if (seen.routes && !turn.settled(seen.routes->age)) return false;
  if (subsets_added) {
    turn.act(RemoveSubsets{.promoted = false});
  } else {
    turn.act(DeleteVersionServices{});
  }
  return false;
}

bool undone(Turn& turn) {
  const auto& service = turn.seen.service;
  if (service && service->selects == Selects::Candidate && !way_back_is_open(turn)) return false;
  return returned(turn) && selector_returned(turn) && cleaned_up(turn);
}

void fail(Turn& turn) {
  if (turn.seen.marked) return turn.act(ClearMarks{});
  auto& status = turn.status();
  const auto* promoted = turn.find(kPromoted);
  const std::string why = promoted == nullptr ? status.message : promoted->message;
  turn.condition(kPromoted, ConditionStatus::False, status.rollback_reason, why);
  turn.enter(Phase::Failed, status.rollback_reason, why);
}

}  // namespace

void start_rollback(Turn& turn, std::string reason, const std::string& message) {
  auto& status = turn.status();
  status.canary_weight = Weight::none();
  status.step_started_at.reset();
  status.breaker_tripped_at.reset();
  status.rollback_reason = reason;
  turn.condition(kPromoted, ConditionStatus::Unknown, "RollingBack", message);
  turn.enter(Phase::RollingBack, std::move(reason), "rolling back: " + message);
  roll_back(turn);
}

void roll_back(Turn& turn) {
  const auto& seen = turn.seen;
  // A release that never left Pending has touched nothing, and what it would touch may be another's.
  const bool touched = !turn.status().candidate.template_hash.empty();
  if (!touched && cannot_start(turn)) return fail(turn);
  if (touched && !undone(turn)) return;
  if (!seen.candidate || seen.candidate->replicas == 0) return fail(turn);
  // While stable has no pods the candidate's are all there is, ready or not.
  if (!touched || (seen.stable && seen.stable->ready > 0)) {
    return turn.act(Scale{.workload = seen.candidate->name, .replicas = 0, .hands_over = touched});
  }
  if (is_late(turn)) return fail(turn);
  turn.hold(
      "StableNotReady",
      turn.status().stable.name + " has no ready pod: " + seen.candidate->name + " is kept until it has",
      Severity::Warning);
}

}  // namespace weir::strategies
