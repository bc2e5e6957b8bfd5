// Whether every request to the Service passes the routes that the release divides, and what would defeat
// them.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "operator/routing/istio/bindings.h"

namespace weir::routing {

// Adds to `reading` sentences that name routes, clients or namespaces whose traffic the release does not
// divide, and objects of other namespaces that win there and that it does not wait for.
void add_not_isolated(const Target& target, const Objects& objects, const Rules& rules,
                      const Managed& managed, Router::Reading& reading);

// Namespaces of the Gateway objects that routes under management are for, as their owners wrote them.
[[nodiscard]] std::set<std::string> gateway_namespaces(const Target& target, const Managed& managed);

// Objects that win over the release's in a namespace that is trusted, before it begins, and names in
// spec.routing that lead nowhere.
[[nodiscard]] std::vector<Refusal> conflicts(const Target& target, const Objects& objects, const Rules& rules,
                                             const Managed& managed);

}  // namespace weir::routing
