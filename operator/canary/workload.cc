#include "operator/canary/workload.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "operator/base/hash.h"
#include "operator/base/json.h"

namespace weir::canary {
namespace {

using base::field;
using base::integer;
using base::text;

// Waiting reasons that a container doesn't leave while it only starts.
constexpr std::array<std::string_view, 7> kProblems{
    "CrashLoopBackOff",     "ImagePullBackOff",           "ErrImagePull",     "InvalidImageName",
    "CreateContainerError", "CreateContainerConfigError", "RunContainerError"};

bool is_available(const Json& deployment) {
  const auto& conditions = field(deployment, {"status", "conditions"});
  return std::ranges::any_of(conditions, [](const Json& condition) {
    return text(condition, {"type"}) == "Available" && text(condition, {"status"}) == "True";
  });
}

// The newest template has been seen by the Deployment's controller, all pods have it, and none of an older
// one is left.
bool is_rolled_out(const Json& deployment, std::int64_t replicas) {
  const auto updated = integer(deployment, {"status", "updatedReplicas"});
  return integer(deployment, {"status", "observedGeneration"}) >=
             integer(deployment, {"metadata", "generation"}) &&
         updated == replicas && integer(deployment, {"status", "replicas"}, updated) == updated;
}

bool every_container_has_pre_stop(const Json& pod_template) {
  const auto& containers = field(pod_template, {"spec", "containers"});
  return containers.is_array() && !containers.empty() &&
         std::ranges::all_of(containers, [](const Json& container) {
           return field(container, {"lifecycle", "preStop"}).is_object();
         });
}

// Of a template that was reduced; pod templates have no such field.
constexpr const char* kDigest = "digest";

std::string last_exit(const Json& container) {
  const auto& ended = field(container, {"lastState", "terminated"});
  if (!ended.is_object()) return {};
  return " (last exit code " + std::to_string(integer(ended, {"exitCode"})) + ", " + text(ended, {"reason"}) +
         ')';
}

std::string container_problem(const Json& pod, const char* statuses) {
  for (const auto& container : field(pod, {"status", statuses})) {
    const auto reason = text(container, {"state", "waiting", "reason"});
    if (std::ranges::find(kProblems, reason) == kProblems.end()) continue;
    const auto message = text(container, {"state", "waiting", "message"});
    return reason + ": container \"" + text(container, {"name"}) + "\" of pod " +
           text(pod, {"metadata", "name"}) + (message.empty() ? "" : ": " + message) + last_exit(container);
  }
  return {};
}

std::string scheduling_problem(const Json& pod) {
  for (const auto& condition : field(pod, {"status", "conditions"})) {
    if (text(condition, {"type"}) != "PodScheduled" || text(condition, {"status"}) != "False") continue;
    if (text(condition, {"reason"}) != "Unschedulable") continue;
    return "Unschedulable: pod " + text(pod, {"metadata", "name"}) + ": " + text(condition, {"message"});
  }
  return {};
}

}  // namespace

strategies::Workload read_deployment(const Json& deployment, const std::string& version_label,
                                     const std::string& recorded) {
  const auto pod_template = template_digest(field(deployment, {"spec", "template"}));
  const auto replicas = integer(deployment, {"spec", "replicas"}, 1);
  auto version = text(pod_template, {"metadata", "labels", version_label.c_str()});
  const bool counts = recorded.empty() || version == recorded;
  return {.name = text(deployment, {"metadata", "name"}),
          .version = std::move(version),
          .replicas = static_cast<int>(replicas),
          .ready = counts ? static_cast<int>(integer(deployment, {"status", "readyReplicas"})) : 0,
          .available = counts && is_available(deployment) && is_rolled_out(deployment, replicas),
          .template_hash = text(pod_template, {kDigest, "hash"}),
          .has_pre_stop = field(pod_template, {kDigest, "preStop"}) == true,
          .pod_problem = {}};
}

std::string template_hash(const Json& pod_template) {
  // Members are sorted by name.
  return base::hex(base::fnv1a(pod_template.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

Json template_digest(const Json& pod_template) {
  if (field(pod_template, {kDigest}).is_object()) return pod_template;
  const auto& labels = field(pod_template, {"metadata", "labels"});
  return {{"metadata", {{"labels", labels.is_object() ? labels : Json::object()}}},
          {kDigest,
           {{"hash", template_hash(pod_template)}, {"preStop", every_container_has_pre_stop(pod_template)}}}};
}

std::string pod_problem(const std::vector<Json>& pods) {
  for (const auto& pod : pods) {
    if (!field(pod, {"metadata", "deletionTimestamp"}).is_null()) continue;
    for (const auto* statuses : {"initContainerStatuses", "containerStatuses"}) {
      auto problem = container_problem(pod, statuses);
      if (!problem.empty()) return problem;
    }
    auto problem = scheduling_problem(pod);
    if (!problem.empty()) return problem;
  }
  return {};
}

}  // namespace weir::canary
