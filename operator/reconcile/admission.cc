#include "operator/reconcile/admission.h"

#include <algorithm>
#include <set>

#include "analysis/built_in.h"
#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/reconcile/interest.h"
#include "operator/reconcile/selector.h"
#include "operator/reconcile/services.h"
#include "operator/routing/ownership.h"
#include "strategies/context.h"

namespace weir::reconcile {
namespace {

using strategies::kProgressing;
using strategies::Obstacle;

constexpr const char* kNothingDivided = "NothingDivided";
constexpr const char* kNothingCounted = "NothingCounted";
constexpr std::size_t kMostNamed = 5;  // routes of a warning

Obstacle refusal(std::string reason, std::string message) {
  return {std::string(kProgressing), std::move(reason), std::move(message)};
}

std::string named(const Json& service) { return "Service " + kube::metadata_text(service, "name"); }

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// The first few of many.
std::string first_of(const std::vector<std::string>& routes) {
  const auto named = std::min(routes.size(), kMostNamed);
  auto text = listed({routes.begin(), routes.begin() + static_cast<std::ptrdiff_t>(named)});
  if (named < routes.size()) text += " and " + std::to_string(routes.size() - named) + " more";
  return text;
}

bool has_pods(const Json& deployment) {
  return base::integer(deployment, {"spec", "replicas"}, 1) > 0 ||
         base::integer(deployment, {"status", "replicas"}) > 0;
}

// Whether a workload's labels are those of another version of what is released: of the same keys as the two
// versions', and the same where those two agree.
bool is_alike(const Json& labels, const Json& stable, const Json& candidate) {
  if (labels.size() != stable.size() || labels.size() != candidate.size()) return false;
  return std::ranges::all_of(labels.items(), [&](const auto& label) {
    const auto of_stable = stable.find(label.key());
    const auto of_candidate = candidate.find(label.key());
    if (of_stable == stable.end() || of_candidate == candidate.end()) return false;
    return *of_stable != *of_candidate || *of_stable == label.value();
  });
}

// Metrics of a release that have no value without users' requests. Where nothing is judged there are none.
std::vector<std::string> counting_metrics(const canary::Canary& canary) {
  std::vector<std::string> counting;
  if (canary.spec.skip_analysis) return counting;
  for (const auto& metric : canary.metrics) {
    if (metric.template_name.empty() && analysis::is_compared(metric.metric))
      counting.push_back(metric.metric.name);
  }
  return counting;
}

// Deployments that Canaries of the Service name, whether their release is over or not.
std::set<std::string> versions_of(const Json& service, const kube::Store& canaries) {
  const auto key = kube::key_of(service);
  std::set<std::string> names;
  for (const auto& stored : canaries.list_with(released_on(key.name, key.name_space))) {
    const auto& canary = *stored.object;
    names.insert(base::text(canary, {"spec", "targetRef", "name"}));
    names.insert(base::text(canary, {"status", "target"}));
    names.insert(base::text(canary, {"status", "stable", "name"}));
  }
  return names;
}

}  // namespace

std::optional<Obstacle> cannot_divide(const Json& service, const std::string& version_label, bool widens) {
  const auto type = base::text(service, {"spec", "type"});
  if (type == "ExternalName") {
    return refusal("ExternalNameService",
                   named(service) +
                       " has spec.type ExternalName: it is an alias without pods, which no "
                       "release can divide; name a Service with a selector in spec.service.name");
  }
  const auto keys = selector_of(service);
  if (keys.empty()) {
    return refusal("ServiceWithoutSelector",
                   named(service) +
                       " has no spec.selector: somebody else manages its endpoints, and with a "
                       "version in its selector it would select pods of the whole namespace; give "
                       "it a selector that its pods alone match");
  }
  if (widens && keys.size() == 1 && keys.contains(version_label)) {
    return refusal(
        "SelectorOfVersionAlone",
        "spec.selector of " + named(service) + " is " + keys.dump() +
            ", the version alone: without it the Service would have no selector, and no endpoints; "
            "add a label that the pods of both versions have, such as app");
  }
  return std::nullopt;
}

std::optional<Obstacle> not_selected(const Json& service, const Json& stable) {
  const auto keys = selector_of(service);
  if (matches(keys, template_labels(stable))) return std::nullopt;
  return refusal("StableNotSelected", "spec.stableRef.name is " + kube::metadata_text(stable, "name") +
                                          ", whose pods " + named(service) +
                                          " does not select (spec.selector " + keys.dump() +
                                          "): name the Deployment that serves, or leave the field out");
}

Bystanders find_bystanders(const Json& service, const std::string& version_label, const Json& stable,
                           const Json& candidate, bool begun, const kube::Stores& stores) {
  Bystanders found;
  const auto now = selector_of(service);
  auto widened = now;
  widened.erase(version_label);
  const auto name_space = kube::metadata_text(service, "namespace");
  std::optional<std::set<std::string>> versions;
  for (const auto& stored : stores.deployments.list_with(labelled_as(widened, name_space))) {
    const auto& deployment = *stored.object;
    const auto name = kube::metadata_text(deployment, "name");
    const auto labels = template_labels(deployment);
    const bool of_release =
        name == kube::metadata_text(stable, "name") || name == kube::metadata_text(candidate, "name");
    if (of_release || !has_pods(deployment)) continue;
    if (!matches(widened, labels) || (!begun && matches(now, labels))) continue;
    if (!versions) versions = versions_of(service, stores.canaries);
    const bool version =
        versions->contains(name) || is_alike(labels, template_labels(stable), template_labels(candidate));
    (version ? found.versions : found.strangers).push_back(name);
  }
  return found;
}

Obstacle strangers_selected(const Json& service, const std::vector<std::string>& strangers) {
  return refusal("OtherWorkloads",
                 "the selector of " + named(service) + " without the version also matches the pods of " +
                     listed(strangers) +
                     ": during the release requests that no route divides would reach them; set "
                     "spec.service.mode to Dedicated, or add a label to the selector that they lack");
}

std::string versions_selected(const Json& service, const std::vector<std::string>& versions) {
  return "the selector of " + named(service) + " without the version also matches the pods of " +
         listed(versions) +
         ": during the release requests that no route divides reach them; scale them down, or set "
         "spec.service.mode to Dedicated";
}

FixedEffects effects_of(const std::vector<routing::Router::Fixed>& fixed_to_stable, bool keeps) {
  using Effect = routing::Router::Fixed::Effect;
  FixedEffects found;
  for (const auto& one : fixed_to_stable) {
    const auto sentence = one.message + ": after the promotion no pod answers there; " + one.remedy +
                          ", or set spec.stable.afterPromotion to Keep";
    if (keeps) {
      found.warnings.push_back({one.reason, one.message});
    } else if (one.effect == Effect::HoldsRelease) {
      found.obstacles.push_back(refusal(one.reason, sentence));
    } else if (one.effect == Effect::Warns) {
      found.not_isolated_untrusted.push_back(sentence);
    } else {
      found.not_isolated.push_back(one.message + ": these pods stay; " + one.remedy);
    }
    if (one.effect != Effect::Warns) found.keep_stable.push_back(one.message);
  }
  return found;
}

std::optional<strategies::Warning> nothing_to_judge(const canary::Canary& canary) {
  const auto counting = counting_metrics(canary);
  if (counting.empty()) return std::nullopt;
  return strategies::Warning{
      kNothingDivided,
      "spec.routing.provider is \"" + canary.spec.routing.provider +
          "\": no user's request reaches the candidate before the promotion, and metric " + listed(counting) +
          " counts users' requests: the release would wait for data until its deadline; give "
          "queries of your own, or set spec.skipAnalysis"};
}

std::optional<strategies::Warning> nothing_to_divide(const canary::Canary& canary,
                                                     const std::vector<std::string>& idle_routes, bool all) {
  if (idle_routes.empty()) return std::nullopt;
  auto message = first_of(idle_routes);
  message += " gives Service " + canary.spec.service.name + " weight 0";
  if (!all) {
    message +=
        ": no step sends the candidate a request by it; give the Service a weight there if its requests are "
        "to be divided";
    return strategies::Warning{kNothingDivided, std::move(message)};
  }
  message += ", and no other route is the release's to divide: no step sends the candidate a request";
  if (const auto counting = counting_metrics(canary); !counting.empty()) {
    message += ", and metric " + listed(counting) +
               " counts users' requests: the release would wait for data until its deadline";
  }
  return strategies::Warning{kNothingDivided, message + "; give the Service a weight there"};
}

std::optional<strategies::Warning> nothing_to_count(const canary::Canary& canary,
                                                    const std::vector<std::string>& connection_routes) {
  const auto counting = counting_metrics(canary);
  if (counting.empty() || connection_routes.empty()) return std::nullopt;
  return strategies::Warning{
      kNothingCounted,
      "spec.analysis.metrics has " + listed(counting) +
          ", which counts HTTP requests, and the release divides connections alone, by " +
          first_of(connection_routes) +
          ": it would wait for data until its deadline; accepted are metrics with a query or templateRef of "
          "your own, or spec.skipAnalysis"};
}

bool selects_only(const Json& service, const Json& stable, const Json& candidate) {
  const auto keys = selector_of(service);
  return !keys.empty() && !routing::maker_of(service) && matches(keys, template_labels(stable)) &&
         !matches(keys, template_labels(candidate));
}

std::vector<std::string> services_of_only(const Json& stable, const Json& candidate,
                                          const kube::Stores& stores) {
  const auto name_space = kube::metadata_text(stable, "namespace");
  std::set<std::string> names;
  const auto labels = template_labels(stable);
  for (const auto& [key, value] : labels.items()) {
    for (const auto& stored :
         stores.services.list_with(labelled_as(Json::object({{key, value}}), name_space))) {
      if (selects_only(*stored.object, stable, candidate))
        names.insert(kube::metadata_text(*stored.object, "name"));
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace weir::reconcile
