#include "operator/routing/kinds.h"

#include "operator/routing/istio/kinds.h"

namespace weir::routing {

std::span<const Kind> kinds() { return istio_kinds(); }

}  // namespace weir::routing
