// From Pending to the ladder's first step.
#include "strategies/roads.h"

namespace weir::strategies {
namespace {

// Pods tell why they are not ready without a change of their Deployment: they are looked at this often.
constexpr Seconds kPodLook{2};

}  // namespace

std::string pods_ready(const Workload& workload) {
  std::string text =
      std::to_string(workload.ready) + " of " + std::to_string(workload.replicas) + " pods ready";
  if (!workload.pod_problem.empty()) text += " (" + workload.pod_problem + ")";
  return text;
}

void look_at_pods(Turn& turn) {
  if (turn.seen.candidate && turn.seen.candidate->ready < turn.seen.candidate->replicas)
    turn.again_in(kPodLook);
}

std::optional<Obstacle> cannot_start(const Turn& turn) {
  const auto& seen = turn.seen;
  if (!seen.candidate || !seen.stable) return turn.blocked();
  const std::string progressing(kProgressing);
  const auto& label = turn.spec.service.version_label;
  for (const auto* workload : {&*seen.candidate, &*seen.stable}) {
    if (workload->version.empty()) {
      return Obstacle{progressing, "VersionLabelMissing",
                      "the pod template of " + workload->name + " has no label " + label +
                          ": each version needs its own value of spec.service.versionLabel"};
    }
  }
  if (seen.candidate->version == seen.stable->version) {
    return Obstacle{progressing, "SameVersion",
                    seen.candidate->name + " and " + seen.stable->name + " both carry " + label + "=" +
                        seen.candidate->version + ": the candidate needs another value of that label"};
  }
  return turn.blocked();
}

void pending(Turn& turn) {
  if (const auto found = cannot_start(turn))
    return turn.hold(found->reason, found->message, Severity::Warning);
  if (turn.spec.suspend) return turn.hold("Suspended", "spec.suspend is true: the release has not started");
  const auto& candidate = *turn.seen.candidate;
  if (!candidate.available || candidate.ready < 1) {
    look_at_pods(turn);
    return turn.hold("CandidateNotReady", "waiting for " + candidate.name + ": " + pods_ready(candidate));
  }
  if (turn.seen.stable->ready < 1 && !turn.spec.skip_analysis) {
    return turn.hold("StableNotReady",
                     turn.seen.stable->name +
                         " has no ready pod to compare with: mend it, or set spec.skipAnalysis to "
                         "release past it",
                     Severity::Warning);
  }
  if (!turn.seen.has_finalizer) return turn.act(EnsureFinalizer{});
  turn.status().candidate.template_hash = candidate.template_hash;
  turn.status().stable.template_hash = turn.seen.stable->template_hash;
  turn.enter(Phase::Initializing, "CandidateReady", candidate.name + " is ready: preparing the routes");
  initialize(turn);
}

void initialize(Turn& turn) {
  const auto& seen = turn.seen;
  if (const auto found = turn.blocked()) return turn.hold(found->reason, found->message, Severity::Warning);
  turn.wait("Preparing", "preparing routes and endpoints for both versions");
  // With the first status of this phase, long before they change.
  turn.remember(seen.routes->found);
  if (!seen.version_services) return turn.act(EnsureVersionServices{});
  if (!seen.subsets || !seen.subsets->present) {
    if (seen.subsets) turn.remember(seen.subsets->found);
    return turn.act(EnsureSubsets{});
  }
  // A proxy that has the route but not the subset answers 503.
  if (!turn.settled(seen.subsets->age)) return;
  if (turn.dedicated() && seen.service->stable_endpoints < 1 && seen.stable->ready > 0) {
    return turn.wait("WaitingForEndpoints",
                     "waiting for stable's endpoints behind the release's own Service");
  }
  // Of a release that starts again some traffic is with the candidate: it stays there while stable has no
  // pods.
  if (!seen.routes->original() && seen.only_candidate_serves()) {
    return turn.hold("StableUnavailable", "waiting for stable's endpoints before traffic returns to it",
                     Severity::Warning);
  }
  if (!seen.routes->at(Weight::none())) return turn.act(Route{Weight::none()});
  if (!turn.settled(seen.routes->age)) return;
  if (!turn.dedicated() && seen.service->selects != Selects::Both)
    return turn.act(SetSelector{Selects::Both});
  if (!turn.settled(seen.service->age)) return;
  if (!seen.candidate->available || seen.service->candidate_endpoints < 1) {
    look_at_pods(turn);
    return turn.hold("CandidateNotReady",
                     "waiting for " + seen.candidate->name + ": " + pods_ready(*seen.candidate));
  }
  if (turn.spec.suspend) return turn.hold("Suspended", "spec.suspend is true: no traffic has moved");
  if (turn.spec.skip_analysis) {
    turn.enter(Phase::Promoting, "AnalysisSkipped", "spec.skipAnalysis is true: promoting without analysis");
    return promote(turn);
  }
  turn.enter(Phase::Progressing, "RoutesReady", "routes are ready: moving traffic in steps");
  begin_ladder(turn);
}

}  // namespace weir::strategies
