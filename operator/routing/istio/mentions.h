// By what Istio's objects are found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operator/routing/provider.h"
#include "operator/routing/terms.h"

namespace weir::routing {

// How the terms of delegates begin.
inline constexpr std::string_view kDelegateTerms = "delegate ";

// Finds the VirtualServices that delegate to this one.
[[nodiscard]] std::string delegate_term(std::string_view name_space, std::string_view name);
// Finds the DestinationRules of a wildcard host.
inline constexpr std::string_view kWildcardRule = "wildcard rule";

// Hosts are found among `spec.hosts`, as destinations, and as a rule's host.
[[nodiscard]] std::vector<std::string> terms_of_virtual_service(const Json& object);
[[nodiscard]] std::vector<std::string> terms_of_destination_rule(const Json& object);
// Whether a destination, or a mirror, names a subset that the rule defines for its host; whether one names
// the Service. Hosts that are meant for it count.
[[nodiscard]] bool names_subset_of(const Json& virtual_service, const Json& rule);
[[nodiscard]] bool names_service_of(const Json& virtual_service, const Json& service);
// Of `spec.hosts` alone.
[[nodiscard]] std::vector<std::string> bound_host_terms(const Json& virtual_service);

}  // namespace weir::routing
