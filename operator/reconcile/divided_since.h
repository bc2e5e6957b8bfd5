// Since when the destinations that a release divides are as they are.
//
// The object that they stand in may have other routes, of other releases too, and is as young as the last
// change of any of them: whoever counts requests would begin anew with each step of a neighbour.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/resource.h"
#include "strategies/plan.h"

namespace weir::reconcile {

// Kept in memory only: another process, or another term of this one, goes by the age of the objects until the
// destinations change for the first time. Thread-safe.
class DividedSince {
 public:
  // Takes in what was read of a release's routes in this term. How long its own destinations are known to be
  // as they are: `routes.age` at least, the age of their objects.
  [[nodiscard]] strategies::Milliseconds note(const kube::Key& release, std::int64_t term,
                                              const strategies::RouteState& routes, base::Clock::Steady now);
  void forget(const kube::Key& release);

 private:
  struct Known {
    std::int64_t term = 0;
    std::vector<strategies::Split> splits;
    int unmanaged = 0;
    base::Clock::Steady since;
  };

  std::mutex mutex_;
  std::map<kube::Key, Known> known_;
};

}  // namespace weir::reconcile
