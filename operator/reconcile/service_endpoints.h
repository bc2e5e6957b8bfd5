// How many ready endpoints each version has behind the Service that carries a release's traffic, by the
// caches.
#pragma once

#include <string>

#include "operator/base/clock.h"
#include "operator/kube/store.h"
#include "operator/reconcile/endpoints.h"
#include "strategies/plan.h"

namespace weir::reconcile {

// Where and when it is looked.
struct Look {
  std::string name_space;
  base::Clock::Steady now;
};

// Fills in the endpoints of `seen.service`, if there is one, and how long they are known. A version's own
// Service that was taken away, or has no slices yet, says nothing: behind a Service that selects both
// versions, as Dedicated mode's own always does, those that are not the other version's count as its, as many
// as it has ready pods.
void note_endpoints(const TrafficServices& services, bool dedicated, const Look& look,
                    const kube::Stores& stores, strategies::Observed& seen);

}  // namespace weir::reconcile
