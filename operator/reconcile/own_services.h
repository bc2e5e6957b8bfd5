// The Services that a release makes, as the caches have them, and what the Service that clients call is
// beside them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "operator/reconcile/workloads.h"

namespace weir::reconcile {

// Values of the version label: as the release has recorded them, else as its workloads have them, else as its
// status knows them; empty: nobody knows.
struct Versions {
  std::string stable, candidate;

  [[nodiscard]] bool known() const { return !stable.empty() && !candidate.empty(); }
};
[[nodiscard]] Versions versions_of(const canary::Canary& canary,
                                   const std::optional<strategies::Workload>& stable,
                                   const std::optional<strategies::Workload>& candidate);

// What the release divides. Its versions' own Services have names once both versions are known.
[[nodiscard]] routing::Target target_of(const Source& source, const Versions& versions);

struct OwnServices {
  std::vector<Json> wanted;       // what they should be
  std::vector<Json> existing;     // those of them that exist and are this release's
  std::vector<Json> half_signed;  // in the place of some, to which no route leads: to be taken away
  bool as_wanted = false;         // all exist as they should
  std::vector<Json> unused;       // of those that exist: no route leads to them
  // Of the Service that clients call, with what it selects and its endpoints, and as young as the last change
  // of the one that receives traffic.
  std::optional<strategies::ServiceState> service;
  Obstacles obstacles;
};
// Without the Service, or before both versions are known, there are none, and `service` is as it was found.
[[nodiscard]] OwnServices find_own_services(const Source& source, const routing::Target& target,
                                            const FoundService& service, const FoundWorkload& stable,
                                            const FoundWorkload& candidate);

}  // namespace weir::reconcile
