// Leader election: of several operators one works, and no two ever believe to.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "operator/base/clock.h"
#include "operator/kube/api.h"

namespace weir::lead {

using kube::Api;
using kube::Json;
using kube::Key;
using kube::Result;

struct LeaseOptions {
  Key lease;             // of the Lease object
  std::string identity;  // of this process; no other may have it, not even one before it in the same pod
  // How the identities of the processes that ran in this pod before this one begin: they have ended, and
  // their leases with them. Empty: nothing is known of any.
  std::string predecessors;
  std::chrono::seconds duration{15};        // how long others let an unchanged lease stand
  std::chrono::seconds renew_deadline{10};  // how long we believe to lead without a renewal; below `duration`
  std::chrono::seconds retry_period{2};
};

// As what a process leads.
struct Lead {
  std::int64_t term = 0;
  // When that was last confirmed; empty: there is no election, and no other process.
  std::optional<base::Clock::Steady> renewed_at;
};

// Holds a coordination.k8s.io Lease as client-go does, so that `kubectl get lease` shows the holder.
// Another's lease is over when its record has not changed for its duration by our own monotonic clock: no
// wall clock is believed. `leading`, `term` and `leads_in` are thread-safe, `step` and `release` are for one
// thread.
class Election {
 public:
  // `api` and `clock` are the caller's. A request must fail well before the renew deadline (5 s), and must
  // not queue behind others: give the election a client of its own.
  Election(Api& api, const base::Clock& clock, LeaseOptions options);

  // Tries to get or keep the lease; answers how long to wait before the next step.
  [[nodiscard]] std::chrono::milliseconds step();
  // Gives the lease back, so that another need not wait for its end. From here on `leading` is false.
  void release();

  // False as soon as `step` has seen another hold the lease, or the renew deadline has passed without a
  // renewal, whatever `step` is doing meanwhile.
  [[nodiscard]] bool leading() const;
  // Rises each time somebody starts to lead: the epoch of what is written under it. Of the last time we led.
  [[nodiscard]] std::int64_t term() const;
  // As what we lead now; empty: we do not. Asked before each write.
  [[nodiscard]] std::optional<Lead> leads_in() const;

 private:
  [[nodiscard]] Result<Json> current();
  // Remembers the record, and since when it has been as it is.
  void observe(const Json& lease);
  void resign();
  [[nodiscard]] bool held_by_another(const Json& lease) const;
  [[nodiscard]] Json claimed(const Json& lease) const;
  void won(const Json& lease, base::Clock::Steady asked_at);

  Api& api_;
  const base::Clock& clock_;
  const LeaseOptions options_;
  std::optional<Json> lease_;  // as last seen
  base::Clock::Steady unchanged_since_;
  bool has_led_ = false;
  mutable std::mutex mutex_;
  std::optional<base::Clock::Steady> renewed_at_;  // when the last renewal was asked for
  std::int64_t term_ = 0;
};

// Runs an election on a thread of its own until it is destroyed; then the lease is released.
class ElectionThread {
 public:
  // `on_change` is called by that thread whenever `leading` has become another at the end of a step, and for
  // the release. A leader asks `leading` before each write all the same.
  ElectionThread(Election& election, std::function<void(bool leading)> on_change);

 private:
  std::jthread thread_;
};

}  // namespace weir::lead
