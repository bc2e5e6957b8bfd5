#include "operator/reconcile/divided_since.h"

#include <algorithm>

namespace weir::reconcile {
namespace {

using strategies::Milliseconds;

// An object that nobody knows the age of is older than any wait.
constexpr std::chrono::hours kLongAgo{24};

}  // namespace

Milliseconds DividedSince::note(const kube::Key& release, std::int64_t term,
                                const strategies::RouteState& routes, base::Clock::Steady now) {
  const auto changed = now - std::min<Milliseconds>(routes.age, kLongAgo);
  const std::scoped_lock lock(mutex_);
  const auto [entry, first] = known_.try_emplace(release);
  auto& known = entry->second;
  const bool same =
      !first && known.term == term && known.unmanaged == routes.unmanaged && known.splits == routes.splits;
  if (!same) known = {term, routes.splits, routes.unmanaged, changed};
  known.since = std::min(known.since, changed);
  return std::max(std::chrono::duration_cast<Milliseconds>(now - known.since), routes.age);
}

void DividedSince::forget(const kube::Key& release) {
  const std::scoped_lock lock(mutex_);
  known_.erase(release);
}

}  // namespace weir::reconcile
