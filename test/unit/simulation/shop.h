// A shop whose version v1 serves, on the models of the cluster and of the mesh.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "operator/kube/object.h"
#include "test/simulation/mesh.h"

namespace weir::simulation {

inline Json meta(const std::string& name) { return {{"name", name}, {"namespace", "shop"}}; }

inline Json deployment(const std::string& version, int replicas, const std::string& variant = "") {
  const Json labels{{"app", "checkout"}, {"version", version}};
  Json pod_template{{"metadata", {{"labels", labels}}}};
  if (!variant.empty()) pod_template["metadata"]["annotations"]["simulation/behaviour"] = variant;
  return {{"metadata", meta("checkout-" + version)},
          {"spec", {{"replicas", replicas}, {"template", pod_template}}}};
}

inline Json service(const std::string& name, const Json& selector) {
  return {{"metadata", meta(name)}, {"spec", {{"selector", selector}}}};
}

inline Json to(const std::string& subset, int weight, const std::string& host = "checkout") {
  Json entry{{"destination", {{"host", host}}}, {"weight", weight}};
  if (!subset.empty()) entry["destination"]["subset"] = subset;
  return entry;
}

inline Json virtual_service(const Json& http) {
  return {{"metadata", meta("checkout")}, {"spec", {{"hosts", {"checkout"}}, {"http", http}}}};
}

inline Json destination_rule(const std::vector<Json>& subsets) {
  return {{"metadata", meta("checkout")}, {"spec", {{"host", "checkout"}, {"subsets", subsets}}}};
}

inline Json subset(const std::string& version) {
  return {{"name", version}, {"labels", {{"version", version}}}};
}

struct Shop {
  explicit Shop(MeshOptions options = {}, std::uint64_t seed = 1)
      : cluster(executor, server, seed), mesh(executor, server, cluster, std::move(options), seed) {
    put(kube::kDeployments, deployment("v1", 2));
    put(kube::kServices, service("checkout", {{"app", "checkout"}, {"version", "v1"}}));
  }

  void put(const kube::Resource& resource, const Json& object) { server.put(resource, object); }
  void erase(const kube::Resource& resource, const std::string& name) {
    ASSERT_TRUE(server.erase(resource, {"shop", name}));
  }
  void pass(Millis time) { executor.run_until(executor.now() + time); }
  Json find(const kube::Resource& resource, const std::string& name) {
    return server.find(resource, {"shop", name});
  }
  // Of the first slice of a Service; null if it has none.
  Json slice(const std::string& of) {
    const auto found =
        server.objects().list(kube::kEndpointSlices, "shop", "kubernetes.io/service-name=" + of);
    return !found || found->empty() ? Json() : found->front();
  }
  // Endpoints of a Service whose condition `condition` is true.
  long count(const std::string& of, const char* condition) {
    const Json found = slice(of);
    return std::ranges::count_if(member(found, "/endpoints"), [&](const Json& endpoint) {
      return endpoint["conditions"][condition] == Json(true);
    });
  }
  // Both versions behind the Service, with subsets and these weights.
  void split(int stable, int candidate) {
    put(kube::kDeployments, deployment("v2", 2));
    put(kube::kServices, service("checkout", {{"app", "checkout"}}));
    put(kube::kDestinationRules, destination_rule(Json::array({subset("v1"), subset("v2")})));
    put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", stable), to("v2", candidate)}}}}));
    pass(5s);
  }

  Executor executor;
  ClusterClock clock{executor};
  ApiServer server{executor, clock};
  Cluster cluster;
  Mesh mesh;
};

}  // namespace weir::simulation
