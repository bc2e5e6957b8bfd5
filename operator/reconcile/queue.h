// Keys of releases that are due for a round.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <utility>

#include "operator/kube/resource.h"

namespace weir::reconcile {

using Steady = std::chrono::steady_clock::time_point;

// Each key stands in it once, at the earliest time that anybody asked for, and is worked on by one thread at
// a time: a key that becomes due meanwhile comes back when that thread is done. Among keys that are due,
// urgent ones (rollbacks) come first. Thread-safe.
class Queue {
 public:
  // Due at `when`, or earlier if that was asked for already.
  void add(const kube::Key& key, Steady when, bool urgent = false);

  // The next key that is due; waits for one. Empty once `stop` is requested.
  [[nodiscard]] std::optional<kube::Key> take(const std::stop_token& stop);
  // The same without waiting: empty if none is due at `now`.
  [[nodiscard]] std::optional<kube::Key> take_due(Steady now);
  // When the next key that nobody works on is due; empty: none stands in the queue.
  [[nodiscard]] std::optional<Steady> next_due(Steady now) const;

  // Ends the work on a key that `take` gave.
  void done(const kube::Key& key);

  // How long to wait after this many failures in a row: doubles from 50 ms to 5 s.
  [[nodiscard]] static std::chrono::milliseconds back_off(int failures);
  // One more failure of this key: when to try again. `forget` ends the row.
  [[nodiscard]] std::chrono::milliseconds failed(const kube::Key& key);
  void forget(const kube::Key& key);

  [[nodiscard]] std::size_t depth() const;

 private:
  struct Entry {
    Steady when;
    bool urgent = false;
  };
  using Times = std::set<std::pair<Steady, kube::Key>>;

  // The rest is called with the lock held.
  [[nodiscard]] static Times::value_type place(const kube::Key& key, const Entry& entry) {
    return {entry.when, key};
  }
  // An entry of a key that nobody works on takes and leaves its place in the order.
  void stand(const kube::Key& key, const Entry& entry);
  void leave(const kube::Key& key, const Entry& entry);
  // Of the keys that are due the first urgent one, else the one that has waited longest; else the next to
  // become due. Null: none stands in the queue.
  [[nodiscard]] const Times::value_type* next(Steady now) const;
  [[nodiscard]] std::optional<kube::Key> begin_due(Steady now);

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<kube::Key, Entry> entries_;
  // Of keys that nobody works on, by time; the urgent ones once more.
  Times all_;
  Times urgent_;
  std::set<kube::Key> active_;
  std::map<kube::Key, int> failures_;
};

}  // namespace weir::reconcile
