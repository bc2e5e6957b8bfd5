#include "operator/reconcile/workloads.h"

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "operator/base/json.h"
#include "operator/canary/workload.h"
#include "operator/reconcile/admission.h"
#include "operator/reconcile/selector.h"
#include "operator/reconcile/trim.h"

namespace weir::reconcile {
namespace {

using strategies::Identity;
using strategies::Obstacle;

std::vector<Json> pods_of(const Source& source, const Json& deployment) {
  const Json::json_pointer path("/spec/selector/matchLabels");
  if (!deployment.contains(path)) return {};
  // Deployments of both versions may select by what their pods have in common.
  const auto& label = source.spec().service.version_label;
  const auto version = canary::read_deployment(deployment, label).version;
  std::string text = version.empty() ? "" : label + "=" + version;
  for (const auto& [key, value] : deployment.at(path).items()) {
    if (key == label) continue;
    if (!text.empty()) text += ',';
    text += key + "=" + value.get<std::string>();
  }
  return source.means.list_pods(source.name_space(), text);
}

// The Deployment of this name, without obstacles.
FoundWorkload read(const Source& source, const std::string& name, std::string Identity::* recorded,
                   bool held) {
  FoundWorkload found;
  const auto stored = source.stores.deployments.get({source.name_space(), name});
  if (!stored) return found;
  found.deployment = *stored->object;
  const auto& identity = source.canary.status.identity;
  auto workload = canary::read_deployment(found.deployment, source.spec().service.version_label,
                                          identity ? (*identity).*recorded : std::string());
  const bool waits_for_others = source.is_pending() && (source.spec().suspend || held);
  if (workload.ready < workload.replicas && !waits_for_others)
    workload.pod_problem = canary::pod_problem(pods_of(source, found.deployment));
  found.workload = std::move(workload);
  return found;
}

// The one workload, other than the target, whose pods the Service selects; empty: that cannot be told.
std::expected<std::string, Obstacle> selected_workload(const Source& source, const Json& service,
                                                       const Json& candidate) {
  if (service.is_null() || candidate.is_null()) return {};
  auto names = selected_workloads(service, source.name_space(), source.stores.deployments);
  const auto& target = source.spec().target.name;
  const auto named = "Service " + source.spec().service.name;
  const bool selects_target = std::erase(names, target) > 0;
  if (names.size() == 1) return names.front();
  if (selects_target && names.empty()) {
    return std::unexpected(obstacle_to_progress(
        "TargetIsStable", named + " selects " + target + " already: there is nothing to release"));
  }
  if (names.empty()) {
    return std::unexpected(obstacle_to_progress(
        "StableNotFound",
        "the selector of " + named + " matches the pods of no Deployment: set spec.stableRef"));
  }
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  return std::unexpected(obstacle_to_progress(
      "StableAmbiguous", "the selector of " + named + " matches the pods of several Deployments (" + list +
                             "): set spec.stableRef"));
}

// Name of the workload of stable; empty: that cannot be told.
std::expected<std::string, Obstacle> name_of_stable(const Source& source, const Json& service,
                                                    const Json& candidate) {
  const auto& known = source.canary.status.stable.name;
  if (!source.is_pending() && !known.empty()) return known;
  if (const auto& given = source.spec().stable_ref) return given->name;
  return selected_workload(source, service, candidate);
}

}  // namespace

FoundService find_service(const Source& source) {
  FoundService found;
  const auto& name = source.spec().service.name;
  const kube::Key key{source.name_space(), name};
  const auto stored = source.stores.services.get(key);
  if (!stored) {
    found.gone = age_of(key, source.stores.services, source.now);
    found.obstacles.push_back(obstacle_to_progress(
        "ServiceNotFound",
        "Service " + name + " (spec.service.name) does not exist in namespace " + source.name_space()));
    return found;
  }
  found.object = *stored->object;
  found.state = strategies::ServiceState{.age = age_of(*stored, source.now),
                                         .changed_by = base::text(last_write(found.object), {"manager"})};
  if (!source.is_pending()) return found;
  if (auto obstacle = cannot_divide(found.object, source.spec().service.version_label,
                                    source.router.abilities().selects_both))
    found.obstacles.push_back(*std::move(obstacle));
  return found;
}

FoundWorkload find_candidate(const Source& source, bool held) {
  // A release that has begun goes on with the workload it began with, whatever the spec says now.
  const auto& name = source.is_pending() ? source.spec().target.name : source.canary.status.target;
  auto found = read(source, name, &Identity::candidate_version, held);
  if (!found.workload) {
    found.obstacles.push_back(obstacle_to_progress(
        "TargetNotFound",
        "Deployment " + name + " (spec.targetRef.name) does not exist in namespace " + source.name_space()));
  }
  return found;
}

FoundWorkload find_stable(const Source& source, const Json& service, const Json& candidate, bool held) {
  FoundWorkload found;
  const auto name = name_of_stable(source, service, candidate);
  if (!name) {
    found.obstacles.push_back(name.error());
    return found;
  }
  if (name->empty()) return found;
  found = read(source, *name, &Identity::stable_version, held);
  if (!found.workload) {
    found.obstacles.push_back(obstacle_to_progress(
        "StableNotFound",
        "the stable Deployment " + *name + " does not exist in namespace " + source.name_space()));
  } else if (source.is_pending() && source.spec().stable_ref && !service.is_null()) {
    if (auto obstacle = not_selected(service, found.deployment))
      found.obstacles.push_back(*std::move(obstacle));
  }
  return found;
}

}  // namespace weir::reconcile
