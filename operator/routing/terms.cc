#include "operator/routing/terms.h"

#include <algorithm>
namespace weir::routing {
namespace {

constexpr std::string_view kServiceSuffix = ".svc";

std::string in_namespace(std::string_view name, std::string_view name_space) {
  return std::string(name).append(".").append(name_space).append(kServiceSuffix);
}

// "checkout", "checkout.shop", "checkout.shop.svc" and the name in any cluster domain are one.
std::string without_domain(std::string_view host, std::string_view name_space) {
  if (host.starts_with('*')) return std::string(host);
  const auto dot = host.find('.');
  if (dot == std::string_view::npos) return in_namespace(host, name_space);
  const auto rest = host.substr(dot + 1);
  const auto end = rest.find('.');
  const auto after = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  const bool of_service = after.empty() || after == kServiceSuffix ||
                          (after.starts_with(kServiceSuffix) && after[kServiceSuffix.size()] == '.');
  return of_service ? in_namespace(host.substr(0, dot), rest.substr(0, end)) : std::string(host);
}

}  // namespace

std::string host_term(std::string_view host, std::string_view name_space) {
  return std::string(kHostTerms).append(without_domain(host, name_space));
}

void keep_one_of_each(std::vector<std::string>& terms) {
  std::ranges::sort(terms);
  const auto rest = std::ranges::unique(terms);
  terms.erase(rest.begin(), rest.end());
}

}  // namespace weir::routing
