// What the API server makes sure of in the ports of a Service, beyond their types.
#pragma once

#include <optional>

#include "operator/offline/schema.h"

namespace weir::offline {

// The first fault of `spec.ports`, whose items are objects; empty: there is none.
[[nodiscard]] std::optional<Unusable> find_unusable_port(const Json& service);

}  // namespace weir::offline
