// Progressive traffic shifting: one weight a step, judged every interval.
#include <algorithm>

#include "strategies/roads.h"

namespace weir::strategies {
namespace {

// Two intervals in which none of at least this many requests succeeded end the release at once.
constexpr double kDeadSamples = 20;
constexpr int kDeadIntervals = 2;

std::string steps_text(const Status& status) {
  return std::to_string(status.step) + "/" + std::to_string(status.steps);
}

void take_step(Turn& turn, int step) {
  auto& status = turn.status();
  status.step = step;
  const auto weight = turn.spec.strategy.steps[static_cast<std::size_t>(step) - 1];
  turn.progressed();
  authorise(turn, weight);
  const std::string message =
      "step " + steps_text(status) + ": " + std::to_string(weight.percent()) + " % to " + status.target;
  turn.wait("Analysing", message);
  turn.event(Severity::Normal, "Step", message);
  turn.record("Step", message);
}

bool none_succeeded(const Verdict& verdict) {
  return verdict.all_failed && std::ranges::any_of(verdict.checks, [](const Check& check) {
           return check.samples && *check.samples >= kDeadSamples;
         });
}

// A verdict of another spec, template, step or interval says nothing about this one (S11).
bool speaks_of_now(const Turn& turn, const Verdict& verdict) {
  const auto& status = turn.out.status;
  return verdict.generation == turn.seen.generation &&
         verdict.template_hash == status.candidate.template_hash && verdict.step == status.step &&
         verdict.index == status.checks_in_step + 1 && verdict.step_started_at == status.step_started_at;
}

void note_metrics(Turn& turn, const Verdict& verdict) {
  const bool missing =
      (verdict.outcome == Outcome::Inconclusive && !verdict.undecided) || !verdict.provider_available;
  const auto* before = turn.find(kMetricsAvailable);
  const bool said =
      before != nullptr && before->status == ConditionStatus::False && before->message == verdict.message;
  if (missing && !said) turn.event(Severity::Warning, "CheckInconclusive", verdict.message);
  for (const auto& warning : verdict.warnings) turn.event(Severity::Warning, "AnalysisWarning", warning);
  std::string reason = missing ? "Inconclusive" : "Answered";
  if (!verdict.provider_available) reason = "ProviderError";
  turn.condition(kMetricsAvailable, missing ? ConditionStatus::False : ConditionStatus::True,
                 std::move(reason), missing ? verdict.message : "");
}

void apply(Turn& turn, const Verdict& verdict) {
  auto& status = turn.status();
  status.dead_intervals = none_succeeded(verdict) ? status.dead_intervals + 1 : 0;
  status.checks = verdict.checks;
  if (!verdict.evidence.empty()) status.evidence = verdict.evidence;
  ++status.checks_in_step;
  note_metrics(turn, verdict);
  switch (verdict.outcome) {
    case Outcome::Pass:
      turn.progressed();
      if (status.step < status.steps) return take_step(turn, status.step + 1);
      turn.enter(Phase::Promoting, "AnalysisPassed",
                 "all " + std::to_string(status.steps) + " steps passed: promoting " + status.target);
      return promote(turn);
    case Outcome::Fail: {
      ++status.failed_checks;
      turn.progressed();
      if (verdict.conclusive) return start_rollback(turn, "EvidenceAgainst", verdict.message);
      const std::string message = verdict.message + " (" + std::to_string(status.failed_checks) + " of " +
                                  std::to_string(turn.spec.threshold) + " failed checks)";
      turn.wait("CheckFailed", message);
      turn.event(Severity::Warning, "CheckFailed", message);
      turn.record("CheckFailed", message);
      if (status.dead_intervals >= kDeadIntervals) {
        return start_rollback(turn, "AllRequestsFailed", verdict.message + ", twice in a row");
      }
      if (status.failed_checks >= turn.spec.threshold) start_rollback(turn, "AnalysisFailed", message);
      return;
    }
    case Outcome::Inconclusive:
      return turn.wait(verdict.undecided ? "GatheringEvidence" : "CheckInconclusive", verdict.message);
  }
}

void ask_when_due(Turn& turn) {
  const auto& status = turn.status();
  if (!status.step_started_at) return;
  // Samples from before the weight had reached the proxies do not count.
  const auto earliest = *status.step_started_at + turn.spec.routing.propagation_delay;
  auto due = earliest + turn.spec.interval * (status.checks_in_step + 1);
  // After a pause (of the operator, or of the metrics) the next interval begins where the last one that was
  // judged ended: the same traffic is never counted twice (S11).
  if (status.checks_in_step > 0 && !status.checks.empty())
    due = std::max(due, status.checks.front().time + turn.spec.interval);
  if (turn.now < due) return turn.again_at(due);
  turn.out.check = CheckRequest{.step = status.step,
                                .steps = status.steps,
                                .index = status.checks_in_step + 1,
                                .step_started_at = status.step_started_at,
                                .weight = status.canary_weight,
                                .template_hash = status.candidate.template_hash,
                                .due = due,
                                .earliest = earliest,
                                .window_end = turn.now,
                                .window = turn.spec.interval,
                                .evidence = status.evidence};
}

}  // namespace

void begin_ladder(Turn& turn) { take_step(turn, 1); }

Weight ladder_weight(const Turn& turn) {
  const auto& steps = turn.spec.strategy.steps;
  const auto last = std::min(static_cast<std::size_t>(std::max(turn.out.status.step, 1)), steps.size());
  return steps[last - 1];
}

void authorise(Turn& turn, Weight weight) {
  auto& status = turn.status();
  status.canary_weight = weight;
  status.checks_in_step = 0;
  status.step_started_at = turn.now;
  if (turn.seen.routes) turn.remember(turn.seen.routes->found);
  turn.act(Route{weight});
}

void progress(Turn& turn) {
  look_at_pods(turn);
  if (breaker_acts(turn) || stable_lost(turn) || drift_repaired(turn)) return;
  if (const auto found = turn.blocked()) return turn.hold(found->reason, found->message, Severity::Warning);
  if (turn.spec.suspend) return turn.hold("Suspended", "spec.suspend is true: the weight stays as it is");
  if (turn.seen.verdict && speaks_of_now(turn, *turn.seen.verdict)) {
    apply(turn, *turn.seen.verdict);
    if (turn.status().phase != Phase::Progressing || !turn.out.actions.empty()) return;
  }
  ask_when_due(turn);
}

}  // namespace weir::strategies
