// What carries out one action: its writes, from the objects of one reading. Pure; what is looked at live
// before they are sent is in live.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "operator/kube/error.h"
#include "operator/kube/store.h"
#include "operator/kube/write.h"
#include "operator/reconcile/observe.h"
#include "strategies/plan.h"

namespace weir::reconcile {

// In the order in which they are sent; a write whose object is as it should be already says nothing new, and
// is not sent. Code::Invalid where the objects don't allow the action. `term`: of an elected leader, which
// signs each Canary that it begins on (epoch.h).
//
// Empty for RemoveLeftovers: each removal needs a look of its own (remove_unused).
[[nodiscard]] kube::Result<std::vector<kube::Write>> writes_of(const strategies::Action& action,
                                                               const Snapshot& snapshot,
                                                               const kube::Stores& stores,
                                                               std::optional<std::int64_t> term);

}  // namespace weir::reconcile
