// How Istio's objects name a Service.
#pragma once

#include <string>
#include <string_view>

namespace weir::routing {

// "checkout.shop.svc.cluster.local".
[[nodiscard]] std::string fqdn(std::string_view service, std::string_view name_space);

// Whether `host`, as an object of `object_namespace` writes it, is exactly this Service: by its short name
// (which an object of another namespace cannot use), name.namespace, name.namespace.svc, or in full.
[[nodiscard]] bool names_service(std::string_view host, std::string_view object_namespace,
                                 std::string_view service, std::string_view name_space);

// Whether `host` is a wildcard ("*", "*.shop.svc.cluster.local") that the Service's full name falls under.
// The longer of two that do is the more specific.
[[nodiscard]] bool wildcard_covers(std::string_view host, std::string_view service,
                                   std::string_view name_space);

}  // namespace weir::routing
