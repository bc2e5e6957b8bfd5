// The objects that a release writes: for the fence, which claims them.
#pragma once

#include <vector>

#include "operator/kube/store.h"
#include "operator/lead/fence.h"
#include "operator/reconcile/observe.h"

namespace weir::reconcile {

// All that exist of what the release may write: routes first, then the Canary, then the rest. `reading` is
// the router's.
[[nodiscard]] std::vector<ManagedObject> managed_objects(const Snapshot& snapshot, const kube::Stores& stores,
                                                         const routing::Router::Reading& reading,
                                                         const routing::Router& router);

}  // namespace weir::reconcile
