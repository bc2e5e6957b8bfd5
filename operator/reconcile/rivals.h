// Of several releases of one Service: which goes first.
#pragma once

#include <optional>
#include <string>

#include "operator/canary/canary.h"
#include "operator/kube/store.h"

namespace weir::reconcile {

struct Rivals {
  std::optional<strategies::Obstacle> waits_for;  // the release that goes first; empty: this one does
  std::string superseded_by;                      // name of the Canary that takes this one back; empty: none
  bool shares_target = false;                     // that one releases the same workload
};

// Of two releases of one Service the one that has begun goes first, then the older one, unless the newer
// supersedes.
[[nodiscard]] Rivals find_rivals(const canary::Canary& canary, const kube::Stores& stores);

}  // namespace weir::reconcile
