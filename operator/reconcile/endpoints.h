// Ready endpoints of a version behind the Service that receives its traffic.
#pragma once

#include <string>
#include <vector>

#include "operator/kube/api.h"

namespace weir::reconcile {

using kube::Json;

// Of an EndpointSlice: names its Service.
inline constexpr const char* kServiceLabel = "kubernetes.io/service-name";

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

// From the EndpointSlices of one namespace. An endpoint belongs to a version if that version's own Service
// has its pod, or its address where it is no pod's; where one Service selects both versions that has to have
// it too.
[[nodiscard]] EndpointCounts count_endpoints(const std::vector<Json>& slices,
                                             const TrafficServices& services);

// Of an endpoint what count_endpoints reads: its pod or else its first address, and whether it is ready.
[[nodiscard]] Json trimmed_endpoint(const Json& endpoint);

// Name of the Service that an EndpointSlice is of; empty: of none.
[[nodiscard]] std::string service_of_slice(const Json& slice);

// Whether an EndpointSlice belongs to this Service.
[[nodiscard]] bool is_slice_of(const Json& slice, const std::string& service);

// Label selector that finds the slices of these Services.
[[nodiscard]] std::string slices_of(const std::vector<std::string>& services);

}  // namespace weir::reconcile
