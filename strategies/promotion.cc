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
    turn.act(Scale{candidate.name, stable.replicas});
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
  const std::string message = turn.status().target + " serves all traffic";
  turn.condition(kPromoted, ConditionStatus::True, "Promoted", message);
  turn.enter(Phase::Succeeded, "Promoted", message);
}

void release_stable(Turn& turn) {
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
  turn.act(Scale{name, 0});
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
  if (seen.service) {
    if (seen.service->selects != Selects::Candidate) {
      if (!may_repair(turn, "the selector of Service " + turn.spec.service.name, seen.service->changed_by))
        return;
      turn.status().step_started_at = turn.now;
      return turn.act(SetSelector{Selects::Candidate});
    }
    turn.wait("CleaningUp", "putting routes and rules back as their owner wrote them");
    // A route without a subset follows the selector: every proxy must have the new endpoints first.
    if (!turn.settled(seen.service->age)) return;
  }
  if (cleaned_up(turn)) release_stable(turn);
}

}  // namespace weir::strategies
