// What a coordination.k8s.io Lease says; nonsense that somebody has written reads as if it were absent.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "operator/base/clock.h"
#include "operator/kube/api.h"

namespace weir::lead {

using kube::Json;

// Empty where there is none.
[[nodiscard]] Json spec_of(const Json& lease);
// Empty: nobody holds it.
[[nodiscard]] std::string holder_of(const Json& lease);
// Whether the holder ran in the same pod before: `beginning` is how the identities of such begin, if that is
// known.
[[nodiscard]] bool is_predecessor(std::string_view holder, std::string_view beginning);
[[nodiscard]] std::int64_t lease_number(const Json& lease, const char* field, std::int64_t otherwise);

// When a lease is over whose record has not changed since then: no wall clock is believed. `otherwise` is the
// duration of a record that does not say its own.
[[nodiscard]] base::Clock::Steady expiry_of(const Json& lease, base::Clock::Steady unchanged_since,
                                            std::chrono::seconds otherwise);
// Whether somebody holds it, and it is not over.
[[nodiscard]] bool is_held(const Json& lease, base::Clock::Steady unchanged_since, base::Clock::Steady now,
                           std::chrono::seconds otherwise);

}  // namespace weir::lead
