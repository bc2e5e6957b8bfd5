// By what the objects of routing are found, so that a release reads those that concern it and no others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operator/routing/provider.h"

namespace weir::routing {

// How the terms of hosts and of delegates begin.
inline constexpr std::string_view kHostTerms = "host ";
inline constexpr std::string_view kDelegateTerms = "delegate ";

// Finds what has this host, however it is spelt: among `spec.hosts`, as a destination, or as a rule's host.
// `host` as an object of `name_space` writes it.
[[nodiscard]] std::string host_term(std::string_view host, std::string_view name_space);
// Finds the VirtualServices that delegate to this one.
[[nodiscard]] std::string delegate_term(std::string_view name_space, std::string_view name);
// Finds the DestinationRules of a wildcard host.
inline constexpr std::string_view kWildcardRule = "wildcard rule";

// Leaves one of each term, in order.
void keep_one_of_each(std::vector<std::string>& terms);

[[nodiscard]] std::vector<std::string> terms_of_virtual_service(const Json& object);
[[nodiscard]] std::vector<std::string> terms_of_destination_rule(const Json& object);
// Of `spec.hosts` alone.
[[nodiscard]] std::vector<std::string> bound_host_terms(const Json& virtual_service);

}  // namespace weir::routing
