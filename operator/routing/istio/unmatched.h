// Clients to whom no route of a VirtualService applies, although the VirtualService is for them.
//
// A match on what a client is (its labels, its namespace, its gateway) or on the port that it calls is no
// part of a route: by it istiod decides which routes a proxy gets. A proxy that gets none of them behaves as
// if there were no VirtualService, and sends requests where the Service's selector leads.
#pragma once

#include <string>
#include <vector>

#include "operator/routing/istio/isolation.h"

namespace weir::routing {

// Whether `gateways`, of a VirtualService or of a match in it, have its routes at sidecars: they name the
// mesh, or nothing.
[[nodiscard]] bool is_for_sidecars(const Json& gateways);

// Sentences: one for each kind of routes under management that leaves clients in the mesh out.
[[nodiscard]] std::vector<std::string> unmatched_clients(const Target& target, const Objects& objects,
                                                         const Managed& managed);

}  // namespace weir::routing
