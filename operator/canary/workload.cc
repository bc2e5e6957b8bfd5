#include "operator/canary/workload.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "operator/base/hash.h"

namespace weir::canary {
namespace {

// Waiting reasons that a container doesn't leave while it only starts.
constexpr std::array<std::string_view, 7> kProblems{
    "CrashLoopBackOff",     "ImagePullBackOff",           "ErrImagePull",     "InvalidImageName",
    "CreateContainerError", "CreateContainerConfigError", "RunContainerError"};

// The member at the end of `path`, null if it is not there.
const Json& at(const Json& object, std::initializer_list<const char*> path) {
  static const Json kNone;
  const Json* current = &object;
  for (const auto* name : path) {
    if (!current->is_object()) return kNone;
    const auto found = current->find(name);
    if (found == current->end()) return kNone;
    current = &*found;
  }
  return *current;
}

std::string text_at(const Json& object, std::initializer_list<const char*> path) {
  const auto& value = at(object, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t integer_at(const Json& object, std::initializer_list<const char*> path,
                        std::int64_t fallback = 0) {
  const auto& value = at(object, path);
  return value.is_number_integer() ? value.get<std::int64_t>() : fallback;
}

bool is_available(const Json& deployment) {
  const auto& conditions = at(deployment, {"status", "conditions"});
  return std::ranges::any_of(conditions, [](const Json& condition) {
    return text_at(condition, {"type"}) == "Available" && text_at(condition, {"status"}) == "True";
  });
}

// The newest template has been seen by the Deployment's controller, all pods have it, and none of an older
// one is left.
bool is_rolled_out(const Json& deployment, std::int64_t replicas) {
  const auto updated = integer_at(deployment, {"status", "updatedReplicas"});
  return integer_at(deployment, {"status", "observedGeneration"}) >=
             integer_at(deployment, {"metadata", "generation"}) &&
         updated == replicas && integer_at(deployment, {"status", "replicas"}, updated) == updated;
}

bool every_container_has_pre_stop(const Json& pod_template) {
  const auto& containers = at(pod_template, {"spec", "containers"});
  return containers.is_array() && !containers.empty() &&
         std::ranges::all_of(containers, [](const Json& container) {
           return at(container, {"lifecycle", "preStop"}).is_object();
         });
}

// Of a template that was reduced; pod templates have no such field.
constexpr const char* kDigest = "digest";

std::string last_exit(const Json& container) {
  const auto& ended = at(container, {"lastState", "terminated"});
  if (!ended.is_object()) return {};
  return " (last exit code " + std::to_string(integer_at(ended, {"exitCode"})) + ", " +
         text_at(ended, {"reason"}) + ')';
}

std::string container_problem(const Json& pod, const char* statuses) {
  for (const auto& container : at(pod, {"status", statuses})) {
    const auto reason = text_at(container, {"state", "waiting", "reason"});
    if (std::ranges::find(kProblems, reason) == kProblems.end()) continue;
    const auto message = text_at(container, {"state", "waiting", "message"});
    return reason + ": container \"" + text_at(container, {"name"}) + "\" of pod " +
           text_at(pod, {"metadata", "name"}) + (message.empty() ? "" : ": " + message) +
           last_exit(container);
  }
  return {};
}

std::string scheduling_problem(const Json& pod) {
  for (const auto& condition : at(pod, {"status", "conditions"})) {
    if (text_at(condition, {"type"}) != "PodScheduled" || text_at(condition, {"status"}) != "False") continue;
    if (text_at(condition, {"reason"}) != "Unschedulable") continue;
    return "Unschedulable: pod " + text_at(pod, {"metadata", "name"}) + ": " +
           text_at(condition, {"message"});
  }
  return {};
}

}  // namespace

strategies::Workload read_deployment(const Json& deployment, const std::string& version_label) {
  const auto pod_template = template_digest(at(deployment, {"spec", "template"}));
  const auto replicas = integer_at(deployment, {"spec", "replicas"}, 1);
  return {.name = text_at(deployment, {"metadata", "name"}),
          .version = text_at(pod_template, {"metadata", "labels", version_label.c_str()}),
          .replicas = static_cast<int>(replicas),
          .ready = static_cast<int>(integer_at(deployment, {"status", "readyReplicas"})),
          .available = is_available(deployment) && is_rolled_out(deployment, replicas),
          .template_hash = text_at(pod_template, {kDigest, "hash"}),
          .has_pre_stop = at(pod_template, {kDigest, "preStop"}) == true,
          .pod_problem = {}};
}

std::string template_hash(const Json& pod_template) {
  // Members are sorted by name.
  return base::hex(base::fnv1a(pod_template.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

Json template_digest(const Json& pod_template) {
  if (at(pod_template, {kDigest}).is_object()) return pod_template;
  const auto& labels = at(pod_template, {"metadata", "labels"});
  return {{"metadata", {{"labels", labels.is_object() ? labels : Json::object()}}},
          {kDigest,
           {{"hash", template_hash(pod_template)}, {"preStop", every_container_has_pre_stop(pod_template)}}}};
}

std::string pod_problem(const std::vector<Json>& pods) {
  for (const auto& pod : pods) {
    if (!at(pod, {"metadata", "deletionTimestamp"}).is_null()) continue;
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
