// Istio's rows in the table of kinds.
#pragma once

#include <span>

#include "operator/routing/kinds.h"

namespace weir::routing {

[[nodiscard]] std::span<const Kind> istio_kinds();

}  // namespace weir::routing
