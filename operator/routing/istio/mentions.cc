#include "operator/routing/istio/mentions.h"

#include <algorithm>
#include <set>
#include <utility>

#include "operator/base/json.h"
#include "operator/routing/istio/destinations.h"

namespace weir::routing {
namespace {

void add_route(const Json& object, const Json& route, std::vector<std::string>& terms) {
  if (const auto name = base::text(route, {"delegate", "name"}); !name.empty()) {
    const auto name_space = base::text(route, {"delegate", "namespace"});
    terms.push_back(delegate_term(name_space.empty() ? base::namespace_of(object) : name_space, name));
  }
  each_destination_of(route, [&](const char*, std::size_t, const Json& destination) {
    const auto host = base::text(destination, {"host"});
    if (!host.empty()) terms.push_back(host_term(host, base::namespace_of(object)));
  });
}

// Of all its routes.
template <typename Visit>
void each_destination(const Json& virtual_service, const Visit& visit) {
  each_route_of(virtual_service, [&](const std::string&, std::size_t, const Json& route) {
    each_destination_of(route,
                        [&](const char*, std::size_t, const Json& destination) { visit(destination); });
  });
}

}  // namespace

bool names_subset_of(const Json& virtual_service, const Json& rule) {
  const auto host = host_term(base::text(rule, {"spec", "host"}), base::namespace_of(rule));
  std::set<std::string> named;
  each_destination(virtual_service, [&](const Json& destination) {
    auto subset = base::text(destination, {"subset"});
    const bool goes_there =
        host_term(base::text(destination, {"host"}), base::namespace_of(virtual_service)) == host;
    if (!subset.empty() && goes_there) named.insert(std::move(subset));
  });
  const auto& subsets = base::field(rule, {"spec", "subsets"});
  return subsets.is_array() && std::ranges::any_of(subsets, [&](const Json& subset) {
           return named.contains(base::text(subset, {"name"}));
         });
}

bool names_service_of(const Json& virtual_service, const Json& service) {
  const auto host = host_term(base::name_of(service), base::namespace_of(service));
  bool names = false;
  each_destination(virtual_service, [&](const Json& destination) {
    names =
        names || host_term(base::text(destination, {"host"}), base::namespace_of(virtual_service)) == host;
  });
  return names;
}

std::string delegate_term(std::string_view name_space, std::string_view name) {
  return std::string(kDelegateTerms).append(name_space).append("/").append(name);
}

std::vector<std::string> bound_host_terms(const Json& virtual_service) {
  std::vector<std::string> terms;
  const auto& hosts = base::field(virtual_service, {"spec", "hosts"});
  if (!hosts.is_array()) return terms;
  for (const auto& host : hosts) {
    if (host.is_string())
      terms.push_back(host_term(host.get_ref<const std::string&>(), base::namespace_of(virtual_service)));
  }
  return terms;
}

std::vector<std::string> terms_of_virtual_service(const Json& object) {
  auto terms = bound_host_terms(object);
  each_route_of(object,
                [&](const std::string&, std::size_t, const Json& route) { add_route(object, route, terms); });
  keep_one_of_each(terms);
  return terms;
}

std::vector<std::string> terms_of_destination_rule(const Json& object) {
  const auto host = base::text(object, {"spec", "host"});
  if (host.starts_with('*')) return {std::string(kWildcardRule)};
  if (host.empty()) return {};
  return {host_term(host, base::namespace_of(object))};
}

}  // namespace weir::routing
