// Whether Istio's proxies divide the requests to a Service of this form at all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operator/routing/istio/isolation.h"

namespace weir::routing {

// What makes a sidecar pass over the release's routes, which only counts where a route applies to sidecars: a
// Service without an address of its own, or a port whose protocol is not that of its routes. Of a release
// that has begun nothing is said.
[[nodiscard]] std::vector<Refusal> form_refusals(const Target& target, const Objects& objects,
                                                 const Managed& managed);
// The Service's ports to which routes of a kind (http, tcp, tls) may apply; none if it is not known.
[[nodiscard]] std::vector<std::int64_t> ports_for(const Objects& objects, const std::string& kind);
// Ports whose protocol Istio guesses from the first bytes.
[[nodiscard]] std::vector<strategies::Warning> form_warnings(const Target& target, const Objects& objects,
                                                             const Managed& managed);

}  // namespace weir::routing
