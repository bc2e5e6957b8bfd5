// Hosts of the namespace's objects that are no name of the Service and must have been meant for it.
#pragma once

#include <string>
#include <vector>

#include "operator/routing/provider.h"

namespace weir::routing {

// A sentence each, that names the object, the field, its value, and the hosts that would name the Service.
// Such a rule or route is not the Service's: for Istio it isn't either.
[[nodiscard]] std::vector<std::string> meant_hosts(const Target& target, const Objects& objects);

}  // namespace weir::routing
