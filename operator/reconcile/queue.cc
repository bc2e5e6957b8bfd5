#include "operator/reconcile/queue.h"

#include <algorithm>

namespace weir::reconcile {
namespace {

constexpr std::chrono::milliseconds kFirstBackOff{50};
constexpr std::chrono::milliseconds kLongestBackOff{5'000};
constexpr int kDoublings = 10;  // of the first back-off, beyond which it is the longest

}  // namespace

void Queue::add(const kube::Key& key, Steady when, bool urgent) {
  const std::scoped_lock lock(mutex_);
  const bool rests = !active_.contains(key);
  const auto [at, added] = entries_.try_emplace(key, Entry{when, urgent});
  auto& entry = at->second;
  if (!added) {
    if (rests) leave(key, entry);
    entry.when = std::min(entry.when, when);
    entry.urgent = entry.urgent || urgent;
  }
  if (!rests) return;
  stand(key, entry);
  changed_.notify_one();
}

void Queue::stand(const kube::Key& key, const Entry& entry) {
  all_.insert(place(key, entry));
  if (entry.urgent) urgent_.insert(place(key, entry));
}

void Queue::leave(const kube::Key& key, const Entry& entry) {
  all_.erase(place(key, entry));
  if (entry.urgent) urgent_.erase(place(key, entry));
}

const Queue::Times::value_type* Queue::next(Steady now) const {
  if (all_.empty()) return nullptr;
  if (!urgent_.empty() && urgent_.begin()->first <= now) return &*urgent_.begin();
  return &*all_.begin();
}

std::optional<kube::Key> Queue::take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    if (auto key = begin_due(now)) return key;
    const auto* first = next(now);
    if (first == nullptr) {
      changed_.wait(lock, stop, [this] { return !all_.empty(); });
      continue;
    }
    const auto when = first->first;
    changed_.wait_until(lock, stop, when,
                        [this, when] { return !all_.empty() && all_.begin()->first < when; });
  }
  return std::nullopt;
}

std::optional<kube::Key> Queue::take_due(Steady now) {
  const std::scoped_lock lock(mutex_);
  return begin_due(now);
}

std::optional<kube::Key> Queue::begin_due(Steady now) {
  const auto* first = next(now);
  if (first == nullptr || first->first > now) return std::nullopt;
  auto key = first->second;
  const auto entry = entries_.find(key);
  leave(key, entry->second);
  entries_.erase(entry);
  active_.insert(key);
  return key;
}

std::optional<Steady> Queue::next_due(Steady now) const {
  const std::scoped_lock lock(mutex_);
  const auto* first = next(now);
  if (first == nullptr) return std::nullopt;
  return first->first;
}

void Queue::done(const kube::Key& key) {
  const std::scoped_lock lock(mutex_);
  if (active_.erase(key) == 0) return;
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return;
  stand(key, entry->second);
  changed_.notify_one();
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
