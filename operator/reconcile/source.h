// What one observation of a release reads from. Each part of it is a function of this, and of the parts
// before it, that answers a value (observe.cc puts them together).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "operator/base/clock.h"
#include "operator/canary/canary.h"
#include "operator/kube/store.h"
#include "operator/reconcile/observe.h"
#include "operator/routing/provider.h"
#include "strategies/context.h"

namespace weir::reconcile {

// Borrows everything, for as long as the observation takes.
struct Source {
  const canary::Canary& canary;
  const kube::Stores& stores;
  const routing::Router& router;
  base::Clock::Steady now;
  const Means& means;

  [[nodiscard]] const std::string& name_space() const { return canary.name_space; }
  [[nodiscard]] const strategies::Spec& spec() const { return canary.spec; }
  [[nodiscard]] bool is_pending() const { return canary.status.phase == strategies::Phase::Pending; }
};

using Obstacles = std::vector<strategies::Obstacle>;

[[nodiscard]] inline strategies::Obstacle obstacle_to_progress(std::string reason, std::string message) {
  return {std::string(strategies::kProgressing), std::move(reason), std::move(message)};
}

}  // namespace weir::reconcile
