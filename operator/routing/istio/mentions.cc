#include "operator/routing/istio/mentions.h"

#include <algorithm>

#include "operator/base/json.h"
#include "operator/routing/istio/hosts.h"
#include "operator/routing/istio/table.h"

namespace weir::routing {
namespace {

constexpr std::string_view kServiceSuffix = ".svc";
constexpr std::string_view kClusterSuffix = ".svc.cluster.local";

// "checkout", "checkout.shop", "checkout.shop.svc" and the full name are one host.
std::string full_host(std::string_view host, std::string_view name_space) {
  if (host.starts_with('*')) return std::string(host);
  const auto dot = host.find('.');
  if (dot == std::string_view::npos) return fqdn(host, name_space);
  auto rest = host.substr(dot + 1);
  for (const auto suffix : {kClusterSuffix, kServiceSuffix}) {
    if (!rest.ends_with(suffix)) continue;
    rest.remove_suffix(suffix.size());
    break;
  }
  return rest.find('.') == std::string_view::npos ? fqdn(host.substr(0, dot), rest) : std::string(host);
}

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

void keep_one_of_each(std::vector<std::string>& terms) {
  std::ranges::sort(terms);
  const auto rest = std::ranges::unique(terms);
  terms.erase(rest.begin(), rest.end());
}

std::string host_term(std::string_view host, std::string_view name_space) {
  return std::string(kHostTerms).append(full_host(host, name_space));
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
