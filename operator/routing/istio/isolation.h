// Whether every request to the Service passes the routes that the release divides, and what would defeat
// them.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "operator/routing/istio/table.h"

namespace weir::routing {

// VirtualServices under management, with their tables.
using Managed = std::vector<std::pair<const Json*, std::vector<Table>>>;

// The objects by which clients in the mesh that call the Service pass this VirtualService, which is under
// management: itself, or roots that delegate to it. Those of namespaces that aren't trusted don't count.
[[nodiscard]] std::vector<const Json*> sidecar_bindings(const Target& target, const Objects& objects,
                                                        const Json& virtual_service);

// Adds to `reading` sentences that name routes, clients or namespaces whose traffic the release does not
// divide, and objects of other namespaces that win there and that it does not wait for.
void add_not_isolated(const Target& target, const Objects& objects, const Rules& rules,
                      const Managed& managed, Router::Reading& reading);

// Namespaces of the Gateway objects that routes under management are for, as their owners wrote them.
[[nodiscard]] std::set<std::string> gateway_namespaces(const Target& target, const Objects& objects,
                                                       const Managed& managed);

// Objects that win over the release's in a namespace that is trusted, before it begins, and names in
// spec.routing that lead nowhere.
[[nodiscard]] std::vector<Refusal> conflicts(const Target& target, const Objects& objects, const Rules& rules,
                                             const Managed& managed);

}  // namespace weir::routing
