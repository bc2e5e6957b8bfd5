// From the last passed step to the promoted version.
#include <algorithm>

#include "strategies/machine.h"
#include "strategies/roads.h"

namespace weir::strategies {
namespace {

// The next weight on the way to 100.
Weight next_weight(const Turn& turn) {
  const auto current = turn.out.status.canary_weight;
  const auto& steps = turn.spec.strategy.promotion_steps;
  const auto next = std::ranges::upper_bound(steps, current);
  return next == steps.end() ? Weight::all() : *next;
}

// Capacity before traffic: the candidate gets as many pods as stable has.
bool has_capacity(Turn& turn) {
  const auto& candidate = *turn.seen.candidate;
  const auto& stable = *turn.seen.stable;
  if (candidate.replicas < stable.replicas) {
    turn.wait("ScalingUp",
              "scaling " + candidate.name + " to " + std::to_string(stable.replicas) + " as stable has");
    turn.act(Scale{.workload = candidate.name, .replicas = stable.replicas});
    return false;
  }
  if (candidate.ready >= required_ready(stable)) return true;
  turn.wait("ScalingUp", "waiting for " + candidate.name + ": " + std::to_string(candidate.ready) + " of " +
                             std::to_string(required_ready(stable)) + " pods ready");
  return false;
}

void shift(Turn& turn) {
  auto& status = turn.status();
  // Each promotion step but the last is held for an interval.
  const auto held_until = status.step_started_at.value_or(turn.now) + turn.spec.interval;
  const bool on_promotion_step = status.canary_weight > turn.spec.strategy.steps.back();
  if (on_promotion_step && turn.now < held_until) return turn.again_at(held_until);
  const auto weight = next_weight(turn);
  authorise(turn, weight);
  turn.progressed();
  const std::string message = std::to_string(weight.percent()) + " % to " + status.target;
  turn.wait("Promoting", message);
  turn.event(Severity::Normal, "Step", message);
  turn.record("PromotionStep", message);
}

void succeed(Turn& turn) {
  if (turn.seen.marked) return turn.act(ClearMarks{});
  std::string message = turn.status().target + " serves all traffic";
  if (!turn.seen.rollback_requested.empty()) {
    message += "; the rollback that was asked for came too late: " + turn.status().stable.name + " is gone";
  }
  turn.condition(kPromoted, ConditionStatus::True, "Promoted", message);
  turn.enter(Phase::Succeeded, "Promoted", message);
}

// Every step has passed: when stable has nothing to answer with, the candidate takes all traffic at once.
bool takes_over(Turn& turn) {
  if (!turn.seen.service || !turn.seen.routes || turn.out.status.canary_weight == Weight::all()) return false;
  if (!turn.seen.only_candidate_serves()) return false;
  const std::string message = "stable has no ready endpoint: all traffic to " + turn.out.status.target;
  authorise(turn, Weight::all());
  turn.event(Severity::Warning, "StableUnavailable", message);
  turn.wait("StableUnavailable", message);
  turn.record("StableUnavailable", message);
  return true;
}

// Stable is the way back for as long as the candidate has no pod to serve with. True while it is kept for
// that; when the progress deadline is over it is left as it is, and the release ends.
bool still_needed(Turn& turn) {
  const auto& candidate = turn.seen.candidate;
  if (candidate && candidate->ready > 0) return false;
  if (is_late(turn)) {
    succeed(turn);
    return true;
  }
  turn.hold(
      "CandidateNotReady",
      turn.status().target + " has no ready pod: " + turn.status().stable.name + " is kept until it has",
      Severity::Warning);
  return true;
}

void release_stable(Turn& turn) {
  if (still_needed(turn)) return;
  const auto& stable = turn.seen.stable;
  const std::string& name = turn.status().stable.name;
  const bool keep = turn.spec.stable.after_promotion == AfterPromotion::Keep;
  const bool remove = turn.spec.stable.after_promotion == AfterPromotion::Delete;
  if (keep || !stable || (!remove && stable->replicas == 0)) return succeed(turn);
  const auto release_at =
      turn.status().last_transition_time.value_or(TimePoint{}) + turn.spec.stable.scale_down_delay;
  // Somebody who deletes the Canary does not want to wait for the way back.
  if (!turn.seen.deleting && turn.now < release_at) {
    turn.wait("ScaleDownDelay", name + " stays ready for " +
                                    std::to_string(turn.spec.stable.scale_down_delay.count()) +
                                    " s after the promotion");
    return turn.again_at(release_at);
  }
  if (!stable->has_pre_stop && stable->replicas > 0) {
    turn.hold(
        "NoPreStopHook",
        name + " has no preStop hook: requests in flight can be lost when it is scaled down, whoever does it",
        Severity::Warning);
  }
  if (remove) return turn.act(DeleteWorkload{name});
  turn.act(Scale{.workload = name, .replicas = 0, .hands_over = true});
}

// Leaves the objects as their owner wrote them, but for the version. True once nothing is left to do.
bool cleaned_up(Turn& turn) {
  const auto& seen = turn.seen;
  if (seen.routes && !seen.routes->original()) {
    if (seen.subsets && seen.subsets->pinned) {
      turn.act(MovePinnedSubsets{});
      return false;
    }
    if (seen.subsets && !turn.settled(seen.subsets->age)) return false;
    turn.act(RestoreRoutes{.promoted = true});
    return false;
  }
  if (!seen.any_version_services && !(seen.subsets && seen.subsets->added)) return true;
  if (seen.routes && !turn.settled(seen.routes->age)) return false;
  if (seen.subsets && seen.subsets->added) {
    turn.act(RemoveSubsets{.promoted = true});
    return false;
  }
  turn.act(DeleteVersionServices{});
  return false;
}

}  // namespace

void promote(Turn& turn) {
  auto& status = turn.status();
  const auto& seen = turn.seen;
  if (seen.service && seen.service->selects == Selects::Candidate) {
    status.canary_weight = Weight::all();
    turn.enter(Phase::Finalizing, "SelectorMoved",
               "Service " + turn.spec.service.name + " selects " + status.target);
    return finalize(turn);
  }
  if (breaker_acts(turn)) return;
  if (turn.spec.suspend) return turn.hold("Suspended", "spec.suspend is true: the weight stays as it is");
  if (takes_over(turn)) return;
  if (const auto found = turn.blocked()) return turn.hold(found->reason, found->message, Severity::Warning);
  if (drift_repaired(turn)) return;
  if (!has_capacity(turn)) return;
  if (status.canary_weight < Weight::all()) return shift(turn);
  if (!turn.settled(seen.routes->age))
    return turn.wait("Propagating", "waiting until every proxy has the routes");
  turn.wait("MovingSelector", "moving the selector of Service " + turn.spec.service.name);
  turn.act(SetSelector{Selects::Candidate});
}

void finalize(Turn& turn) {
  const auto& seen = turn.seen;
  if (!seen.service && !is_late(turn)) {
    return turn.hold("ServiceNotFound", "Service " + turn.spec.service.name + " does not exist",
                     Severity::Warning);
  }
  if (seen.service) {
    if (seen.service->selects != Selects::Candidate) {
      if (seen.candidate && seen.stable && !has_capacity(turn)) return;
      if (!may_repair(turn, "the selector of Service " + turn.spec.service.name, seen.service->changed_by))
        return;
      turn.status().step_started_at = turn.now;
      return turn.act(SetSelector{Selects::Candidate});
    }
  }
  // A route without a subset follows the selector: every proxy must have the new endpoints first.
  const bool settled = !seen.service || turn.settled(seen.service->age);
  if (settled && cleaned_up(turn)) return release_stable(turn);
  turn.wait("CleaningUp", "putting routes and rules back as their owner wrote them");
}

}  // namespace weir::strategies
