#include "operator/routing/istio/hosts.h"

namespace weir::routing {
namespace {

constexpr std::string_view kServiceSuffix = ".svc";

// "checkout.shop.svc".
std::string without_domain(const MeshService& service) {
  return std::string(service.name).append(".").append(service.name_space).append(kServiceSuffix);
}

}  // namespace

MeshService called_service(const Target& target) {
  return {target.service, target.name_space, target.cluster_domain};
}

MeshService traffic_service(const Target& target) {
  return {target.traffic_host, target.name_space, target.cluster_domain};
}

std::string fqdn(const MeshService& service) {
  return without_domain(service).append(".").append(service.cluster_domain);
}

bool names_service(std::string_view host, std::string_view object_namespace, const MeshService& service) {
  if (!host.starts_with(service.name)) return false;
  if (host.size() == service.name.size()) return object_namespace == service.name_space;
  return host == fqdn(service);
}

bool wildcard_covers(std::string_view host, const MeshService& service) {
  return host.starts_with('*') && fqdn(service).ends_with(host.substr(1));
}

bool is_meant_for(std::string_view host, const MeshService& service) {
  if (!host.starts_with(service.name)) return false;
  const auto name = without_domain(service);
  if (host == name || host == std::string_view(name).substr(0, name.size() - kServiceSuffix.size()))
    return true;
  return host.starts_with(name) && host.substr(name.size()).starts_with('.') && host != fqdn(service);
}

}  // namespace weir::routing
