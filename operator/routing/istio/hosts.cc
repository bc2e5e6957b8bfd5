#include "operator/routing/istio/hosts.h"

namespace weir::routing {
namespace {

constexpr std::string_view kServiceSuffix = ".svc";
constexpr std::string_view kClusterDomain = ".cluster.local";

}  // namespace

std::string fqdn(std::string_view service, std::string_view name_space) {
  std::string name(service);
  name.append(".").append(name_space).append(kServiceSuffix).append(kClusterDomain);
  return name;
}

bool names_service(std::string_view host, std::string_view object_namespace, std::string_view service,
                   std::string_view name_space) {
  if (!host.starts_with(service)) return false;
  host.remove_prefix(service.size());
  if (host.empty()) return object_namespace == name_space;
  if (!host.starts_with('.')) return false;
  host.remove_prefix(1);
  if (!host.starts_with(name_space)) return false;
  host.remove_prefix(name_space.size());
  if (host.empty() || host == kServiceSuffix) return true;
  return host.starts_with(kServiceSuffix) && host.substr(kServiceSuffix.size()) == kClusterDomain;
}

bool wildcard_covers(std::string_view host, std::string_view service, std::string_view name_space) {
  if (!host.starts_with('*')) return false;
  return fqdn(service, name_space).ends_with(host.substr(1));
}

}  // namespace weir::routing
