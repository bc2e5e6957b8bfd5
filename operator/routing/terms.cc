#include "operator/routing/terms.h"

#include <algorithm>

#include "operator/routing/istio/hosts.h"

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

}  // namespace

std::string host_term(std::string_view host, std::string_view name_space) {
  return std::string(kHostTerms).append(full_host(host, name_space));
}

void keep_one_of_each(std::vector<std::string>& terms) {
  std::ranges::sort(terms);
  const auto rest = std::ranges::unique(terms);
  terms.erase(rest.begin(), rest.end());
}

}  // namespace weir::routing
