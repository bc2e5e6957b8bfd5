#include "strategies/outlook.h"

#include <algorithm>

#include "strategies/context.h"

namespace weir::strategies {
namespace {

bool waits_behind_another(const Status& status) {
  const auto conflict = std::ranges::find(status.conditions, kConflict, &Condition::type);
  return status.phase == Phase::Pending && conflict != status.conditions.end() &&
         conflict->status == ConditionStatus::True && conflict->reason == kOtherRelease;
}

std::optional<TimePoint> next_check(const Spec& spec, const Status& status) {
  if (status.phase != Phase::Progressing || !status.step_started_at) return std::nullopt;
  // Samples from before the weight had reached the proxies do not count.
  const auto earliest = *status.step_started_at + spec.routing.propagation_delay;
  auto due = earliest + spec.interval * (status.checks_in_step + 1);
  // After a pause (of the operator, or of the metrics) the next interval begins where the last one that was
  // judged ended: the same traffic is never counted twice (S11).
  if (status.checks_in_step > 0 && !status.checks.empty())
    due = std::max<TimePoint>(due, status.checks.front().time + spec.interval);
  return due;
}

std::optional<TimePoint> deadline(const Spec& spec, const Status& status,
                                  std::optional<TimePoint> watched_since) {
  const bool bounded =
      !is_final(status.phase) && status.phase != Phase::Finalizing && status.phase != Phase::RollingBack;
  // Waiting behind another release, or for a person, takes as long as it takes: nothing has been touched.
  if (!bounded || spec.suspend || !status.last_progress_at || waits_behind_another(status))
    return std::nullopt;
  // Time in which no operator was there is not the release's fault.
  auto end = std::max(*status.last_progress_at, watched_since.value_or(*status.last_progress_at)) +
             Milliseconds{spec.progress_deadline};
  // At a step nothing can be known before its first interval is over.
  if (status.step > 0) end += spec.routing.propagation_delay + spec.interval;
  return end;
}

std::optional<TimePoint> stable_released(const Spec& spec, const Status& status) {
  if (spec.stable.after_promotion == AfterPromotion::Keep || status.phase != Phase::Finalizing ||
      !status.last_transition_time)
    return std::nullopt;
  return *status.last_transition_time + spec.stable.scale_down_delay;
}

}  // namespace

Outlook outlook(const Spec& spec, const Status& status, std::optional<TimePoint> watched_since) {
  return {.next_check = next_check(spec, status),
          .deadline = deadline(spec, status, watched_since),
          .stable_released = stable_released(spec, status)};
}

}  // namespace weir::strategies
