// Keeps every release going: changes in, rounds out.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/store.h"
#include "operator/reconcile/queue.h"
#include "operator/reconcile/reconciler.h"

namespace weir::reconcile {

class Controller {
 public:
  // After each round: the key, what it came to, how long it took.
  using Report = std::function<void(const kube::Key&, const Round&, std::chrono::duration<double>)>;

  // Asked before each round of a release of this Service; what it answers is kept until the round has ended.
  // Null: the release is another process' to work on, and is due here again only when somebody says so.
  using Admission = std::function<std::shared_ptr<void>(const kube::Key& service)>;

  // Borrows all but `report` and `admit`. Without `admit` every release is worked on.
  Controller(Reconciler& reconciler, const kube::Stores& stores, const base::Clock& clock, Report report,
             Admission admit = {})
      : reconciler_(reconciler),
        stores_(stores),
        clock_(clock),
        report_(std::move(report)),
        admit_(std::move(admit)) {}

  // Something of this kind came, changed or went. Thread-safe.
  void changed(const kube::Resource& resource, const kube::Change& change);
  // This release is due for a round now. Thread-safe.
  void wake(const kube::Key& key);

  // Makes every release due; the stores must be synced.
  void wake_all();
  // Starts `threads` workers.
  void start(int threads);
  // Lets rounds that are under way end and starts no other: every release stays resumable.
  void stop();

  // One round of a release that is due now, by the caller's thread; false if none is. What a worker repeats.
  [[nodiscard]] bool step();
  // When `step` next has something to do; empty: not before something changes.
  [[nodiscard]] std::optional<base::Clock::Steady> next_due() const {
    return queue_.next_due(clock_.steady());
  }

  [[nodiscard]] std::size_t depth() const { return queue_.depth(); }

 private:
  void work(const kube::Key& key);
  void settle(const kube::Key& key, const Round& round);
  [[nodiscard]] bool is_urgent(const kube::Key& key) const;

  Reconciler& reconciler_;
  const kube::Stores& stores_;
  const base::Clock& clock_;
  Report report_;
  Admission admit_;
  Queue queue_;
  std::vector<std::jthread> workers_;
};

}  // namespace weir::reconcile
