// Pods as the cluster's models have them, and the objects that the real controllers would write.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "operator/kube/api.h"
#include "test/simulation/executor.h"

namespace weir::simulation {

using kube::Json;
using Labels = std::map<std::string, std::string>;

struct Pod {
  std::string name;
  std::string name_space;
  std::string address;
  std::string workload;  // the Deployment's name
  std::string version;   // value of the pod's label "version"
  std::string variant;   // its template's annotation "simulation/behaviour"
  Labels labels;
  std::string template_hash;
  std::string owner;         // the Deployment's uid
  int number = 0;            // pods made before it, and itself
  bool started = false;      // has an address in its status
  bool ready = false;        // never while it terminates
  bool terminating = false;  // no longer a ready endpoint, but serves until it stops
  bool running = false;      // its process answers connections
  bool crashing = false;     // its container waits to be started again
  Millis disturbed_until{0};
};

// Whether a selector that is not empty selects these labels.
[[nodiscard]] bool matches(const Labels& selector, const Labels& labels);
// The members of an object of strings; none of anything else.
[[nodiscard]] Labels labels_of(const Json& object);
// The member at a JSON pointer; null if it is not there.
[[nodiscard]] const Json& member(const Json& object, const char* pointer);

[[nodiscard]] Json pod_object(const Pod& pod);
// status of a Deployment that wants so many `replicas` of `template_hash`. `pods` are all of it that do not
// terminate; `before` is the status that it has, whose times of transition go on.
[[nodiscard]] Json deployment_status(const Json& before, const Json& generation, int replicas,
                                     const std::string& template_hash, const std::vector<const Pod*>& pods,
                                     const std::string& now);
// The entry of a pod in `endpoints` of an EndpointSlice.
[[nodiscard]] Json endpoint(const Pod& pod);
[[nodiscard]] Json slice_object(const kube::Key& service, const std::string& name, const Json& endpoints);

}  // namespace weir::simulation
