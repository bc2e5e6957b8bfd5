#include "operator/routing/istio/mentions.h"

#include "operator/base/json.h"
#include "operator/routing/istio/table.h"

namespace weir::routing {
namespace {

void add_route(const Json& object, const Json& route, std::vector<std::string>& terms) {
  if (const auto name = base::text(route, {"delegate", "name"}); !name.empty()) {
    const auto name_space = base::text(route, {"delegate", "namespace"});
    terms.push_back(delegate_term(name_space.empty() ? base::namespace_of(object) : name_space, name));
  }
  const auto& entries = base::field(route, {"route"});
  if (!entries.is_array()) return;
  for (const auto& entry : entries) {
    const auto host = base::text(entry, {"destination", "host"});
    if (!host.empty()) terms.push_back(host_term(host, base::namespace_of(object)));
  }
}

}  // namespace

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
  for (const auto* kind : kKinds) {
    const auto& routes = base::field(object, {"spec", kind});
    if (!routes.is_array()) continue;
    for (const auto& route : routes) add_route(object, route, terms);
  }
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
