#include "operator/routing/istio/unmatched.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>

#include "operator/base/json.h"
#include "operator/routing/istio/label.h"
#include "operator/routing/istio/ports.h"

namespace weir::routing {
namespace {

// Fields of a match that decide which proxies get the route.
constexpr std::array kFields{"sourceLabels", "sourceNamespace", "gateways", "port"};

bool is_given(const Json& match, const char* field) {
  const auto& value = base::field(match, {field});
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  return value.is_structured() ? !value.empty() : !value.is_null() && value != 0;
}

// Whether every sidecar gets the route for calls to this port; empty: to any.
bool applies_to_all(const Json& match, std::optional<std::int64_t> port) {
  if (is_given(match, "sourceLabels") || is_given(match, "sourceNamespace") ||
      !is_for_sidecars(base::field(match, {"gateways"})))
    return false;
  return !is_given(match, "port") || (port && base::integer(match, {"port"}) == *port);
}

// Of one kind of routes, those of all VirtualServices that clients in the mesh pass.
struct Routes {
  const Json* first = nullptr;  // VirtualService: for messages
  std::vector<const Json*> all;

  [[nodiscard]] bool apply_to_all(std::optional<std::int64_t> port) const {
    return std::ranges::any_of(all, [port](const Json* route) {
      const auto& matches = base::field(*route, {"match"});
      if (!matches.is_array() || matches.empty()) return true;
      return std::ranges::any_of(matches, [port](const Json& match) { return applies_to_all(match, port); });
    });
  }
  [[nodiscard]] bool name(std::int64_t port) const {
    return std::ranges::any_of(all, [port](const Json* route) {
      const auto& matches = base::field(*route, {"match"});
      return matches.is_array() && std::ranges::any_of(matches, [port](const Json& match) {
               return is_given(match, "port") && applies_to_all(match, port);
             });
    });
  }
  // "sourceLabels and port".
  [[nodiscard]] std::string fields() const {
    std::string text;
    for (const auto* field : kFields) {
      const bool given = std::ranges::any_of(all, [field](const Json* route) {
        const auto& matches = base::field(*route, {"match"});
        return matches.is_array() &&
               std::ranges::any_of(matches, [field](const Json& match) { return is_given(match, field); });
      });
      if (given) text += (text.empty() ? "" : " and ") + std::string(field);
    }
    return text;
  }
};

Routes routes_of(const Target& target, const Managed& managed, const std::string& kind) {
  Routes found;
  std::set<const Json*> seen;
  for (const auto& one : managed) {
    if (std::ranges::find(one.tables, kind, &Table::kind) == one.tables.end()) continue;
    for (const auto* binding : sidecar_bindings(target, one)) {
      if (!seen.insert(binding).second) continue;
      if (found.first == nullptr) found.first = binding;
      const auto& routes = base::field(*binding, {"spec", kind.c_str()});
      if (!routes.is_array()) continue;
      for (const auto& route : routes) found.all.push_back(&route);
    }
  }
  return found;
}

std::string sentence(const Target& target, const Routes& routes, const std::string& kind,
                     const std::string& whose) {
  return label_of(target, *routes.first) + " spec." + kind + " has no route for some clients in the mesh" +
         whose + ", since each has a match on " + routes.fields() + ": whom none matches reaches Service " +
         target.service +
         " undivided during the release; add a route without such a match, or set spec.service.mode to "
         "Dedicated";
}

// Ports that routes of the other kinds take: of one whose protocol is guessed they say what it is. Those for
// tcp and tls that name no port are for every port, and take nothing from routes for http.
std::set<std::int64_t> ports_of_others(const Target& target, const Objects& objects, const Managed& managed,
                                       const std::string& kind) {
  std::set<std::int64_t> found;
  for (const std::string other : kKinds) {
    if (other == kind) continue;
    const auto routes = routes_of(target, managed, other);
    for (const auto port : ports_for(objects, other)) {
      if (kind == "http" ? routes.name(port) : routes.apply_to_all(port)) found.insert(port);
    }
  }
  return found;
}

}  // namespace

bool is_for_sidecars(const Json& gateways) {
  return !gateways.is_array() || gateways.empty() ||
         std::ranges::find(gateways, Json("mesh")) != gateways.end();
}

std::vector<std::string> unmatched_clients(const Target& target, const Objects& objects,
                                           const Managed& managed) {
  std::vector<std::string> sentences;
  for (const std::string kind : kKinds) {
    const auto routes = routes_of(target, managed, kind);
    if (routes.first == nullptr || routes.apply_to_all(std::nullopt)) continue;
    auto ports = ports_for(objects, kind);
    const bool known = !ports.empty();
    const auto all = ports.size();
    const auto others = ports_of_others(target, objects, managed, kind);
    std::erase_if(ports,
                  [&](std::int64_t port) { return routes.apply_to_all(port) || others.contains(port); });
    if (known && ports.empty()) continue;
    std::string whose;
    for (const auto port : ports.size() < all ? ports : std::vector<std::int64_t>{})
      whose += (whose.empty() ? " that call port " : ", ") + std::to_string(port);
    sentences.push_back(sentence(target, routes, kind, whose));
  }
  return sentences;
}

}  // namespace weir::routing
