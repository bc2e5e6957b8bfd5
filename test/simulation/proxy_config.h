// What a proxy is configured with, and the requests' ways that follow from it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operator/kube/resource.h"
#include "test/simulation/cluster.h"

namespace weir::simulation {

struct Destination {
  std::string host;  // as it is written
  std::string subset;
  double weight = 0;
  friend bool operator==(const Destination&, const Destination&) = default;
};

struct Route {
  // Which requests it takes: those with header "x-marked: yes", those without.
  bool marked = true;
  bool unmarked = true;
  std::vector<Destination> destinations;
  friend bool operator==(const Route&, const Route&) = default;
};

// A VirtualService.
struct Table {
  std::string created;
  std::vector<std::string> hosts;
  std::vector<Route> routes;
  friend bool operator==(const Table&, const Table&) = default;
};

// A DestinationRule.
struct Rule {
  std::string host;
  std::map<std::string, Labels> subsets;
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Endpoint {
  std::string address;
  std::string workload;  // of the pod, as the endpoint's metadata has it; empty: it was gone already
  Labels labels;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// The ready endpoints of an EndpointSlice.
struct Addresses {
  kube::Key service;
  std::vector<Endpoint> endpoints;
  friend bool operator==(const Addresses&, const Addresses&) = default;
};

// By the objects that they come from.
using Tables = std::map<kube::Key, Table>;
using Rules = std::map<kube::Key, Rule>;
using Slices = std::map<kube::Key, Addresses>;

// Empty if it does not concern proxies in the mesh.
[[nodiscard]] std::optional<Table> read_table(const Json& virtual_service);
[[nodiscard]] std::optional<Rule> read_rule(const Json& destination_rule);
// Labels are those of the pods in `cluster`.
[[nodiscard]] std::optional<Addresses> read_slice(const Json& slice, const Cluster& cluster);

// Where a share of the requests goes. Shares of all ways add up to 1.
struct Way {
  double share = 0;
  std::string lost;       // why no one answers; empty: somebody does
  std::string flag;       // of Envoy, where no one does: UH, NC or NR
  std::string elsewhere;  // a host outside the cluster that answers; empty: the endpoints do
  std::string service;    // whose cluster the route names; empty: there is none
  std::vector<Endpoint> endpoints;
};

// What clients of `service`, in its own namespace, get from a proxy that knows this. Hosts in `elsewhere`
// always answer; `domain` is the cluster's.
[[nodiscard]] std::vector<Way> ways(const Tables& tables, const Rules& rules, const Slices& slices,
                                    const kube::Key& service, bool marked,
                                    const std::vector<std::string>& elsewhere, const std::string& domain);

}  // namespace weir::simulation
