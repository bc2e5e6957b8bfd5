// What guards traffic while the candidate may carry some.
#include <algorithm>
#include <array>

#include "strategies/phases.h"

namespace weir::strategies {
namespace {

// Put back at once this often; after that each repair waits twice as long as the one before.
constexpr int kPromptRepairs = 3;

Milliseconds repair_delay(int drifts) {
  if (drifts < kPromptRepairs) return Milliseconds{0};
  const int doublings = std::min(drifts - kPromptRepairs, 6);
  return std::min<Milliseconds>(Seconds{1 << doublings}, kLongestRepairDelay);
}

// Routes that name what is gone are answered with 503: it comes back before anything else.
Next repair_foundation(Context& context) {
  const auto& seen = context.seen;
  if (!seen.routes || !seen.service || !seen.candidate || !seen.stable) return Next::Done;
  const bool present = context.has_foundation();
  if (present && seen.version_services) return Next::Done;
  const auto what = present ? "the versions' own Services" : std::string(seen.words.foundation);
  if (const auto next = may_repair(context, what, ""); next != Next::Done) return next;
  start_step_afresh(context);
  return present ? context.act(EnsureVersionServices{}) : prepare(context);
}

Next repair_selector(Context& context) {
  if (!context.widens_selector() || !context.seen.service || !context.seen.routes) return Next::Done;
  const auto& service = *context.seen.service;
  // With routes that are not all pinned, a selector of both versions would leak traffic.
  if (service.selects == Selects::Both || context.seen.routes->unmanaged > 0 ||
      context.seen.routes->original())
    return Next::Done;
  const auto what = "the selector of Service " + context.spec.service.name;
  if (const auto next = may_repair(context, what, service.changed_by); next != Next::Done) return next;
  start_step_afresh(context);
  return context.act(SetSelector{Selects::Both});
}

Next repair_routes(Context& context) {
  auto& status = context.status();
  // Without the Service nobody knows which version has endpoints, and without what they rest on divided
  // routes lead nowhere: that is put back first.
  if (!context.seen.service || !context.seen.routes || !context.has_foundation() ||
      context.seen.routes->at(status.canary_weight))
    return Next::Done;
  const auto& routes = *context.seen.routes;
  const bool would_rise = routes.highest() < status.canary_weight.percent();
  if (context.spec.suspend && would_rise && routes.unmanaged == 0) return Next::Done;
  // Where stable has nothing to answer with there is nothing to lose by a rise. By a route that is not
  // divided the candidate gets requests that nobody has authorised: pods that come and go must not keep it
  // so.
  if (would_rise && !context.seen.only_candidate_serves()) {
    const auto next =
        routes.unmanaged > 0 ? context.settle(context.foundation_age()) : context.settle_for_rise();
    if (next != Next::Done) return next;
  }
  // An own write that has not happened yet is no drift.
  const bool ours = routes.changed_by == kFieldManager && routes.unmanaged == 0;
  if (!ours) {
    if (const auto next = may_repair(context, "route weights", routes.changed_by); next != Next::Done)
      return next;
  }
  return authorise(context, status.canary_weight);
}

// Nothing else may come of this round.
Next ended(Next next) { return next == Next::Done ? Next::Wait : next; }

// What the candidate gets back: its step, or all while stable has nothing to answer with.
Weight recovered_weight(const Context& context) {
  if (context.seen.service && context.seen.only_candidate_serves()) return Weight::all();
  return context.status().phase == Phase::Promoting ? context.spec.program.steps.back().traffic.candidate
                                                    : step_weight(context);
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
std::string unavailability(const Context& context) {
  const auto& seen = context.seen;
  const auto& target = context.out.status.target;
  if (!seen.candidate || (seen.service && seen.service->candidate_endpoints < 1))
    return target + " has no ready endpoint";
  if (broken(*seen.candidate)) return "pods of " + target + " fail (" + seen.candidate->pod_problem + ")";
  return {};
}

// All traffic goes to stable. While stable has nothing to answer with either the traffic stays where it is:
// whichever version serves first gets it.
Next take_traffic_away(Context& context, const std::string& why) {
  auto& status = context.status();
  const bool moves = context.seen.stable_serves() && status.canary_weight > Weight::none();
  if (status.breaker_tripped_at && !moves) {
    // The weight was authorised before: make sure that the routes say so.
    return ended(repair_routes(context));
  }
  if (!status.breaker_tripped_at) status.breaker_tripped_at = context.now;
  const std::string message =
      why + (context.seen.stable_serves()
                 ? ": all traffic to stable until it recovers"
                 : "; stable has no ready endpoint either: the traffic stays until one of them serves");
  context.event(Severity::Warning, "CandidateUnavailable", message);
  context.say("CandidateUnavailable", message);
  if (!moves) return Next::Wait;
  const auto next = authorise(context, Weight::none());
  context.record("CandidateUnavailable", message);
  return next;
}

Next recover(Context& context) {
  auto& status = context.status();
  if (!context.has_foundation() || context.spec.suspend || context.settle_for_rise() != Next::Done)
    return ended(repair_drift(context));
  status.breaker_tripped_at.reset();
  context.event(Severity::Normal, "CandidateRecovered", status.target + " serves again");
  const auto next = authorise(context, recovered_weight(context));
  context.say("Analysing",
              status.target + " serves again: " + std::to_string(status.canary_weight.percent()) + " %");
  context.record("CandidateRecovered", status.message);
  return next;
}

}  // namespace

void start_step_afresh(Context& context) {
  context.status().step_started_at = context.now;
  context.status().checks_in_step = 0;
  context.status().iterations = 0;
}

std::string writer(const std::string& manager) {
  return manager.empty() ? std::string("somebody") : "field manager \"" + manager + "\"";
}

TimePoint next_repair(const Status& status) {
  return status.step_started_at ? *status.step_started_at + repair_delay(status.drifts) : TimePoint{};
}

Next may_repair(Context& context, const std::string& what, const std::string& manager) {
  auto& status = context.status();
  if (const auto next = next_repair(status); context.now < next) return context.wait_until(next);
  ++status.drifts;
  const std::string message = what + " changed by " + writer(manager) + ": put back";
  context.event(Severity::Warning, "Drifted", message);
  if (status.drifts >= kPromptRepairs) {
    context.condition(kDrifted, ConditionStatus::True, "KeepsChanging", message);
    context.say("Drifted", what + " keeps being changed by " + writer(manager) + ": the release holds");
  }
  return Next::Done;
}

Next restore_own_services(Context& context) {
  if (context.seen.version_services || !context.has_foundation()) return Next::Done;
  if (const auto next = next_repair(context.status()); context.now < next) {
    context.again_at(next);
    return Next::Done;
  }
  return repair_foundation(context);
}

Next guard_candidate(Context& context) {
  auto& status = context.status();
  const auto why = unavailability(context);
  if (why.empty()) return status.breaker_tripped_at ? recover(context) : Next::Done;
  const auto end = status.breaker_tripped_at.value_or(context.now) + context.spec.breaker;
  if (context.now >= end) {
    return start_rollback(
        context, "CandidateUnavailable",
        status.target + " had no pods to serve for " + std::to_string(context.spec.breaker.count()) + " s");
  }
  context.again_at(end);
  return take_traffic_away(context, why);
}

Next guard_stable(Context& context) {
  auto& status = context.status();
  if (!context.seen.service || !context.seen.routes || context.spec.suspend ||
      step_weight(context) == Weight::all())
    return Next::Done;
  const bool lost = context.seen.only_candidate_serves();
  const bool covered = status.canary_weight == Weight::all();
  if (lost && covered) {
    if (const auto found = context.blocked())
      context.say_held(found->reason, found->message, Severity::Warning);
    return ended(repair_routes(context));
  }
  if (lost == covered) return Next::Done;
  if (!lost) {
    // What routes rest on is put back first.
    if (!context.has_foundation()) return Next::Done;
    if (const auto next = context.settle_for_return(); next != Next::Done) return next;
  }
  const std::string message = lost ? "stable has no ready endpoint: all traffic to " + status.target
                                   : "stable serves again: back to step " + std::to_string(status.step);
  const auto next = authorise(context, lost ? Weight::all() : step_weight(context));
  context.event(Severity::Warning, lost ? "StableUnavailable" : "StableRecovered", message);
  context.say(lost ? "StableUnavailable" : "Analysing", message);
  context.record(lost ? "StableUnavailable" : "StableRecovered", message);
  return next;
}

Next repair_drift(Context& context) {
  for (const auto repair : {repair_foundation, repair_selector, repair_routes}) {
    if (const auto next = repair(context); next != Next::Done) return next;
  }
  return Next::Done;
}

}  // namespace weir::strategies
