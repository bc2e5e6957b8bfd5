// How Istio's objects name a Service.
//
// Istio completes names without a dot, by the namespace of the object that writes them, and compares
// everything else as it is written: "checkout.shop" and "checkout.shop.svc" name nothing.
#pragma once

#include <string>
#include <string_view>

#include "operator/routing/provider.h"

namespace weir::routing {

// A Service as the mesh knows it.
struct MeshService {
  std::string_view name;
  std::string_view name_space;
  std::string_view cluster_domain;
};
// The Service that clients call, and the one that receives its traffic during the release. They borrow.
[[nodiscard]] MeshService called_service(const Target& target);
[[nodiscard]] MeshService traffic_service(const Target& target);

// "checkout.shop.svc.cluster.local".
[[nodiscard]] std::string fqdn(const MeshService& service);

// Whether `host`, as an object of `object_namespace` writes it, is exactly this Service: by its short name,
// which an object of another namespace cannot use, or in full.
[[nodiscard]] bool names_service(std::string_view host, std::string_view object_namespace,
                                 const MeshService& service);

// Whether `host` is a wildcard ("*", "*.shop.svc.cluster.local") that the Service's full name falls under.
// The longer of two that do is the more specific.
[[nodiscard]] bool wildcard_covers(std::string_view host, const MeshService& service);

// Whether somebody must have meant the Service by a host that does not name it: "checkout.shop",
// "checkout.shop.svc", or its name in another cluster domain.
[[nodiscard]] bool is_meant_for(std::string_view host, const MeshService& service);

}  // namespace weir::routing
