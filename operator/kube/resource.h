// The kinds of objects that the operator reads or writes, and how objects are addressed.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace weir::kube {

struct Resource {
  std::string_view group;  // empty: the core group
  std::string_view version;
  std::string_view plural;
  std::string_view kind;

  // "v1" or "apps/v1".
  [[nodiscard]] std::string api_version() const;
  // Path of one object, or of the collection if `name` is empty; all namespaces if `name_space` is empty.
  [[nodiscard]] std::string path(std::string_view name_space, std::string_view name = {}) const;
  friend bool operator==(const Resource&, const Resource&) = default;
};

inline constexpr Resource kCanaries{"weir.dev", "v1alpha1", "canaries", "Canary"};
inline constexpr Resource kMetricTemplates{"weir.dev", "v1alpha1", "metrictemplates", "MetricTemplate"};
inline constexpr Resource kDeployments{"apps", "v1", "deployments", "Deployment"};
inline constexpr Resource kServices{"", "v1", "services", "Service"};
inline constexpr Resource kPods{"", "v1", "pods", "Pod"};
inline constexpr Resource kSecrets{"", "v1", "secrets", "Secret"};
inline constexpr Resource kEvents{"", "v1", "events", "Event"};
inline constexpr Resource kEndpointSlices{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};
inline constexpr Resource kVirtualServices{"networking.istio.io", "v1", "virtualservices", "VirtualService"};
inline constexpr Resource kDestinationRules{"networking.istio.io", "v1", "destinationrules",
                                            "DestinationRule"};

// Namespace and name.
struct Key {
  std::string name_space;
  std::string name;
  friend auto operator<=>(const Key&, const Key&) = default;
};

}  // namespace weir::kube
