// How Leases (coordination.k8s.io) are held, and what they say; nonsense that somebody has written reads as
// if it were absent.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "operator/base/clock.h"
#include "operator/kube/api.h"

namespace weir::lead {

using kube::Json;
using kube::Key;

struct LeaseOptions {
  Key lease;             // of the one shard's Lease; with several, its name begins those of all Leases
  int shards = 1;        // that the releases are divided into: all processes of a cluster must have the same
  std::string identity;  // of this process; no other may have it, not even one before it in the same pod
  // How the identities of the processes that ran in this pod before this one begin: they have ended, and
  // their leases with them. Empty: nothing is known of any.
  std::string predecessors;
  std::chrono::seconds duration{15};        // how long others let an unchanged lease stand
  std::chrono::seconds renew_deadline{10};  // how long we believe to lead without a renewal; below `duration`
  std::chrono::seconds retry_period{2};
};

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
