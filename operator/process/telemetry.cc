#include "operator/process/telemetry.h"

#include <string>

#include "operator/kube/object.h"
#include "operator/report/log.h"
#include "strategies/standing.h"

namespace weir::process {
namespace {

using report::Level;
using report::log_event;

void claimed(const canary::Canary& canary, const lead::ManagedObject& part, const kube::Result<void>& done) {
  const auto what = "claim " + std::string(part.resource.kind) + " " +
                    kube::to_string(kube::key_of(*part.object)) + " against late writes";
  if (done) {
    return log_event(Level::Info, what, {{"canary", canary.name}, {"namespace", canary.name_space}});
  }
  log_event(Level::Warning, what + " failed",
            {{"canary", canary.name}, {"namespace", canary.name_space}, {"error", done.error().message}});
}

}  // namespace

reconcile::Listener Telemetry::listener() {
  return {.on_event = [this](const canary::Canary& canary,
                             const strategies::Event& event) { tell(canary, event); },
          .on_action = [this](const canary::Canary& canary, const strategies::Action& action,
                              const kube::Result<void>& done) { acted(canary, action, done); },
          .on_status = [this](const canary::Canary& before,
                              const strategies::Status& after) { moved(before, after); },
          .on_check =
              [this](const canary::Canary&, const strategies::CheckRequest& request) {
                if (request.judges) metrics_.observe_step_lateness(clock_.wall() - request.due);
              },
          .on_gone = [this](const kube::Key& key) { metrics_.forget_canary(key.name_space, key.name); },
          .on_claim = [](const canary::Canary& canary, const lead::ManagedObject& part,
                         const kube::Result<void>& done) { claimed(canary, part, done); }};
}

void Telemetry::judged(const kube::Key& key, const analysis::Judgement& judgement) {
  for (const auto& warning : judgement.warnings) {
    log_event(Level::Warning, warning, {{"canary", key.name}, {"namespace", key.name_space}});
  }
}

void Telemetry::rounded(const kube::Key& key, const reconcile::Round& round,
                        std::chrono::duration<double> took) {
  metrics_.count_reconcile(!round.error, took);
  if (!round.error || round.error->code == kube::Code::Conflict) return;
  log_event(Level::Warning, "round failed",
            {{"canary", key.name}, {"namespace", key.name_space}, {"error", round.error->message}});
}

void Telemetry::shard_changed(const lead::Shards::Change& change, std::size_t canaries) {
  log_event(Level::Info, change.held ? "shard taken over" : "shard left",
            {{"shard", change.shard},
             {"term", change.term},
             {"canaries", static_cast<std::int64_t>(canaries)},
             {"reason", change.why}});
}

void Telemetry::tell(const canary::Canary& canary, const strategies::Event& event) {
  log_event(event.severity == strategies::Severity::Warning ? Level::Warning : Level::Info, event.message,
            {{"canary", canary.name},
             {"namespace", canary.name_space},
             {"phase", to_string(canary.status.phase)},
             {"step", canary.status.step},
             {"weight", canary.status.canary_weight.percent()},
             {"reason", event.reason}});
  events_.send({canary.name_space, canary.name, canary.uid}, event, clock_.wall());
}

void Telemetry::acted(const canary::Canary& canary, const strategies::Action& action,
                      const kube::Result<void>& done) {
  const auto what = describe(action);
  if (done) {
    return log_event(Level::Info, what, {{"canary", canary.name}, {"namespace", canary.name_space}});
  }
  log_event(Level::Warning, what + " failed",
            {{"canary", canary.name}, {"namespace", canary.name_space}, {"error", done.error().message}});
  // A conflict is the normal way to learn that an object changed; all else a person may have to mend.
  if (done.error().code == kube::Code::Conflict) return;
  events_.send({canary.name_space, canary.name, canary.uid},
               {strategies::Severity::Warning, "WriteFailed", what + ": " + done.error().message},
               clock_.wall());
}

void Telemetry::moved(const canary::Canary& before, const strategies::Status& after) {
  metrics_.set_canary({.name_space = before.name_space,
                       .name = before.name,
                       .target = after.target,
                       .stable = after.stable.name,
                       .phase = after.phase,
                       .weight = after.canary_weight,
                       .undone = strategies::is_undone(after)});
  if (after.checks != before.status.checks) {
    for (const auto& check : after.checks) metrics_.count_check(before.name_space, before.name, check);
  }
  if (strategies::is_final(after.phase) && after.phase != before.status.phase && after.started_at) {
    metrics_.count_release(before.name_space, after.phase == strategies::Phase::Succeeded,
                           clock_.wall() - *after.started_at);
  }
}

}  // namespace weir::process
