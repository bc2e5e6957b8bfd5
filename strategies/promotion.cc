// From the last passed step to the promoted version.
#include <algorithm>

#include "strategies/machine.h"
#include "strategies/phases.h"

namespace weir::strategies {
namespace {

// The next weight on the way to 100.
Weight next_weight(const Context& context) {
  const auto& promotion = context.spec.program.promotion;
  const auto next =
      std::ranges::upper_bound(promotion, context.status().canary_weight, {}, &Traffic::candidate);
  return next == promotion.end() ? Weight::all() : next->candidate;
}

// Capacity before traffic: the candidate gets as many pods as stable has, or had as the release began, since
// with half of the traffic an autoscaler leaves stable half of its pods.
Next raise_capacity(Context& context) {
  const auto& candidate = *context.seen.candidate;
  const auto& stable = *context.seen.stable;
  const auto& identity = context.out.status.identity;
  const bool alone = identity && context.out.status.phase == Phase::Promoting;
  const int replicas = std::max(stable.replicas, alone ? identity->stable_replicas : 0);
  const int ready = std::max(required_ready(stable), alone ? identity->stable_ready : 0);
  if (candidate.replicas < replicas) {
    context.say("ScalingUp", "scaling " + candidate.name + " to " + std::to_string(replicas) + " as stable " +
                                 (replicas > stable.replicas ? "had when the release began" : "has"));
    return context.act(Scale{.workload = candidate.name, .replicas = replicas});
  }
  if (candidate.ready >= ready) return Next::Done;
  return context.wait("ScalingUp", "waiting for " + candidate.name + ": " + std::to_string(candidate.ready) +
                                       " of " + std::to_string(ready) + " pods ready");
}

// "Service a", "Services a, b".
std::string services_text(const std::vector<std::string>& names) {
  std::string text = names.size() == 1 ? "Service " : "Services ";
  for (const auto& name : names) text += (&name == &names.front() ? "" : ", ") + name;
  return text;
}

// Before the promotion goes on from the present weight.
Next await_followers(Context& context) {
  const auto authorised = context.status().step_started_at.value_or(context.now);
  const auto follows = check_followers(context, context.routed_since(authorised));
  if (follows == Follows::Yes) return Next::Done;
  const auto* progressing = context.find(kProgressing);
  const bool held = progressing != nullptr &&
                    (progressing->reason == kRoutingMismatch || progressing->reason == kUntrustedMismatch ||
                     progressing->reason == kCheckInconclusive);
  if (follows == Follows::Unknown && !held)
    context.say("Propagating", "counting requests: whether every proxy follows the routes");
  return Next::Wait;
}

Next shift(Context& context) {
  auto& status = context.status();
  if (const auto held_until = context.outlook().promotion_step_over) {
    if (context.now < *held_until) return context.wait_until(*held_until);
    if (const auto next = await_followers(context); next != Next::Done) return next;
  }
  if (context.settle_for_rise() != Next::Done) return context.wait_for_rise();
  const auto weight = next_weight(context);
  const auto next = authorise(context, weight);
  context.progressed();
  const std::string message = std::to_string(weight.percent()) + " % to " + status.target;
  context.say("Promoting", message);
  context.event(Severity::Normal, "Step", message);
  context.record("PromotionStep", message);
  return next;
}

// Why stable keeps its pods although nobody asked for that; none: it need not.
std::optional<Warning> needed_by_others(const Context& context) {
  const auto& seen = context.seen;
  if (!seen.stable || seen.stable->replicas == 0 ||
      context.spec.stable.after_promotion == AfterPromotion::Keep)
    return std::nullopt;
  const auto& stable = seen.stable->name;
  if (!seen.fixed_to_stable.empty()) {
    return Warning{"PinnedToStable", stable + " keeps its pods: " + seen.fixed_to_stable.front() +
                                         "; lead it elsewhere, then scale " + stable + " down"};
  }
  if (seen.stable_only_services.empty()) return std::nullopt;
  return Warning{"OtherServices", stable + " keeps its pods, which nobody else of " +
                                      services_text(seen.stable_only_services) +
                                      " has: let the selector match " + context.out.status.target +
                                      "'s pods, then scale " + stable + " down"};
}

// `remark`: what a person should know beside it; empty: nothing.
Next succeed(Context& context, const std::string& remark = {}) {
  if (context.seen.marked) return context.act(ClearMarks{});
  const auto& candidate = context.seen.candidate;
  std::string message =
      context.status().target +
      (candidate && candidate->ready > 0 ? " serves all traffic"
                                         : " was promoted, and had no ready pod when the release ended") +
      remark;
  if (!context.seen.rollback_requested.empty()) {
    message +=
        "; the rollback that was asked for came too late: " + context.status().stable.name + " is gone";
  }
  if (const auto why = needed_by_others(context)) {
    message += "; " + why->message;
    context.event(Severity::Warning, why->reason, message);
  }
  context.condition(kPromoted, ConditionStatus::True, "Promoted", message);
  context.enter(Phase::Succeeded, "Promoted", message);
  return Next::Acted;
}

// Every step has passed: when stable has nothing to answer with, the candidate takes all traffic at once.
Next take_over(Context& context) {
  if (!context.seen.service || !context.seen.routes || context.status().canary_weight == Weight::all())
    return Next::Done;
  if (!context.seen.only_candidate_serves()) return Next::Done;
  const std::string message = "stable has no ready endpoint: all traffic to " + context.out.status.target;
  const auto next = authorise(context, Weight::all());
  context.event(Severity::Warning, "StableUnavailable", message);
  context.say("StableUnavailable", message);
  context.record("StableUnavailable", message);
  return next;
}

Next succeed_with_stable(Context& context) {
  const auto& status = context.status();
  const std::string remark = "; " + status.stable.name + " keeps its pods, which still get requests (" +
                             context.find(kTrafficFollows)->message +
                             "): scale it down when they get none any more";
  if (!context.seen.marked)
    context.event(Severity::Warning, "StableKept", status.target + " serves all traffic" + remark);
  return succeed(context, remark);
}

// Stable is the way back for as long as the candidate has no pod to serve with; when the progress deadline is
// over it is left as it is, and the release ends.
Next keep_if_needed(Context& context) {
  const auto& candidate = context.seen.candidate;
  if (candidate && candidate->ready > 0) return Next::Done;
  const auto end = context.outlook().end_of_phase;
  if (context.now >= end) return succeed(context);
  context.again_at(end);
  // With stable there it would have been taken back.
  if (auto other = context.relabelled(candidate, &Identity::candidate_version); !other.empty())
    return context.hold("VersionLabelChanged", other + ": set it back", Severity::Warning);
  return context.hold(
      "CandidateNotReady",
      context.status().target + " has no ready pod" +
          (context.seen.stable ? ": " + context.status().stable.name + " is kept until it has" : ""),
      Severity::Warning);
}

Next release_stable(Context& context) {
  if (const auto next = keep_if_needed(context); next != Next::Done) return next;
  const auto& stable = context.seen.stable;
  const std::string& name = context.status().stable.name;
  const bool keep = context.spec.stable.after_promotion == AfterPromotion::Keep;
  const bool remove = context.spec.stable.after_promotion == AfterPromotion::Delete;
  if (keep || !stable || (!remove && stable->replicas == 0)) return succeed(context);
  // Their clients have no other pods.
  if (!context.seen.stable_only_services.empty() || !context.seen.fixed_to_stable.empty())
    return succeed(context);
  const auto release_at = context.outlook().stable_released;
  // Somebody who deletes the Canary does not want to wait for the way back.
  if (!context.seen.deleting && release_at && context.now < *release_at) {
    context.say("ScaleDownDelay", name + " stays ready for " +
                                      std::to_string(context.spec.stable.scale_down_delay.count()) +
                                      " s after the promotion");
    return context.wait_until(*release_at);
  }
  if (stable->ready > 0) {
    const auto next = await_no_requests(context, [&] { return succeed_with_stable(context); });
    if (next != Next::Done) return next;
  }
  if (!stable->has_pre_stop && stable->replicas > 0) {
    context.say_held(
        "NoPreStopHook",
        name + " has no preStop hook: requests in flight can be lost when it is scaled down, whoever does it",
        Severity::Warning);
  }
  if (remove) return context.act(DeleteWorkload{name});
  return context.act(Scale{.workload = name, .replicas = 0, .hands_over = true});
}

// Leaves the objects as their owner wrote them, but for the version.
Next clean_up(Context& context) {
  const auto& seen = context.seen;
  const auto& foundation = seen.foundation;
  if (seen.routes && !seen.routes->original()) {
    if (foundation && foundation->pinned) return context.act(MovePinned{seen.words.move});
    if (const auto next = context.settle(context.foundation_age()); next != Next::Done) return next;
    return context.act(RestoreRoutes{.promoted = true});
  }
  const bool added = foundation && foundation->added;
  if (!seen.any_version_services && !added) return Next::Done;
  if (const auto next = context.settle(context.routes_age()); next != Next::Done) return next;
  if (added) return context.act(CleanUp{.promoted = true, .words = seen.words.clean_up});
  return context.act(DeleteVersionServices{});
}

// A template that came while the selector was written was judged by nobody (S6): the selector returns, with
// the routes still on the candidate, and the release starts again.
Next take_back_unjudged(Context& context) {
  const auto& candidate = context.seen.candidate;
  if (!candidate || candidate->template_hash == context.status().candidate.template_hash) return Next::Done;
  context.say_held("TemplateChanged",
                   "the pod template of " + candidate->name +
                       " changed while the Service's selector was moved: the selector is moved back",
                   Severity::Warning);
  return context.act(SetSelector{context.widens_selector() ? Selects::Both : Selects::Stable});
}

}  // namespace

Next promote(Context& context) {
  auto& status = context.status();
  const auto& seen = context.seen;
  if (seen.service && seen.service->selects == Selects::Candidate) {
    if (const auto next = take_back_unjudged(context); next != Next::Done) return next;
    status.canary_weight = Weight::all();
    context.enter(Phase::Finalizing, "SelectorMoved",
                  "Service " + context.spec.service.name + " selects " + status.target);
    return finalize(context);
  }
  for (const auto guard : {restore_own_services, guard_candidate}) {
    if (const auto next = guard(context); next != Next::Done) return next;
  }
  if (context.spec.suspend)
    return context.hold("Suspended", "spec.suspend is true: the weight stays as it is");
  if (const auto next = take_over(context); next != Next::Done) return next;
  if (const auto found = context.blocked()) return context.hold(*found);
  for (const auto part : {repair_drift, raise_capacity}) {
    if (const auto next = part(context); next != Next::Done) return next;
  }
  if (status.canary_weight < Weight::all()) return shift(context);
  if (context.settle(seen.routes->age) != Next::Done)
    return context.wait("Propagating", "waiting until every proxy has the routes");
  if (const auto next = await_followers(context); next != Next::Done) return next;
  context.say("MovingSelector", "moving the selector of Service " + context.spec.service.name);
  return context.act(SetSelector{Selects::Candidate});
}

Next finalize(Context& context) {
  const auto& seen = context.seen;
  if (const auto end = context.outlook().end_of_phase; !seen.service && context.now < end) {
    context.again_at(end);
    return context.hold("ServiceNotFound", "Service " + context.spec.service.name + " does not exist",
                        Severity::Warning);
  }
  if (seen.service) {
    if (seen.service->selects != Selects::Candidate) {
      if (seen.candidate && seen.stable) {
        if (const auto next = raise_capacity(context); next != Next::Done) return next;
      }
      const auto what = "the selector of Service " + context.spec.service.name;
      if (const auto next = may_repair(context, what, seen.service->changed_by); next != Next::Done)
        return next;
      context.status().step_started_at = context.now;
      return context.act(SetSelector{Selects::Candidate});
    }
  }
  // A route as its owner wrote it follows the selector: every proxy must have the new endpoints first.
  auto next = context.settle(context.service_age());
  if (next == Next::Done) next = clean_up(context);
  if (next == Next::Done) return release_stable(context);
  context.say("CleaningUp", "putting routes and rules back as their owner wrote them");
  return next;
}

}  // namespace weir::strategies
