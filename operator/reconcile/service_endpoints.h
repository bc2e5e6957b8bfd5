// How many ready endpoints each version has behind the Service that carries a release's traffic, by the
// caches.
#pragma once

#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/source.h"
#include "strategies/plan.h"

namespace weir::reconcile {

// What else tells whose the endpoints are.
struct Behind {
  strategies::Selects selects = strategies::Selects::Other;  // by the Service that clients call
  bool version_services = false;                             // each version has a Service of its own
  int stable_ready = 0;                                      // ready pods; none where there is no workload
  int candidate_ready = 0;
};

struct ReadyEndpoints {
  int stable = 0;
  int candidate = 0;
  // How long half of a version's or more are known to have been ready without a break; of a version whose
  // endpoints nothing tells from others, all that may be its own.
  strategies::Milliseconds stable_age{0};
  strategies::Milliseconds candidate_age{0};
};

// A version's own Service that was taken away, or has no slices yet, says nothing: behind a Service that
// selects both versions, as Dedicated mode's own always does, those that are not the other version's count as
// its, as many as it has ready pods.
[[nodiscard]] ReadyEndpoints ready_endpoints(const Source& source, const TrafficServices& services,
                                             const Behind& behind);

}  // namespace weir::reconcile
