// What has become of the Service of a release that was promoted.
#pragma once

#include <optional>

#include "operator/base/clock.h"
#include "operator/canary/canary.h"
#include "operator/kube/store.h"
#include "strategies/plan.h"

namespace weir::reconcile {

using kube::Json;

// How its Service stands, with the objects that a repair starts from.
struct PromotedService {
  strategies::Standing standing;
  Json service;
  Json candidate;                                // Deployment; null: it does not exist
  std::optional<strategies::Workload> workload;  // what it says
};

// Of a Canary that was promoted later only its name is told, once: then this release has a successor, and the
// Service is that one's, whether its Canary is still there or not. Empty where there is nothing to look at:
// the release has a successor; the Service and the candidate's version are as the release has left them, and
// nothing else was said; the Service does not exist, and what was said stays; or another release of it is not
// over. A release that an older operator carried out, which recorded no identity, is not looked at either.
[[nodiscard]] std::optional<PromotedService> find_standing(const canary::Canary& release,
                                                           const kube::Stores& stores,
                                                           base::Clock::Steady now);

// The release that was promoted to the Service last; empty: there is none, its Canary is gone, or another one
// is not over.
[[nodiscard]] std::optional<kube::Key> last_promoted(const kube::Key& service, const kube::Stores& stores);

// Whether the Service is that of `other`, a Canary in any form, rather than of the release that was promoted:
// it is not over, or was promoted later; of two at the same time the one whose name comes later counts.
[[nodiscard]] bool takes_over(const Json& other, const canary::Canary& release);

}  // namespace weir::reconcile
