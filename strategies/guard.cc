// What guards traffic while the candidate may carry some.
#include <algorithm>
#include <array>

#include "strategies/roads.h"

namespace weir::strategies {
namespace {

// Put back at once this often; after that each repair waits twice as long as the one before.
constexpr int kPromptRepairs = 3;
constexpr Seconds kLongestRepairDelay{60};

Milliseconds repair_delay(int drifts) {
  if (drifts < kPromptRepairs) return Milliseconds{0};
  const int doublings = std::min(drifts - kPromptRepairs, 6);
  return std::min<Milliseconds>(Seconds{1 << doublings}, kLongestRepairDelay);
}

std::string by(const std::string& manager) {
  return manager.empty() ? std::string("somebody") : "field manager \"" + manager + "\"";
}

// Routes that name a subset which is gone are answered with 503: it comes back before anything else.
bool foundation_repaired(Turn& turn) {
  const auto& seen = turn.seen;
  if (!seen.routes || !seen.service || !seen.candidate || !seen.stable) return false;
  const bool subsets = seen.subsets && seen.subsets->present;
  if (subsets && seen.version_services) return false;
  if (!may_repair(turn, subsets ? "the versions' own Services" : "the subsets of both versions", ""))
    return true;
  turn.status().step_started_at = turn.now;
  turn.status().checks_in_step = 0;
  if (subsets) {
    turn.act(EnsureVersionServices{});
  } else {
    if (seen.subsets) turn.remember(seen.subsets->found);
    turn.act(EnsureSubsets{});
  }
  return true;
}

bool selector_repaired(Turn& turn) {
  if (turn.dedicated() || !turn.seen.service || !turn.seen.routes) return false;
  const auto& service = *turn.seen.service;
  // With routes that are not all pinned, a selector of both versions would leak traffic.
  if (service.selects == Selects::Both || turn.seen.routes->unmanaged > 0 || turn.seen.routes->original())
    return false;
  if (!may_repair(turn, "the selector of Service " + turn.spec.service.name, service.changed_by)) return true;
  turn.status().step_started_at = turn.now;
  turn.status().checks_in_step = 0;
  turn.act(SetSelector{Selects::Both});
  return true;
}

bool routes_repaired(Turn& turn) {
  auto& status = turn.status();
  // Without the Service nobody knows which version has endpoints.
  if (!turn.seen.service || !turn.seen.routes || turn.seen.routes->at(status.canary_weight)) return false;
  const auto& routes = *turn.seen.routes;
  const bool would_rise = routes.highest() < status.canary_weight.percent();
  if (turn.spec.suspend && would_rise && routes.unmanaged == 0) return false;
  // An own write that has not happened yet is no drift.
  const bool ours = routes.changed_by == kFieldManager && routes.unmanaged == 0;
  if (!ours && !may_repair(turn, "route weights", routes.changed_by)) return true;
  authorise(turn, status.canary_weight);
  return true;
}

void trip(Turn& turn, const std::string& why) {
  auto& status = turn.status();
  status.breaker_tripped_at = turn.now;
  const std::string message = why + ": all traffic to stable until it recovers";
  turn.event(Severity::Warning, "CandidateUnavailable", message);
  turn.wait("CandidateUnavailable", message);
  turn.again_in(turn.spec.breaker);
  if (status.canary_weight > Weight::none()) {
    authorise(turn, Weight::none());
    turn.record("CandidateUnavailable", message);
  }
}

// Whether the candidate's pods keep failing in a way that time does not mend.
bool broken(const Workload& candidate) {
  static constexpr std::array<std::string_view, 4> kHopeless{"CrashLoopBackOff", "ImagePullBackOff",
                                                             "ErrImagePull", "CreateContainerConfigError"};
  return candidate.ready < candidate.replicas &&
         std::ranges::any_of(
             kHopeless, [&](std::string_view reason) { return candidate.pod_problem.starts_with(reason); });
}

}  // namespace

bool may_repair(Turn& turn, const std::string& what, const std::string& manager) {
  auto& status = turn.status();
  if (status.step_started_at) {
    const auto next = *status.step_started_at + repair_delay(status.drifts);
    if (turn.now < next) {
      turn.again_at(next);
      return false;
    }
  }
  ++status.drifts;
  const std::string message = what + " changed by " + by(manager) + ": put back";
  turn.event(Severity::Warning, "Drifted", message);
  if (status.drifts >= kPromptRepairs) {
    turn.condition(kDrifted, ConditionStatus::True, "KeepsChanging", message);
    turn.wait("Drifted", what + " keeps being changed by " + by(manager) + ": the release holds");
  }
  return true;
}

bool breaker_acts(Turn& turn) {
  auto& status = turn.status();
  const auto& seen = turn.seen;
  const bool gone = !seen.candidate || (seen.service && seen.service->candidate_endpoints < 1);
  const bool unable = gone || broken(*seen.candidate);
  if (!status.breaker_tripped_at) {
    if (!unable) return false;
    std::string why = status.target + " has no ready endpoint";
    if (!gone) why = "pods of " + status.target + " fail (" + seen.candidate->pod_problem + ")";
    trip(turn, why);
    return true;
  }
  if (!unable && !turn.spec.suspend) {
    // A proxy that does not have the new endpoints yet would answer 503.
    if (seen.service && !turn.settled(seen.service->endpoints_age)) {
      (void)routes_repaired(turn);
      return true;
    }
    status.breaker_tripped_at.reset();
    turn.event(Severity::Normal, "CandidateRecovered", status.target + " serves again");
    authorise(turn, status.phase == Phase::Promoting ? turn.spec.strategy.steps.back() : ladder_weight(turn));
    turn.wait("Analysing",
              status.target + " serves again: " + std::to_string(status.canary_weight.percent()) + " %");
    turn.record("CandidateRecovered", status.message);
    return true;
  }
  const auto end = *status.breaker_tripped_at + turn.spec.breaker;
  if (unable && turn.now >= end) {
    start_rollback(
        turn, "CandidateUnavailable",
        status.target + " had no pods to serve for " + std::to_string(turn.spec.breaker.count()) + " s");
    return true;
  }
  if (unable) turn.again_at(end);
  // The weight was authorised away: make sure that the routes say so.
  (void)routes_repaired(turn);
  return true;
}

bool stable_lost(Turn& turn) {
  auto& status = turn.status();
  if (!turn.seen.service || !turn.seen.routes || turn.spec.suspend || ladder_weight(turn) == Weight::all())
    return false;
  const bool lost = turn.seen.service->only_candidate_serves();
  const bool covered = status.canary_weight == Weight::all();
  if (lost == covered) {
    if (lost) (void)routes_repaired(turn);
    return lost;
  }
  if (!lost && !turn.settled(turn.seen.service->endpoints_age)) return true;
  const std::string message = lost ? "stable has no ready endpoint: all traffic to " + status.target
                                   : "stable serves again: back to step " + std::to_string(status.step);
  authorise(turn, lost ? Weight::all() : ladder_weight(turn));
  turn.event(Severity::Warning, lost ? "StableUnavailable" : "StableRecovered", message);
  turn.wait(lost ? "StableUnavailable" : "Analysing", message);
  turn.record(lost ? "StableUnavailable" : "StableRecovered", message);
  return true;
}

bool drift_repaired(Turn& turn) {
  return foundation_repaired(turn) || selector_repaired(turn) || routes_repaired(turn);
}

}  // namespace weir::strategies
