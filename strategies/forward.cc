// From Pending to the first step.
#include <algorithm>

#include "strategies/phases.h"

namespace weir::strategies {
namespace {

// Pods tell why they are not ready without a change of their Deployment: they are looked at this often.
constexpr Seconds kPodLook{2};

}  // namespace

std::string pods_ready(const Workload& workload) {
  std::string text =
      std::to_string(workload.ready) + " of " + std::to_string(workload.replicas) + " pods ready";
  if (workload.replicas == 0) text += ", since spec.replicas is 0: scale it up";
  if (!workload.pod_problem.empty()) text += " (" + workload.pod_problem + ")";
  return text;
}

void look_at_pods(Context& context) {
  if (context.seen.candidate && context.seen.candidate->ready < context.seen.candidate->replicas)
    context.again_in(kPodLook);
}

Next prepare(Context& context) {
  const auto& seen = context.seen;
  if (seen.foundation) context.remember(seen.foundation->found);
  return context.act(Prepare{seen.words.prepare});
}

std::optional<Obstacle> cannot_start(const Context& context) {
  const auto& seen = context.seen;
  if (!seen.candidate || !seen.stable) return context.blocked();
  const std::string progressing(kProgressing);
  const auto& label = context.spec.service.version_label;
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
  return context.blocked();
}

Next pending(Context& context) {
  if (const auto found = cannot_start(context)) return context.hold(*found);
  if (context.spec.suspend)
    return context.hold("Suspended", "spec.suspend is true: the release has not started");
  const auto& candidate = *context.seen.candidate;
  if (!candidate.available || candidate.ready < 1) {
    look_at_pods(context);
    return context.hold("CandidateNotReady", "waiting for " + candidate.name + ": " + pods_ready(candidate));
  }
  if (context.seen.stable->ready < 1 && !context.spec.skip_analysis) {
    return context.hold("StableNotReady",
                        context.seen.stable->name +
                            " has no ready pod to compare with: mend it, or set spec.skipAnalysis to "
                            "release past it",
                        Severity::Warning);
  }
  if (!context.seen.has_finalizer) return context.act(EnsureFinalizer{});
  context.status().candidate.template_hash = candidate.template_hash;
  context.status().stable.template_hash = context.seen.stable->template_hash;
  context.status().identity = identity_of(context.spec, context.status());
  for (const auto& warning : context.seen.warnings)
    context.event(Severity::Warning, warning.reason, warning.message);
  context.status().identity->cluster_domain = context.seen.cluster_domain;
  context.enter(Phase::Initializing, "CandidateReady", candidate.name + " is ready: preparing the routes");
  return initialize(context);
}

Next initialize(Context& context) {
  const auto& seen = context.seen;
  if (const auto found = context.blocked()) return context.hold(*found);
  context.say("Preparing", "preparing routes and endpoints for both versions");
  // With the first status of this phase, long before they change.
  context.remember(seen.routes->found);
  if (!seen.version_services) return context.act(EnsureVersionServices{});
  if (!context.has_foundation()) return prepare(context);
  // A proxy that has the route but not what it rests on answers 503.
  if (const auto next = context.settle(context.foundation_age()); next != Next::Done) return next;
  if (!context.widens_selector() && seen.service->stable_endpoints < 1 && seen.stable->ready > 0) {
    return context.wait("WaitingForEndpoints",
                        "waiting for stable's endpoints behind the release's own Service");
  }
  // Of a release that starts again some traffic is with the candidate, and where the selector was moved there
  // all of it is: it stays there while stable has no endpoints. One that is to go past a broken stable goes
  // on, to where the candidate takes over.
  const bool goes_past = context.spec.skip_analysis && seen.routes->highest() == 0;
  if (seen.only_candidate_serves() && !goes_past) {
    return context.hold("StableUnavailable", "waiting for stable's endpoints before traffic goes to it",
                        Severity::Warning);
  }
  if (!seen.routes->at(Weight::none())) {
    // As after the selector was elsewhere: a proxy may not have stable's endpoints yet. Where the candidate
    // has some of the traffic by divided routes no pods must hold up what takes it back.
    const auto age = seen.routes->original() ? context.stable_age() : seen.service->age;
    if (const auto next = context.settle(age); next != Next::Done) return next;
    return context.act(Route{{Weight::none()}});
  }
  if (const auto next = context.settle(seen.routes->age); next != Next::Done) return next;
  if (context.widens_selector() && seen.service->selects != Selects::Both)
    return context.act(SetSelector{Selects::Both});
  if (const auto next = context.settle_for_rise(); next != Next::Done) return next;
  if (!seen.candidate->available || seen.service->candidate_endpoints < 1) {
    look_at_pods(context);
    return context.hold("CandidateNotReady",
                        "waiting for " + seen.candidate->name + ": " + pods_ready(*seen.candidate));
  }
  if (context.spec.suspend) return context.hold("Suspended", "spec.suspend is true: no traffic has moved");
  if (context.spec.skip_analysis) {
    context.enter(Phase::Promoting, "AnalysisSkipped",
                  "spec.skipAnalysis is true: promoting without analysis");
    return promote(context);
  }
  context.enter(Phase::Progressing, "RoutesReady", "routes are ready: moving traffic in steps");
  return begin_stages(context);
}

}  // namespace weir::strategies
