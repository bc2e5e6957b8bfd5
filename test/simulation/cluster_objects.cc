#include "test/simulation/cluster_objects.h"

#include <algorithm>

#include "operator/kube/object.h"

namespace weir::simulation {
namespace {

constexpr const char* kContainer = "app";
// Keeps the object of a pod until its process has stopped, as the kubelet does.
constexpr const char* kFinalizer = "simulation/kubelet";

Json as_text(bool value) { return value ? "True" : "False"; }

Json container_status(const Pod& pod) {
  Json status{{"name", kContainer}, {"ready", pod.ready}, {"restartCount", pod.crashing ? 3 : 0}};
  if (pod.crashing) {
    status["state"]["waiting"] = {{"reason", "CrashLoopBackOff"},
                                  {"message", "back-off 40s restarting failed container"}};
    status["lastState"]["terminated"] = {{"exitCode", 1}, {"reason", "Error"}};
  } else if (pod.started) {
    status["state"]["running"] = Json::object();
  } else {
    status["state"]["waiting"] = {{"reason", "ContainerCreating"}};
  }
  return status;
}

Json condition(const Json& before, const char* type, bool holds, const char* reason, const std::string& now) {
  Json made{{"type", type}, {"status", as_text(holds)}, {"reason", reason}, {"lastTransitionTime", now}};
  for (const auto& known : member(before, "/conditions")) {
    if (known.value("type", "") != type || known["status"] != made["status"]) continue;
    made["lastTransitionTime"] = known["lastTransitionTime"];
  }
  return made;
}

}  // namespace

bool matches(const Labels& selector, const Labels& labels) {
  return !selector.empty() && std::ranges::all_of(selector, [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

Labels labels_of(const Json& object) {
  Labels labels;
  if (!object.is_object()) return labels;
  for (const auto& [name, value] : object.items()) {
    if (value.is_string()) labels.emplace(name, value.get<std::string>());
  }
  return labels;
}

const Json& member(const Json& object, const char* pointer) {
  static const Json kNone;
  const Json::json_pointer path(pointer);
  return object.contains(path) ? object.at(path) : kNone;
}

Json pod_object(const Pod& pod) {
  Json status{
      {"phase", pod.started ? "Running" : "Pending"},
      {"conditions",
       {{{"type", "PodScheduled"}, {"status", "True"}}, {{"type", "Ready"}, {"status", as_text(pod.ready)}}}},
      {"containerStatuses", {container_status(pod)}}};
  if (pod.started) status["podIP"] = pod.address;
  return {{"metadata",
           {{"name", pod.name},
            {"namespace", pod.name_space},
            {"labels", pod.labels},
            {"finalizers", {kFinalizer}}}},
          {"spec", {{"containers", {{{"name", kContainer}}}}}},
          {"status", std::move(status)}};
}

Json deployment_status(const Json& before, const Json& generation, int replicas,
                       const std::string& template_hash, const std::vector<const Pod*>& pods,
                       const std::string& now) {
  const auto all = static_cast<int>(pods.size());
  const auto updated = static_cast<int>(std::ranges::count(pods, template_hash, &Pod::template_hash));
  const auto ready = static_cast<int>(std::ranges::count(pods, true, &Pod::ready));
  const int unavailable = std::max(replicas, all) - ready;
  // A quarter of the pods may be missing, rounded down.
  const bool available = ready >= replicas - replicas / 4;
  const bool complete = all == replicas && updated == replicas && ready == replicas;

  Json status{{"observedGeneration", generation}};
  for (const auto& [name, count] : {std::pair{"replicas", all},
                                    {"updatedReplicas", updated},
                                    {"readyReplicas", ready},
                                    {"availableReplicas", ready},
                                    {"unavailableReplicas", unavailable}}) {
    if (count > 0) status[name] = count;  // a zero is left out, as the real one does
  }
  status["conditions"] = {
      condition(before, "Available", available,
                available ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable", now),
      condition(before, "Progressing", true, complete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated", now)};
  return status;
}

Json endpoint(const Pod& pod) {
  return {{"addresses", {pod.address}},
          {"conditions",
           {{"ready", pod.ready},
            {"serving", pod.ready || (pod.terminating && pod.running)},
            {"terminating", pod.terminating}}},
          {"targetRef", {{"kind", "Pod"}, {"name", pod.name}, {"namespace", pod.name_space}}}};
}

Json slice_object(const kube::Key& service, const std::string& name, const Json& endpoints) {
  return {{"addressType", "IPv4"},
          {"metadata",
           {{"name", name},
            {"namespace", service.name_space},
            {"labels",
             {{"kubernetes.io/service-name", service.name},
              {"endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"}}}}},
          {"endpoints", endpoints},
          {"ports", {{{"name", "http"}, {"port", 8080}, {"protocol", "TCP"}}}}};
}

}  // namespace weir::simulation
