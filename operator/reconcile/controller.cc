#include "operator/reconcile/controller.h"

#include <algorithm>

#include "operator/reconcile/interest.h"
#include "operator/reconcile/kinds.h"
#include "operator/reconcile/orphans.h"

namespace weir::reconcile {
namespace {

// A release that runs is looked at this often even if nothing seems to change: a round over unchanged caches
// writes nothing, and a change that was missed cannot hold a release up for longer. One that has not begun
// has nothing to guard.
constexpr std::chrono::milliseconds kLongestRest{60'000};
constexpr std::chrono::milliseconds kLongestRestWaiting{600'000};
// After a conflict the newer object is on its way.
constexpr std::chrono::milliseconds kConflictRest{20};

}  // namespace

bool Controller::is_urgent(const kube::Key& key) const { return stores_.canaries.has(key, kRollingBack); }

void Controller::changed(const kube::Resource& resource, const kube::Change& change) {
  for (const auto& release : concerned(stores_, resource, change)) wake(release);
}

void Controller::wake(const kube::Key& key) { queue_.add(key, clock_.steady(), is_urgent(key)); }

void Controller::wake_all() {
  for (const auto& due : everything_due(stores_)) wake(due.key);
}

void Controller::start(int threads) {
  for (int i = 0; i < threads; ++i) {
    workers_.emplace_back([this](const std::stop_token& stop) {
      while (const auto key = queue_.take(stop)) work(*key);
    });
  }
}

void Controller::stop() {
  for (auto& worker : workers_) worker.request_stop();
  workers_.clear();
}

bool Controller::step() {
  const auto key = queue_.take_due(clock_.steady());
  if (key) work(*key);
  return key.has_value();
}

void Controller::work(const kube::Key& key) {
  const auto service = admit_ ? leader_of(key, stores_) : std::nullopt;
  const auto admitted = service ? admit_(*service) : nullptr;
  if (service && !admitted) {
    queue_.forget(key);
    return queue_.done(key);
  }
  const auto begin = clock_.steady();
  const auto round = reconciler_.reconcile(key);
  settle(key, round);
  queue_.done(key);
  report_(key, round, clock_.steady() - begin);
}

void Controller::settle(const kube::Key& key, const Round& round) {
  const auto now = clock_.steady();
  if (round.error) {
    const bool conflict = round.error->code == kube::Code::Conflict;
    std::chrono::milliseconds delay = std::max(queue_.failed(key), kConflictRest);
    if (conflict) delay = std::min(delay, kConflictRest * 10);
    if (round.error->retry_after)
      delay = std::max<std::chrono::milliseconds>(delay, *round.error->retry_after);
    return queue_.add(key, now + delay, is_urgent(key));
  }
  queue_.forget(key);
  if (round.wrote) return queue_.add(key, now, is_urgent(key));
  if (!stores_.canaries.has(key, kUnfinished)) {
    // Only its time to live ends by itself, and what leads to what a release has left.
    if (round.requeue_after) queue_.add(key, now + *round.requeue_after);
    return;
  }
  const auto longest = stores_.canaries.has(key, kBegun) ? kLongestRest : kLongestRestWaiting;
  queue_.add(key, now + std::min(round.requeue_after.value_or(longest), longest), is_urgent(key));
}

}  // namespace weir::reconcile
