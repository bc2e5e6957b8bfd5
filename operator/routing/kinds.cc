#include "operator/routing/kinds.h"

#include <array>

#include "operator/routing/istio/kinds.h"

namespace weir::routing {

std::span<const Kind> kinds() {
  static const auto kAll = [] {
    std::vector<Kind> all;
    // Every router that has kinds of its own.
    for (const auto of_router : std::array{istio_kinds()})
      all.insert(all.end(), of_router.begin(), of_router.end());
    return all;
  }();
  return kAll;
}

}  // namespace weir::routing
