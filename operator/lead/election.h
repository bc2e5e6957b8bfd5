// Leader election: one shard, and of several operators the one that has its Lease holds it. No two ever
// believe to.
#pragma once

#include <chrono>
#include <optional>

#include "operator/base/clock.h"
#include "operator/kube/api.h"
#include "operator/lead/lease.h"
#include "operator/lead/shards.h"

namespace weir::lead {

using kube::Api;
using kube::Result;

// Holds a coordination.k8s.io Lease as client-go does, so that `kubectl get lease` shows the holder.
// Another's lease is over when its record has not changed for its duration by our own monotonic clock: no
// wall clock is believed.
class Election final : public Shards {
 public:
  // `api` and `clock` are the caller's. A request must fail well before the renew deadline (5 s), and must
  // not queue behind others: give the election a client of its own.
  Election(Api& api, const base::Clock& clock, LeaseOptions options, OnChanges on_changes);

  // Tries to get or keep the Lease. The shard is lost as soon as it has seen another hold the Lease, or the
  // renew deadline has passed without a renewal, whatever it is doing meanwhile.
  [[nodiscard]] std::chrono::milliseconds step() override;
  // Gives the Lease back.
  void release() override;

 private:
  [[nodiscard]] std::chrono::milliseconds get_or_keep();
  [[nodiscard]] bool leading() const { return valid() && term_of(0).has_value(); }
  [[nodiscard]] Result<Json> current();
  // Remembers the record, and since when it has been as it is.
  void observe(const Json& lease);
  [[nodiscard]] bool held_by_another(const Json& lease) const;
  [[nodiscard]] Json claimed(const Json& lease) const;
  void won(const Json& lease, base::Clock::Steady asked_at);

  Api& api_;
  const base::Clock& clock_;
  const LeaseOptions options_;
  std::optional<Json> lease_;  // as last seen
  base::Clock::Steady unchanged_since_;
  bool has_led_ = false;
};

}  // namespace weir::lead
