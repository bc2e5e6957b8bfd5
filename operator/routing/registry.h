// Every router there is, by the name that spec.routing.provider gives it.
#pragma once

#include <span>
#include <string_view>

#include "operator/routing/provider.h"

namespace weir::routing {

struct RouterRow {
  std::string_view name;
  const Router& router;  // lives as long as the process
};

// The first one is the default.
[[nodiscard]] std::span<const RouterRow> routers();
// The router of this name; the default one where there is none of it: the definition's enum has the names.
[[nodiscard]] const Router& router_named(std::string_view name);

}  // namespace weir::routing
