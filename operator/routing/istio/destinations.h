// The places of a VirtualService that requests are sent to, copies among them.
#pragma once

#include <cstddef>
#include <string>

#include "operator/base/json.h"
#include "operator/routing/istio/table.h"

namespace weir::routing {

// Calls `visit(list, index, destination)` for each place of a route: a destination of its "route", one of its
// "mirrors", or its "mirror", which is no list and has index 0. `destination` names host and subset.
template <typename Visit>
void each_destination_of(const Json& route, const Visit& visit) {
  for (const auto* list : {"route", "mirrors"}) {
    const auto& entries = base::field(route, {list});
    if (!entries.is_array()) continue;
    for (std::size_t i = 0; i < entries.size(); ++i) visit(list, i, base::field(entries[i], {"destination"}));
  }
  visit("mirror", std::size_t{0}, base::field(route, {"mirror"}));
}

// Calls `visit(kind, index, route)` for each route of the object.
template <typename Visit>
void each_route_of(const Json& virtual_service, const Visit& visit) {
  for (const std::string kind : kKinds) {
    const auto& routes = base::field(virtual_service, {"spec", kind.c_str()});
    if (!routes.is_array()) continue;
    for (std::size_t index = 0; index < routes.size(); ++index) visit(kind, index, routes[index]);
  }
}

}  // namespace weir::routing
