// The way back: all traffic to stable, then everything as it was.
#include <algorithm>

#include "strategies/machine.h"
#include "strategies/phases.h"

namespace weir::strategies {
namespace {

// Before traffic returns to stable it needs pods.
Next raise_stable(Context& context, int needed) {
  if (!context.seen.stable) {
    return context.hold(
        "StableNotFound",
        "the stable workload " + context.status().stable.name + " is gone: nothing to return to",
        Severity::Warning);
  }
  const auto& stable = *context.seen.stable;
  if (stable.replicas < needed) {
    context.say("ScalingUp", "scaling " + stable.name + " up before traffic returns to it");
    return context.act(Scale{.workload = stable.name, .replicas = needed});
  }
  if (stable.ready >= needed) return Next::Done;
  if (auto other = context.relabelled(stable, &Identity::stable_version); !other.empty())
    return context.hold("VersionLabelChanged", other + ": set it back", Severity::Warning);
  return context.hold("StableNotReady",
                      "waiting for " + stable.name + ": " + std::to_string(stable.ready) + " of " +
                          std::to_string(needed) + " pods ready",
                      Severity::Warning);
}

// The Service selects the candidate already: both versions come back behind it, with the routes still on the
// candidate, so that the rest of the way is the same as before the promotion.
Next open_way_back(Context& context) {
  const auto& seen = context.seen;
  if (!seen.service || seen.service->selects != Selects::Candidate) return Next::Done;
  const int needed = seen.candidate ? std::max(required_ready(*seen.candidate), seen.candidate->replicas) : 1;
  if (const auto next = raise_stable(context, needed); next != Next::Done) return next;
  // Where nothing serves there is nothing to lose on the way; and without routes the selector alone moves
  // traffic, once no proxy has them any more.
  const bool nothing_serves =
      seen.service->candidate_endpoints < 1 && (!seen.candidate || seen.candidate->ready < 1);
  if (nothing_serves) return context.act(SetSelector{Selects::Stable});
  if (!seen.routes) {
    if (const auto next = context.settle(context.routes_age()); next != Next::Done) return next;
    return context.act(SetSelector{Selects::Stable});
  }
  if (!seen.version_services) return context.act(EnsureVersionServices{});
  if (!context.has_foundation()) return prepare(context);
  if (seen.routes->original() || seen.routes->unmanaged > 0) {
    const auto age = std::min(context.foundation_age(), seen.service->age);
    if (const auto next = context.settle(age); next != Next::Done) return next;
    context.remember(seen.routes->found);
    return context.act(Route{{Weight::all()}});
  }
  if (!context.widens_selector()) return Next::Done;
  if (const auto next = context.settle(seen.routes->age); next != Next::Done) return next;
  return context.act(SetSelector{Selects::Both});
}

// The candidate has had weight, and answers; something may still lead to it.
bool may_get_requests(const Context& context) {
  const auto& seen = context.seen;
  const auto& status = context.status();
  const bool begun = !status.candidate.template_hash.empty();
  const bool had_weight = status.step > 0 || (begun && context.spec.skip_analysis);
  const bool led_to = (seen.service || seen.routes) && !seen.namespace_ending;
  return had_weight && led_to && seen.candidate && seen.candidate->ready > 0;
}

// All traffic on stable.
Next return_traffic(Context& context) {
  const auto& seen = context.seen;
  if (!seen.routes || seen.routes->original() || seen.routes->at(Weight::none())) return Next::Done;
  if (seen.only_candidate_serves()) {
    // Pods first.
    if (const auto next = raise_stable(context, 1); next != Next::Done) return next;
    return context.wait("WaitingForEndpoints", "waiting for stable's endpoints");
  }
  // Back from the promotion stable's endpoints are new: a proxy that does not have them yet loses requests.
  if (seen.service && seen.routes->at(Weight::all())) {
    if (const auto next = context.settle(seen.service->age); next != Next::Done) return next;
  }
  context.remember(seen.routes->found);
  return context.act(Route{{Weight::none()}});
}

// A Service that is gone may come back as it was, selecting the candidate, whose pods it would need then.
Next await_service(Context& context) {
  const auto& seen = context.seen;
  const auto end = context.outlook().end_of_phase;
  // One that is deleted with the Canary and the candidate does not come back.
  const bool goes_too = seen.deleting && !seen.candidate;
  if (!seen.routes || seen.namespace_ending || goes_too || context.now >= end) return Next::Done;
  context.again_at(end);
  return context.hold("ServiceNotFound",
                      "Service " + context.spec.service.name + " does not exist: " + context.status().target +
                          " keeps its pods until it is back and selects " + context.status().stable.name,
                      Severity::Warning);
}

Next return_selector(Context& context) {
  const auto& seen = context.seen;
  if (!seen.service) return await_service(context);
  if (seen.service->selects == Selects::Stable) return Next::Done;
  if (const auto next = context.settle(context.routes_age()); next != Next::Done) return next;
  if (auto other = context.relabelled(seen.stable, &Identity::stable_version);
      !other.empty() && seen.service->selects == Selects::Both) {
    // Nobody has the version that it would select alone; in the end it stays as it is, and selects whom there
    // is.
    const auto end = context.outlook().end_of_phase;
    if (context.now >= end) return Next::Done;
    context.again_at(end);
    return context.hold("VersionLabelChanged", other + ": set it back", Severity::Warning);
  }
  // Whoever has no ready pod keeps both selected: better a bad version than none.
  if (seen.candidate && seen.candidate->ready > 0) {
    if (const auto next = raise_stable(context, 1); next != Next::Done) return next;
  }
  return context.act(SetSelector{Selects::Stable});
}

Next clean_up(Context& context) {
  const auto& seen = context.seen;
  const bool restored = !seen.routes || seen.routes->original();
  const bool added = seen.foundation && seen.foundation->added;
  if (restored && !added && !seen.any_version_services) return Next::Done;
  if (!restored) {
    if (const auto next = context.settle(context.service_age()); next != Next::Done) return next;
    return context.act(RestoreRoutes{.promoted = false});
  }
  if (const auto next = context.settle(context.routes_age()); next != Next::Done) return next;
  if (added) return context.act(CleanUp{.promoted = false, .words = seen.words.clean_up});
  return context.act(DeleteVersionServices{});
}

// Of a way back that has returned all weight: before the addresses go that proxies which do not follow send
// to. A count that does not come right is waited for until the progress deadline, and no longer.
Next await_followers(Context& context) {
  const auto& seen = context.seen;
  if (!seen.routes || seen.routes->original() || !may_get_requests(context)) return Next::Done;
  if (seen.service && seen.service->candidate_endpoints < 1) return Next::Done;
  if (context.now >= context.outlook().end_of_phase) return Next::Done;
  if (const auto next = context.settle(seen.routes->age); next != Next::Done) return next;
  const auto entered = context.status().last_transition_time.value_or(context.now);
  if (check_followers(context, context.routed_since(entered)) == Follows::Yes) return Next::Done;
  context.again_at(context.outlook().end_of_phase);
  return Next::Wait;
}

Next undo(Context& context) {
  for (const auto part : {open_way_back, return_traffic, await_followers, return_selector, clean_up}) {
    if (const auto next = part(context); next != Next::Done) return next;
  }
  return Next::Done;
}

// Of a release that never left Pending: whether the candidate's pods answer requests, or are all that could.
bool candidate_is_needed(const Observed& seen) {
  return !seen.stable || seen.stable->ready < 1 || !seen.service || seen.service->selects != Selects::Stable;
}

Next fail(Context& context) {
  if (context.seen.marked) return context.act(ClearMarks{});
  auto& status = context.status();
  const auto* promoted = context.find(kPromoted);
  const std::string why = promoted == nullptr ? status.message : promoted->message;
  context.condition(kPromoted, ConditionStatus::False, status.rollback_reason, why);
  context.enter(Phase::Failed, status.rollback_reason, why);
  return Next::Acted;
}

// Ends the release, and says once why the candidate's pods stay.
Next keep_candidate(Context& context, const std::string& why) {
  if (!context.seen.marked) {
    context.event(Severity::Warning, "CandidateKept",
                  context.seen.candidate->name + " keeps its pods: " + why);
  }
  return fail(context);
}

// Once no proxy has what led to them before, whoever wrote that.
Next scale_candidate_away(Context& context) {
  const auto age = std::min(context.service_age(), context.routes_age());
  if (const auto next = context.settle(age); next != Next::Done) return next;
  if (may_get_requests(context)) {
    const auto next = await_no_requests(context, [&] {
      return keep_candidate(context, "they still get requests (" + context.find(kTrafficFollows)->message +
                                         "): scale it down when they get none any more");
    });
    if (next != Next::Done) return next;
  }
  return context.act(Scale{.workload = context.seen.candidate->name, .replicas = 0, .hands_over = true});
}

// The Service selects the candidate, and the way back needs objects that cannot be made any more: whoever
// serves does so until all goes with the namespace.
bool serves_to_the_end(const Observed& seen) {
  return seen.namespace_ending && seen.service && seen.service->selects == Selects::Candidate;
}

Next leave_promoted(Context& context) {
  const auto& routes = context.seen.routes;
  return routes && !routes->original() ? context.act(RestoreRoutes{.promoted = true}) : fail(context);
}

}  // namespace

Next start_rollback(Context& context, std::string reason, const std::string& message) {
  auto& status = context.status();
  status.canary_weight = Weight::none();
  status.step_started_at.reset();
  status.breaker_tripped_at.reset();
  status.rollback_reason = reason;
  context.condition(kPromoted, ConditionStatus::Unknown, "RollingBack", message);
  context.enter(Phase::RollingBack, std::move(reason), "rolling back: " + message);
  return roll_back(context);
}

Next roll_back(Context& context) {
  const auto& seen = context.seen;
  if (serves_to_the_end(seen)) return leave_promoted(context);
  // A release that never left Pending has touched nothing, and what it would touch may be another's.
  const bool touched = !context.status().candidate.template_hash.empty();
  if (!touched && cannot_start(context)) return fail(context);
  if (touched) {
    if (const auto next = undo(context); next != Next::Done) return next;
  }
  if (!seen.candidate || seen.candidate->replicas == 0) return fail(context);
  if (!touched && candidate_is_needed(seen)) {
    return keep_candidate(context, "Service " + context.spec.service.name + " selects them, or " +
                                       context.status().stable.name + " has no ready pod");
  }
  if (!seen.fixed_to_candidate.empty()) return keep_candidate(context, seen.fixed_to_candidate.front());
  // While stable has no pods the candidate's are all there is, ready or not.
  if (!touched || (seen.stable && seen.stable->ready > 0)) {
    if (seen.candidate_is_anothers) return fail(context);
    return scale_candidate_away(context);
  }
  const auto end = context.outlook().end_of_phase;
  // Of a Canary that goes, with Service and routes gone before, nobody waits for the pods.
  const bool leads_nowhere = seen.deleting && !seen.service && !seen.routes;
  if (context.now >= end || leads_nowhere) return fail(context);
  context.again_at(end);
  return context.hold(
      "StableNotReady",
      context.status().stable.name + " has no ready pod: " + seen.candidate->name + " is kept until it has",
      Severity::Warning);
}

}  // namespace weir::strategies
