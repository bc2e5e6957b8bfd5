// Ready endpoints of a version behind the Service that receives its traffic.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/api.h"

namespace weir::reconcile {

using kube::Json;

// Of an EndpointSlice: names its Service.
inline constexpr const char* kServiceLabel = "kubernetes.io/service-name";

// Ready endpoints by name, and since when each is known to be ready without a break.
using Endpoints = std::map<std::string, base::Clock::Steady>;

struct VersionEndpoints {
  Endpoints stable;
  Endpoints candidate;
  Endpoints all;  // of the traffic Service, whatever their version
};

struct EndpointCounts {
  int stable = 0;
  int candidate = 0;
  int all = 0;  // of the traffic Service, whatever their version
};

// The Services that a release's traffic comes by.
struct TrafficServices {
  std::string traffic;  // the Service that clients call, or Dedicated mode's own
  std::string stable;   // the versions' own Services
  std::string candidate;
  // Divided routes name `traffic`; else each version's own Service.
  bool selects_both = true;
};

// From what is behind each of a release's Services. An endpoint belongs to a version if that version's own
// Service has its pod, or its address where it is no pod's; where one Service selects both versions that has
// to have it too, and has it for as long as counts.
[[nodiscard]] VersionEndpoints tell_apart(Endpoints traffic, Endpoints stable, Endpoints candidate,
                                          bool selects_both);
// The same from the EndpointSlices of one namespace.
[[nodiscard]] EndpointCounts count_endpoints(const std::vector<Json>& slices,
                                             const TrafficServices& services);

// Names of a slice's ready endpoints, each once.
[[nodiscard]] std::vector<std::string> ready_endpoints_in(const Json& slice);

// Of an endpoint what ready_endpoints_in reads: its pod or else its first address, and whether it is ready.
[[nodiscard]] Json trimmed_endpoint(const Json& endpoint);

// Name of the Service that an EndpointSlice is of; empty: of none.
[[nodiscard]] std::string service_of_slice(const Json& slice);

// Whether an EndpointSlice belongs to this Service.
[[nodiscard]] bool is_slice_of(const Json& slice, const std::string& service);

// Label selector that finds the slices of these Services.
[[nodiscard]] std::string slices_of(const std::vector<std::string>& services);

}  // namespace weir::reconcile
