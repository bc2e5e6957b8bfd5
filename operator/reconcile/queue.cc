#include "operator/reconcile/queue.h"

#include <algorithm>

namespace weir::reconcile {
namespace {

constexpr std::chrono::milliseconds kFirstBackOff{50};
constexpr std::chrono::milliseconds kLongestBackOff{30'000};
constexpr int kDoublings = 10;  // of the first back-off, beyond which it is the longest

}  // namespace

void Queue::add(const kube::Key& key, Steady when, bool urgent) {
  const std::scoped_lock lock(mutex_);
  const auto [entry, added] = entries_.try_emplace(key, Entry{when, urgent});
  if (!added) {
    entry->second.when = std::min(entry->second.when, when);
    entry->second.urgent = entry->second.urgent || urgent;
  }
  changed_.notify_one();
}

// Of the keys that are due the first urgent one, else the one that has waited longest; else the next to
// become due.
std::map<kube::Key, Queue::Entry>::const_iterator Queue::next(Steady now) const {
  auto best = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (active_.contains(entry->first)) continue;
    if (best == entries_.end()) {
      best = entry;
      continue;
    }
    const bool due = entry->second.when <= now;
    const bool best_due = best->second.when <= now;
    const bool sooner = entry->second.when < best->second.when;
    const bool first =
        due && best_due && entry->second.urgent != best->second.urgent ? entry->second.urgent : sooner;
    if (first) best = entry;
  }
  return best;
}

std::optional<kube::Key> Queue::take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    if (auto key = begin_due(now)) return key;
    const auto entry = next(now);
    if (entry == entries_.end()) {
      changed_.wait(lock, stop, [this] { return next(Steady{}) != entries_.end(); });
      continue;
    }
    const auto when = entry->second.when;
    changed_.wait_until(lock, stop, when, [this, when] {
      const auto sooner = next(std::chrono::steady_clock::now());
      return sooner != entries_.end() && sooner->second.when < when;
    });
  }
  return std::nullopt;
}

std::optional<kube::Key> Queue::take_due(Steady now) {
  const std::scoped_lock lock(mutex_);
  return begin_due(now);
}

std::optional<kube::Key> Queue::begin_due(Steady now) {
  const auto entry = next(now);
  if (entry == entries_.end() || entry->second.when > now) return std::nullopt;
  auto key = entry->first;
  entries_.erase(entry);
  active_.insert(key);
  return key;
}

std::optional<Steady> Queue::next_due(Steady now) const {
  const std::scoped_lock lock(mutex_);
  const auto entry = next(now);
  if (entry == entries_.end()) return std::nullopt;
  return entry->second.when;
}

void Queue::done(const kube::Key& key) {
  const std::scoped_lock lock(mutex_);
  active_.erase(key);
  changed_.notify_all();
}

std::chrono::milliseconds Queue::back_off(int failures) {
  if (failures > kDoublings) return kLongestBackOff;
  return std::min(kFirstBackOff * (1 << std::max(failures - 1, 0)), kLongestBackOff);
}

std::chrono::milliseconds Queue::failed(const kube::Key& key) {
  const std::scoped_lock lock(mutex_);
  return back_off(++failures_[key]);
}

void Queue::forget(const kube::Key& key) {
  const std::scoped_lock lock(mutex_);
  failures_.erase(key);
}

std::size_t Queue::depth() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

}  // namespace weir::reconcile
