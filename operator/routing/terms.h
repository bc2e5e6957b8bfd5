// By what the objects of routing are found, so that a release reads those that concern it and no others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::routing {

// How the terms of hosts begin.
inline constexpr std::string_view kHostTerms = "host ";
// Finds every release that is not over: what an object without a host of its own may concern.
inline constexpr std::string_view kEveryRelease = "unfinished";

// Finds what has this host, however it is spelt, and what is meant to have it: the reader looks which of them
// the mesh would take for it. `host` as an object of `name_space` writes it. A release is found by the host
// of its Service.
[[nodiscard]] std::string host_term(std::string_view host, std::string_view name_space);

// Leaves one of each term, in order.
void keep_one_of_each(std::vector<std::string>& terms);

}  // namespace weir::routing
