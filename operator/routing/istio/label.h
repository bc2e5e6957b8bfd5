// How messages name an object of routing.
#pragma once

#include <string>

#include "operator/routing/provider.h"

namespace weir::routing {

// VirtualService "checkout" or, of another namespace, VirtualService "shop/checkout".
[[nodiscard]] std::string label_of(const Target& target, const Json& object);

}  // namespace weir::routing
