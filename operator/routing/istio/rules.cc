#include "operator/routing/istio/rules.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "operator/base/json.h"
#include "operator/routing/istio/hosts.h"
#include "operator/routing/istio/label.h"
#include "operator/routing/istio/settings.h"

namespace weir::routing {
namespace {

// A release reads a VirtualService before it makes a rule.
std::string api_version(const Objects& objects) {
  const auto read = objects.of(kube::kVirtualServices).empty()
                        ? std::string()
                        : base::text(objects.of(kube::kVirtualServices).front(), {"apiVersion"});
  return read.empty() ? "networking.istio.io/v1" : read;
}

// By its signature; where the release isn't known nothing is signed, and the label must do.
bool made_by_a_release(const Target& target, const Json& rule) {
  if (maker_of(rule)) return true;
  return target.maker.uid.empty() && base::text(rule, {"metadata", "labels", kManagedBy}) == kWeir;
}

// Made by this release; where that isn't known, by any.
bool is_ours(const Target& target, const Json& rule) {
  return made_by_a_release(target, rule) && (target.maker.uid.empty() || is_made_by(rule, target.maker.uid));
}

bool visible_from(const Json& rule, const std::string& name_space) {
  const auto& export_to = base::field(rule, {"spec", "exportTo"});
  if (!export_to.is_array() || export_to.empty()) return true;
  return std::ranges::any_of(export_to, [&](const Json& entry) {
    return entry == "*" || entry == name_space || (entry == "." && base::namespace_of(rule) == name_space);
  });
}

// How specific the rule's host is for the Service: the longer the more, exact most; 0: it does not apply.
std::size_t specificity(const Target& target, const Json& rule) {
  const auto host = base::text(rule, {"spec", "host"});
  if (names_service(host, base::namespace_of(rule), called_service(target))) return std::string::npos;
  return wildcard_covers(host, called_service(target)) ? host.size() : 0;
}

// A rule for some client workloads only says nothing of the others.
bool for_every_client(const Json& rule) { return base::field(rule, {"spec", "workloadSelector"}).is_null(); }

const Json* most_specific(const Target& target, const Objects& objects, std::string_view name_space) {
  const Json* best = nullptr;
  std::size_t best_specificity = 0;
  for (const auto& rule : objects.of(kube::kDestinationRules)) {
    if (base::namespace_of(rule) != name_space || made_by_a_release(target, rule)) continue;
    if (!for_every_client(rule) || !visible_from(rule, target.name_space)) continue;
    const auto found = specificity(target, rule);
    if (found > best_specificity) {
      best = &rule;
      best_specificity = found;
    }
  }
  return best;
}

Refusal selected_clients(const Target& target, const Json& rule) {
  return {
      .condition = "Conflict",
      .reason = "RuleForSomeClients",
      .message = label_of(target, rule) +
                 " has spec.workloadSelector: the clients that it selects would not know "
                 "the subsets of the release; remove the rule, or its selector, until the release is over"};
}

// Names of the rules that the release has changed.
std::set<std::string_view> changed_rules(const Target& target) {
  std::set<std::string_view> names;
  for (const auto& record : target.records) names.insert(rule_of(record));
  return names;
}

// The owner's rule for exactly the Service's host: the one that spec names, or the only one.
void find_own(const Target& target, const Objects& objects, Rules& rules) {
  const auto& wanted = named_rule(target);
  std::vector<const Json*> exact;
  for (const auto& rule : objects.of(kube::kDestinationRules)) {
    if (base::namespace_of(rule) != target.name_space || made_by_a_release(target, rule)) continue;
    if (specificity(target, rule) != std::string::npos) continue;
    if (!for_every_client(rule)) {
      rules.refusals.push_back(selected_clients(target, rule));
    } else if (wanted.empty() || base::name_of(rule) == wanted) {
      exact.push_back(&rule);
    }
  }
  // A release that has begun goes on with the rule that it changed.
  const auto recorded = changed_rules(target);
  const auto changed =
      std::ranges::find_if(exact, [&](const Json* rule) { return recorded.contains(base::name_of(*rule)); });
  if (changed != exact.end()) exact = {*changed};
  if (exact.size() == 1) rules.own = exact.front();
  if (exact.empty() && !wanted.empty()) {
    rules.refusals.push_back(
        {.condition = "Progressing",
         .reason = "DestinationRuleNotFound",
         .message = "spec.routing.istio.destinationRule is \"" + wanted + "\": namespace " +
                    target.name_space + " has no DestinationRule of that name whose spec.host is " +
                    fqdn(called_service(target)) + "; name one, or leave the field out"});
  }
  if (exact.size() > 1) {
    std::string names;
    for (const auto* rule : exact) names += (names.empty() ? "\"" : ", \"") + base::name_of(*rule) + "\"";
    rules.refusals.push_back({.condition = "Progressing",
                              .reason = "AmbiguousDestinationRule",
                              .message = "DestinationRules " + names + " are all for host " +
                                         fqdn(called_service(target)) +
                                         ": spec.routing.istio.destinationRule must name one of them"});
  }
}

void find_made(const Target& target, const Objects& objects, Rules& rules) {
  const auto named = std::ranges::find_if(objects.of(kube::kDestinationRules), [&](const Json& rule) {
    return base::namespace_of(rule) == target.name_space && base::name_of(rule) == made_name(target);
  });
  if (named == objects.of(kube::kDestinationRules).end()) return;
  if (is_ours(target, *named)) rules.made = &*named;
}

// A rule of the name that the release needs for its own.
void refuse_stranger(const Target& target, const Objects& objects, Rules& rules) {
  const bool needed = rules.made == nullptr && (dedicated(target) || rules.own == nullptr);
  if (!needed) return;
  for (const auto& rule : objects.of(kube::kDestinationRules)) {
    if (base::namespace_of(rule) != target.name_space || base::name_of(rule) != made_name(target)) continue;
    const auto other = maker_of(rule);
    rules.refusals.push_back(
        {.condition = "Conflict",
         .reason = "NotOurs",
         .message = label_of(target, rule) +
                    (other ? " was made by another release, of Canary " + other->canary +
                                 ": this one waits until it is gone; if that Canary is gone, it goes once no "
                                 "route names a subset of it"
                           : " was not made by this release, which needs that name for a rule of its "
                             "own: rename or delete it")});
  }
}

}  // namespace

const Json* Rules::traffic(const Target& target) const {
  if (dedicated(target) || made != nullptr) return made;
  return own;
}

void Rules::read_subsets(const Target& target) {
  for (const auto* rule : {static_cast<const Json*>(nullptr), own, made, applied})
    subsets_.try_emplace(rule, target, rule);
}

bool dedicated(const Target& target) { return target.traffic_host != target.service; }
std::string made_name(const Target& target) { return target.traffic_host + "-weir"; }

Rules find_rules(const Target& target, const Objects& objects) {
  Rules rules;
  rules.api_version = api_version(objects);
  find_made(target, objects, rules);
  find_own(target, objects, rules);
  refuse_stranger(target, objects, rules);
  rules.applied = rules.own;
  if (rules.applied == nullptr) rules.applied = most_specific(target, objects, target.name_space);
  if (rules.applied == nullptr) rules.applied = most_specific(target, objects, kRootNamespace);
  rules.read_subsets(target);
  return rules;
}

}  // namespace weir::routing
