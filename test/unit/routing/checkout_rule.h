// Worlds in which the owner of Service checkout has a DestinationRule for it.
#pragma once

#include <string>
#include <utility>

#include "test/unit/routing/world.h"

namespace weir::routing {

inline const Json kPool{{"connectionPool", {{"tcp", {{"maxConnections", 7}}}}}};
inline const Json kTls{{"tls", {{"mode", "ISTIO_MUTUAL"}}}};

inline Json with_policy(Json entry, const Json& policy) {
  entry["trafficPolicy"] = policy;
  return entry;
}

inline Json rule_with(Json subsets) {
  return destination_rule("checkout",
                          {{"host", "checkout"}, {"trafficPolicy", kTls}, {"subsets", std::move(subsets)}});
}

inline World pinned_to(const std::string& name, Json rule, Target target = placeholder()) {
  return World(std::move(target)).with(simple({{{"route", {to("checkout", name)}}}})).with(std::move(rule));
}

inline World unpinned(Json rule, Target target = placeholder()) {
  return World(std::move(target)).with(simple({{{"route", {to("checkout")}}}})).with(std::move(rule));
}

}  // namespace weir::routing
