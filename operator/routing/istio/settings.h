// spec.routing.istio, as the Canary's reader has validated it.
#pragma once

#include <string>

#include "operator/routing/provider.h"

namespace weir::routing {

// `virtualServices`: entries of `name` and `routes`. Empty: every one that routes to the Service.
[[nodiscard]] const Json::array_t& listed_virtual_services(const Target& target);
// `destinationRule`; empty: the one for the Service's host, or a new one.
[[nodiscard]] std::string named_rule(const Target& target);
// `subsets.stable` and `subsets.candidate`; empty: the version.
[[nodiscard]] std::string stable_subset(const Target& target);
[[nodiscard]] std::string candidate_subset(const Target& target);

}  // namespace weir::routing
