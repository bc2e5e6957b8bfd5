#include "strategies/context.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <string>
#include <utility>

namespace weir::strategies {

void Context::enter(Phase phase, std::string reason, std::string message) {
  assert(may_follow(status().phase, phase));
  status().phase = phase;
  if (is_final(phase)) {
    // Pods that end after the last write are not waited for.
    for (auto* version : {&status().stable, &status().candidate}) {
      version->ready = std::min(version->ready, version->replicas);
    }
  }
  status().last_transition_time = now;
  status().message = message;
  progressed();
  condition(kProgressing, is_final(phase) ? ConditionStatus::False : ConditionStatus::True, reason, message);
  const bool bad = phase == Phase::RollingBack || phase == Phase::Failed;
  event(bad ? Severity::Warning : Severity::Normal, reason, message);
  record(std::move(reason), std::move(message));
}

void Context::record(std::string reason, std::string message) {
  auto& history = status().history;
  const int64_t sequence = history.empty() ? 1 : history.back().sequence + 1;
  history.push_back({.sequence = sequence,
                     .phase = status().phase,
                     .weight = status().canary_weight.percent(),
                     .reason = std::move(reason),
                     .message = std::move(message),
                     .time = now});
  if (history.size() > kHistoryLimit) history.erase(history.begin());
}

void Context::event(Severity severity, std::string reason, std::string message) {
  out.events.push_back({.severity = severity, .reason = std::move(reason), .message = std::move(message)});
}

void Context::say_held(std::string reason, std::string message, Severity severity) {
  const auto* before = find(kProgressing);
  if (before == nullptr || before->reason != reason) event(severity, reason, message);
  say(std::move(reason), std::move(message));
}

void Context::say(std::string reason, std::string message) {
  status().message = message;
  condition(kProgressing, ConditionStatus::True, std::move(reason), std::move(message));
}

void Context::condition(std::string_view type, ConditionStatus value, std::string reason,
                        std::string message) {
  auto& conditions = status().conditions;
  auto found = std::ranges::find(conditions, type, &Condition::type);
  if (found == conditions.end()) {
    conditions.push_back({.type = std::string(type), .last_transition_time = now});
    found = std::prev(conditions.end());
  } else if (found->status != value) {
    found->last_transition_time = now;
  }
  found->status = value;
  found->reason = std::move(reason);
  found->message = std::move(message);
  found->observed_generation = status().observed_generation;
}

const Condition* Context::find(std::string_view type) const {
  const auto found = std::ranges::find(out.status.conditions, type, &Condition::type);
  return found == out.status.conditions.end() ? nullptr : &*found;
}

void Context::remember(const std::vector<RouteRecord>& found) {
  if (found.empty()) return;
  auto& known = status().routes;
  std::map<std::pair<std::string, std::string>, std::size_t> places;  // in `known`, by object and key
  for (std::size_t i = 0; i < known.size(); ++i) places.try_emplace({known[i].object, known[i].key}, i);
  for (const auto& record : found) {
    const auto [place, is_new] = places.try_emplace({record.object, record.key}, known.size());
    if (is_new) {
      known.push_back(record);
    } else {
      known[place->second] = record;
    }
  }
}

std::string Context::relabelled(const std::optional<Workload>& workload,
                                std::string Identity::* recorded) const {
  const auto& identity = out.status.identity;
  if (!identity || !workload || workload->version == (*identity).*recorded) return {};
  const auto& label = identity->version_label;
  return "the pod template of " + workload->name + " has " +
         (workload->version.empty() ? "no label " + label : label + "=" + workload->version) +
         " now, and this release knows it by " + label + "=" + (*identity).*recorded;
}

std::optional<Obstacle> Context::blocked() const {
  if (!seen.obstacles.empty()) return seen.obstacles.front();
  const std::string type(kProgressing);
  if (auto other = relabelled(seen.stable, &Identity::stable_version); !other.empty())
    return Obstacle{type, "VersionLabelChanged", std::move(other) + ": set it back"};
  if (!seen.candidate)
    return Obstacle{type, "TargetNotFound", "the target " + out.status.target + " does not exist"};
  if (!seen.stable) return Obstacle{type, "StableNotFound", "the stable workload does not exist"};
  if (!seen.service)
    return Obstacle{type, "ServiceNotFound", "Service " + spec.service.name + " does not exist"};
  if (!seen.routes) {
    return Obstacle{type, "NoRoute", std::string(seen.words.no_route) + " Service " + spec.service.name};
  }
  return std::nullopt;
}

void Context::progressed() {
  status().last_progress_at = now;
  status().drifts = 0;
  condition(kDrifted, ConditionStatus::False, "AsAuthorised", "");
}

void Context::again_in(Milliseconds delay) {
  out.requeue_after = out.requeue_after ? std::min(*out.requeue_after, delay) : delay;
}

Next Context::settle(Milliseconds age) {
  if (age >= spec.routing.propagation_delay) return Next::Done;
  again_in(spec.routing.propagation_delay - age);
  return Next::Wait;
}

Next Context::settle_for_rise() {
  return settle(seen.service ? std::min(foundation_age(), candidate_age()) : foundation_age());
}

Next Context::settle_for_return() {
  return settle(seen.service ? std::min(foundation_age(), stable_age()) : foundation_age());
}

Next Context::wait_for_rise() {
  return wait("Propagating", "waiting until every proxy has half of the ready endpoints of " +
                                 status().target + ", the selector of its Service, and " +
                                 std::string(seen.words.foundation));
}

}  // namespace weir::strategies
