// What becomes of a promotion after its end: it is said once, and mended where the spec asks for it.
#include "strategies/standing.h"

#include <algorithm>

#include "strategies/phases.h"

namespace weir::strategies {
namespace {

// Within which endpoints follow a selector: earlier nobody knows what it leads to.
constexpr Seconds kEndpointsFollow{3};
// How often it is looked whether what is undone still is.
constexpr Seconds kLookAtUndone{15};
// Who has kept still for so long is met with the patience of the first time again.
constexpr Seconds kRepairsForgotten{600};

// "spec.selector of Service checkout has version=v1, ": with this begins all that is said of one value.
std::string selector_now(const Identity& identity, const Standing& standing) {
  const auto& label = identity.version_label;
  return "spec.selector of Service " + identity.service + " has " +
         (standing.selected.empty() ? "no key " + label : label + "=" + standing.selected) + ", ";
}

// Once for each value of the selector. Who wrote it stays named, whoever changes the Service next.
void say(Context& context, std::string_view reason, const std::string& beginning, const std::string& rest) {
  const auto* said = said_of_service(context.status());
  if (said != nullptr && said->reason == reason && said->message.starts_with(beginning)) return;
  const bool undone = reason != kSuperseded;
  const std::string message = beginning + rest;
  context.status().message = message;
  context.condition(kPromoted, undone ? ConditionStatus::False : ConditionStatus::True, std::string(reason),
                    message);
  context.event(undone ? Severity::Warning : Severity::Normal, std::string(reason), message);
}

// Everything is as after the success, of which condition Progressing still has the sentence.
void say_restored(Context& context) {
  if (said_of_service(context.status()) == nullptr) return;
  const auto* ended = context.find(kProgressing);
  auto& status = context.status();
  const std::string message = ended == nullptr ? status.target + " serves all traffic" : ended->message;
  status.message = message;
  context.condition(kPromoted, ConditionStatus::True, "Promoted", message);
  context.event(Severity::Normal, "Restored",
                "Service " + status.identity->service + " selects " + status.target + " again: " + message);
}

// Against somebody who keeps writing with the delays of every drift.
void repair(Context& context, const Standing& standing) {
  auto& status = context.status();
  if (!context.spec.guard_after_promotion || !standing.candidate_ready) return;
  const auto last = status.drifts > 0 ? status.step_started_at : std::nullopt;
  if (!last || context.now - *last > kRepairsForgotten) status.drifts = 0;
  const auto due = next_repair(status);
  // What is due even later was written by a clock that was wrong.
  const bool waits = status.drifts > 0 && context.now < due && due - context.now <= kLongestRepairDelay;
  if (waits) return context.again_at(due);
  ++status.drifts;
  status.step_started_at = context.now;
  const auto& identity = *status.identity;
  context.event(Severity::Warning, "Repaired",
                selector_now(identity, standing) + "written by " + writer(standing.changed_by) +
                    ", and leads to no ready pod: put back to " + identity.version_label + "=" +
                    identity.candidate_version);
  (void)context.act(SetSelector{Selects::Candidate});
}

void say_undone(Context& context, const Standing& standing) {
  const auto& status = context.status();
  const auto& identity = *status.identity;
  const auto version = identity.version_label + ": " + identity.candidate_version;
  say(context, kUndone, selector_now(identity, standing),
      "written by " + writer(standing.changed_by) + ", and leads to no ready pod; " + status.target +
          " was promoted: set " + version + " there, and in the manifests that it is applied from" +
          (context.spec.guard_after_promotion
               ? "; spec.guardAfterPromotion does the first while " + status.target + " has ready pods"
               : ""));
}

void say_superseded(Context& context, const Standing& standing) {
  const auto& status = context.status();
  const auto& identity = *status.identity;
  say(context, kSuperseded, selector_now(identity, standing),
      "written by " + writer(standing.changed_by) + ", and leads to ready pods that are not " +
          status.target + "'s, which was promoted: if that is not meant, set " + identity.version_label +
          ": " + identity.candidate_version + " there");
}

// With this selector the Service has led to ready pods of others: somebody's decision, which stays theirs
// when these pods are not ready any more. Nobody gets the candidate back who has left it.
bool was_chosen(const Context& context, const Standing& standing) {
  const auto* said = said_of_service(context.status());
  return said != nullptr && said->reason != kUndone &&
         said->message.starts_with(selector_now(*context.status().identity, standing));
}

void say_superseded_unready(Context& context, const Standing& standing) {
  const auto& identity = *context.status().identity;
  say(context, kSupersededUnready, selector_now(identity, standing),
      "written by " + writer(standing.changed_by) +
          ", and leads to no ready pod any more: mend the pods that it led to, or set " +
          identity.version_label + ": " + identity.candidate_version + " there for " +
          context.status().target + ", which was promoted");
}

// The selector is as the release has left it, and the candidate's pods are another version's by now.
void say_departed(Context& context, const Standing& standing) {
  const auto& identity = *context.status().identity;
  const auto& target = context.status().target;
  const auto other = context.relabelled(context.seen.candidate, &Identity::candidate_version);
  say(context, kUndone, selector_now(identity, standing),
      "and leads to no ready pod: " + (other.empty()
                                           ? "Deployment " + target + ", which was promoted, does not exist"
                                           : other + ": set it back, or let the selector match what serves"));
}

// Status keeps it, since the other Canary may go: what that one has promoted is not this one's to undo.
void note_successor(Context& context, const std::string& successor) {
  auto& status = context.status();
  status.successor = successor;
  if (!is_undone(status)) return;
  say(context, kSuperseded,
      "Canary " + successor + " was promoted to Service " + status.identity->service + " after " +
          status.target,
      "");
}

// Only a later release can have written it. Its Canary went before it was noted as the successor.
void leave_to_later_release(Context& context, const Standing& standing) {
  if (!is_undone(context.status())) return;
  say(context, kSuperseded, selector_now(*context.status().identity, standing), "written by a later release");
}

void follow(Context& context, const Standing& standing) {
  if (!standing.successor.empty()) return note_successor(context, standing.successor);
  if (standing.leads_to == LeadsTo::Candidate) {
    // Pods of the version are ready until the others have taken their place.
    if (!context.relabelled(context.seen.candidate, &Identity::candidate_version).empty())
      context.again_in(kLookAtUndone);
    return say_restored(context);
  }
  const bool as_left = standing.selected == context.status().identity->candidate_version;
  if (standing.changed_by == kFieldManager && !as_left) return leave_to_later_release(context, standing);
  if (standing.age < kEndpointsFollow) return context.again_in(kEndpointsFollow - standing.age);
  if (as_left) return say_departed(context, standing);
  if (standing.leads_to == LeadsTo::Others) return say_superseded(context, standing);
  if (was_chosen(context, standing)) return say_superseded_unready(context, standing);
  say_undone(context, standing);
  repair(context, standing);
}

}  // namespace

bool speaks_of_service(std::string_view reason) {
  return reason == kUndone || reason == kSuperseded || reason == kSupersededUnready;
}

const Condition* said_of_service(const Status& status) {
  const auto found = std::ranges::find(status.conditions, kPromoted, &Condition::type);
  const bool speaks = found != status.conditions.end() && speaks_of_service(found->reason);
  return speaks ? &*found : nullptr;
}

bool is_undone(const Status& status) {
  const auto* said = said_of_service(status);
  return said != nullptr && said->reason != kSuperseded;
}

void keep_promoted(Context& context) {
  const auto& status = context.status();
  const auto& standing = context.seen.standing;
  if (standing && status.identity && status.phase == Phase::Succeeded) follow(context, *standing);
  if (is_undone(status)) context.again_in(kLookAtUndone);
}

}  // namespace weir::strategies
