#include "operator/routing/registry.h"

#include <algorithm>
#include <array>

#include "operator/routing/istio/istio.h"
#include "operator/routing/noop.h"

namespace weir::routing {

std::span<const RouterRow> routers() {
  static const IstioRouter kIstio;
  static const NoopRouter kNoop;
  static const std::array<RouterRow, 2> kRouters{{{"istio", kIstio}, {"noop", kNoop}}};
  return kRouters;
}

const Router& router_named(std::string_view name) {
  const auto all = routers();
  const auto found = std::ranges::find(all, name, &RouterRow::name);
  return found == all.end() ? all.front().router : found->router;
}

}  // namespace weir::routing
