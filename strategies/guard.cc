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

// What the candidate gets back: its step, or all while stable has nothing to answer with.
Weight recovered_weight(const Turn& turn) {
  if (turn.seen.service && turn.seen.only_candidate_serves()) return Weight::all();
  return turn.out.status.phase == Phase::Promoting ? turn.spec.strategy.steps.back() : ladder_weight(turn);
}

// Whether the candidate's pods keep failing in a way that time does not mend.
bool broken(const Workload& candidate) {
  static constexpr std::array<std::string_view, 4> kHopeless{"CrashLoopBackOff", "ImagePullBackOff",
                                                             "ErrImagePull", "CreateContainerConfigError"};
  return candidate.ready < candidate.replicas &&
         std::ranges::any_of(
             kHopeless, [&](std::string_view reason) { return candidate.pod_problem.starts_with(reason); });
}

// Why the candidate cannot serve; empty: it can.
std::string unavailability(const Turn& turn) {
  const auto& seen = turn.seen;
  const auto& target = turn.out.status.target;
  if (!seen.candidate || (seen.service && seen.service->candidate_endpoints < 1))
    return target + " has no ready endpoint";
  if (broken(*seen.candidate)) return "pods of " + target + " fail (" + seen.candidate->pod_problem + ")";
  return {};
}

// All traffic goes to stable. While stable has nothing to answer with either the traffic stays where it is:
// whichever version serves first gets it.
void take_traffic_away(Turn& turn, const std::string& why) {
  auto& status = turn.status();
  const bool moves = turn.seen.stable_serves() && status.canary_weight > Weight::none();
  if (status.breaker_tripped_at && !moves) {
    // The weight was authorised before: make sure that the routes say so.
    (void)routes_repaired(turn);
    return;
  }
  if (!status.breaker_tripped_at) status.breaker_tripped_at = turn.now;
  const std::string message =
      why + (turn.seen.stable_serves()
                 ? ": all traffic to stable until it recovers"
                 : "; stable has no ready endpoint either: the traffic stays until one of them serves");
  turn.event(Severity::Warning, "CandidateUnavailable", message);
  turn.wait("CandidateUnavailable", message);
  if (!moves) return;
  authorise(turn, Weight::none());
  turn.record("CandidateUnavailable", message);
}

void recover(Turn& turn) {
  auto& status = turn.status();
  const auto& service = turn.seen.service;
  // A proxy that does not have the new endpoints yet would answer 503.
  if (turn.spec.suspend || (service && !turn.settled(service->endpoints_age))) {
    (void)routes_repaired(turn);
    return;
  }
  status.breaker_tripped_at.reset();
  turn.event(Severity::Normal, "CandidateRecovered", status.target + " serves again");
  authorise(turn, recovered_weight(turn));
  turn.wait("Analysing",
            status.target + " serves again: " + std::to_string(status.canary_weight.percent()) + " %");
  turn.record("CandidateRecovered", status.message);
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
  const auto why = unavailability(turn);
  if (why.empty() && !status.breaker_tripped_at) return false;
  if (why.empty()) {
    recover(turn);
    return true;
  }
  const auto end = status.breaker_tripped_at.value_or(turn.now) + turn.spec.breaker;
  if (turn.now >= end) {
    start_rollback(
        turn, "CandidateUnavailable",
        status.target + " had no pods to serve for " + std::to_string(turn.spec.breaker.count()) + " s");
    return true;
  }
  turn.again_at(end);
  take_traffic_away(turn, why);
  return true;
}

bool stable_lost(Turn& turn) {
  auto& status = turn.status();
  if (!turn.seen.service || !turn.seen.routes || turn.spec.suspend || ladder_weight(turn) == Weight::all())
    return false;
  const bool lost = turn.seen.only_candidate_serves();
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
