// The edits of one VirtualService: nothing but its weight tables.
#pragma once

#include "operator/routing/istio/table.h"

namespace weir::routing {

// Adds what the tables of one VirtualService say to the state of all routes. Refused tables are not counted
// as routes that could be divided.
void add_state(const Json& virtual_service, const std::vector<Table>& tables, strategies::RouteState& state);

// The VirtualService with every place divided: `weight` of its share to the candidate. Places of a refused
// table that are still as their owner wrote them stay so.
[[nodiscard]] Json routed(const Target& target, const SubsetNames& names, const Json& virtual_service,
                          const std::vector<Table>& tables, strategies::Weight weight);

// The VirtualService with every divided place as its owner wrote it, from its record; without one, as well as
// its pair tells: no subset, the Service's host, the pair's weight. `promoted`: what was pinned to stable's
// version is pinned to the candidate's.
[[nodiscard]] Json restored(const Target& target, const SubsetNames& names, const Json& virtual_service,
                            const std::vector<Table>& tables, bool promoted);

}  // namespace weir::routing
