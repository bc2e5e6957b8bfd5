#include "strategies/outlook.h"

#include <algorithm>

#include "strategies/context.h"

namespace weir::strategies {
namespace {

// Initializing waits so often, one after the other, until every proxy has what the next write relies on: the
// foundation, the divided routes, the selector.
constexpr int kWaitsOfInitializing = 3;

std::optional<TimePoint> samples_from(const Spec& spec, const Status& status) {
  if (status.phase != Phase::Progressing || !status.step_started_at) return std::nullopt;
  return *status.step_started_at + spec.routing.propagation_delay;
}

std::optional<TimePoint> next_check(const Spec& spec, const Status& status) {
  // Samples from before the weight had reached the proxies do not count.
  const auto earliest = samples_from(spec, status);
  if (!earliest) return std::nullopt;
  auto due = *earliest + spec.interval * (status.checks_in_step + 1);
  // After a pause (of the operator, or of the metrics) the next interval begins where the last one that was
  // judged ended: the same traffic is never counted twice (S11).
  if (status.checks_in_step > 0 && !status.checks.empty())
    due = std::max<TimePoint>(due, status.checks.front().time + spec.interval);
  return due;
}

// Each promotion step but the last is held for an interval.
std::optional<TimePoint> promotion_step_over(const Spec& spec, const Status& status) {
  const bool on_step = status.phase == Phase::Promoting && status.canary_weight < Weight::all() &&
                       status.canary_weight > spec.program.steps.back().traffic.candidate;
  if (!on_step || !status.step_started_at) return std::nullopt;
  return *status.step_started_at + spec.interval;
}

// When the progress deadline is over for what has stood still since then. Time in which no operator was there
// is not the release's fault.
TimePoint deadline_after(const Spec& spec, TimePoint since, std::optional<TimePoint> watched_since) {
  return std::max(since, watched_since.value_or(since)) + spec.progress_deadline;
}

// What a phase itself makes the release wait for before there can be any headway. The progress deadline comes
// on top: else no release could end well whose proxies are slow, or whose intervals are long.
Milliseconds own_waits(const Spec& spec, Phase phase) {
  const auto delay = spec.routing.propagation_delay;
  switch (phase) {
    case Phase::Initializing:
      return kWaitsOfInitializing * delay;
    case Phase::Progressing:
    case Phase::Promoting:
      return delay + spec.interval;
    case Phase::Pending:
    case Phase::Finalizing:
    case Phase::Succeeded:
    case Phase::RollingBack:
    case Phase::Failed:
      break;
  }
  return Milliseconds{0};
}

std::optional<TimePoint> deadline(const Spec& spec, const Status& status,
                                  std::optional<TimePoint> watched_since) {
  const bool bounded =
      !is_final(status.phase) && status.phase != Phase::Finalizing && status.phase != Phase::RollingBack;
  // Waiting behind another release, or for a person, takes as long as it takes: nothing has been touched.
  if (!bounded || spec.suspend || !status.last_progress_at || waits_behind_another(status))
    return std::nullopt;
  return deadline_after(spec, *status.last_progress_at, watched_since) + own_waits(spec, status.phase);
}

std::optional<TimePoint> stable_released(const Spec& spec, const Status& status) {
  if (spec.stable.after_promotion == AfterPromotion::Keep || status.phase != Phase::Finalizing ||
      !status.last_transition_time)
    return std::nullopt;
  return *status.last_transition_time + spec.stable.scale_down_delay;
}

}  // namespace

bool waits_behind_another(const Status& status) {
  const auto conflict = std::ranges::find(status.conditions, kConflict, &Condition::type);
  return status.phase == Phase::Pending && conflict != status.conditions.end() &&
         conflict->status == ConditionStatus::True && conflict->reason == kOtherRelease;
}

Outlook outlook(const Spec& spec, const Status& status, std::optional<TimePoint> watched_since) {
  const auto phase_began = status.last_transition_time.value_or(TimePoint{});
  return {.next_check = next_check(spec, status),
          .samples_from = samples_from(spec, status),
          .promotion_step_over = promotion_step_over(spec, status),
          .deadline = deadline(spec, status, watched_since),
          .end_of_phase = deadline_after(spec, phase_began, watched_since),
          .stable_released = stable_released(spec, status)};
}

}  // namespace weir::strategies
