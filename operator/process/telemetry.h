// What a process tells of its work: log lines, metrics and Events.
#pragma once

#include <chrono>
#include <cstddef>

#include "analysis/judge.h"
#include "operator/base/clock.h"
#include "operator/lead/shards.h"
#include "operator/process/event_sender.h"
#include "operator/reconcile/reconciler.h"
#include "operator/report/metrics.h"

namespace weir::process {

// Thread-safe.
class Telemetry {
 public:
  // All are the caller's.
  Telemetry(report::Metrics& metrics, EventSender& events, const base::Clock& clock)
      : metrics_(metrics), events_(events), clock_(clock) {}

  // Lives no longer than this object.
  [[nodiscard]] reconcile::Listener listener();
  static void judged(const kube::Key& key, const analysis::Judgement& judgement);
  void rounded(const kube::Key& key, const reconcile::Round& round, std::chrono::duration<double> took);
  // `canaries`: how many are in the shard.
  static void shard_changed(const lead::Shards::Change& change, std::size_t canaries);

 private:
  void tell(const canary::Canary& canary, const strategies::Event& event);
  void acted(const canary::Canary& canary, const strategies::Action& action, const kube::Result<void>& done);
  void moved(const canary::Canary& before, const strategies::Status& after);

  report::Metrics& metrics_;
  EventSender& events_;
  const base::Clock& clock_;
};

}  // namespace weir::process
