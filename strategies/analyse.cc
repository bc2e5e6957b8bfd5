// Through the steps: each is judged every interval until it has passed.
#include <algorithm>

#include "strategies/phases.h"

namespace weir::strategies {
namespace {

// Two intervals in which none of at least this many requests succeeded end the release at once.
constexpr double kDeadSamples = 20;
constexpr int kDeadIntervals = 2;

std::string steps_text(const Status& status) {
  return std::to_string(status.step) + "/" + std::to_string(status.steps);
}

Next take_step(Context& context, int step) {
  auto& status = context.status();
  status.step = step;
  const auto weight = context.spec.program.steps[static_cast<std::size_t>(step) - 1].traffic.candidate;
  context.progressed();
  const auto next = authorise(context, weight);
  const std::string message =
      "step " + steps_text(status) + ": " + std::to_string(weight.percent()) + " % to " + status.target;
  context.say("Analysing", message);
  context.event(Severity::Normal, "Step", message);
  context.record("Step", message);
  return next;
}

// The step that the release stands on; its last one, if the program became shorter.
const Step& step_of(const Context& context) {
  const auto& steps = context.spec.program.steps;
  const auto step = std::min(static_cast<std::size_t>(std::max(context.status().step, 1)), steps.size());
  return steps[step - 1];
}

bool none_succeeded(const Verdict& verdict) {
  return verdict.all_failed && std::ranges::any_of(verdict.checks, [](const Check& check) {
           return check.samples && *check.samples >= kDeadSamples;
         });
}

// A verdict of another spec, template, step or interval says nothing about this one (S11).
bool speaks_of_now(const Context& context, const Verdict& verdict) {
  const auto& status = context.out.status;
  return verdict.judges && verdict.generation == context.seen.generation &&
         verdict.template_hash == status.candidate.template_hash && verdict.step == status.step &&
         verdict.index == status.checks_in_step + 1 && verdict.step_started_at == status.step_started_at;
}

void note_metrics(Context& context, const Verdict& verdict) {
  const bool missing =
      (verdict.outcome == Outcome::Inconclusive && !verdict.undecided) || !verdict.provider_available;
  const auto* before = context.find(kMetricsAvailable);
  const bool said =
      before != nullptr && before->status == ConditionStatus::False && before->message == verdict.message;
  if (missing && !said) context.event(Severity::Warning, std::string(kCheckInconclusive), verdict.message);
  for (const auto& warning : verdict.warnings) context.event(Severity::Warning, "AnalysisWarning", warning);
  // What was known of the metrics before is still what is known of them.
  if (!missing && verdict.too_early) return;
  std::string reason = missing ? "Inconclusive" : "Answered";
  if (!verdict.provider_available) reason = "ProviderError";
  context.condition(kMetricsAvailable, missing ? ConditionStatus::False : ConditionStatus::True,
                    std::move(reason), missing ? verdict.message : "");
}

Next await_followers(Context& context, const Verdict& verdict) {
  const auto follows = check_followers(context, verdict);
  if (follows == Follows::Yes) return Next::Done;
  if (follows == Follows::Unknown) context.say(std::string(kGatheringEvidence), verdict.tally.message);
  return Next::Wait;
}

// `held`: the judge goes on, and only rises wait. Then what holds the release is what is said of it, and no
// verdict counts as progress.
Next apply(Context& context, const Verdict& verdict, bool held) {
  auto& status = context.status();
  status.dead_intervals = none_succeeded(verdict) ? status.dead_intervals + 1 : 0;
  status.checks = verdict.checks;
  if (!verdict.evidence.empty()) status.evidence = verdict.evidence;
  ++status.checks_in_step;
  note_metrics(context, verdict);
  switch (verdict.outcome) {
    case Outcome::Pass:
      if (held || await_followers(context, verdict) != Next::Done) return Next::Done;
      context.progressed();
      if (status.iterations + 1 < step_of(context).passes) {
        ++status.iterations;
        return Next::Done;
      }
      status.iterations = 0;
      if (status.step < status.steps) return take_step(context, status.step + 1);
      context.enter(Phase::Promoting, "AnalysisPassed",
                    "all " + std::to_string(status.steps) + " steps passed: promoting " + status.target);
      return promote(context);
    case Outcome::Fail: {
      ++status.failed_checks;
      if (!held) context.progressed();
      if (verdict.conclusive) return start_rollback(context, "EvidenceAgainst", verdict.message);
      const std::string message = verdict.message + " (" + std::to_string(status.failed_checks) + " of " +
                                  std::to_string(context.spec.threshold) + " failed checks)";
      if (!held) context.say("CheckFailed", message);
      context.event(Severity::Warning, "CheckFailed", message);
      context.record("CheckFailed", message);
      if (status.dead_intervals >= kDeadIntervals) {
        return start_rollback(context, "AllRequestsFailed", verdict.message + ", twice in a row");
      }
      if (status.failed_checks >= context.spec.threshold)
        return start_rollback(context, "AnalysisFailed", message);
      return Next::Done;
    }
    case Outcome::Inconclusive:
      if (held || check_followers(context, verdict) == Follows::No) return Next::Done;
      context.say(std::string(verdict.undecided ? kGatheringEvidence : kCheckInconclusive), verdict.message);
      return Next::Done;
  }
  return Next::Done;
}

// Whether it takes the release to a step with more traffic.
bool leads_to_a_rise(const Context& context, const Verdict& verdict) {
  const auto& status = context.out.status;
  return verdict.outcome == Outcome::Pass && status.step < status.steps &&
         status.iterations + 1 >= step_of(context).passes;
}

// Of a rise for which proxies are not ready. That is soon over, unless what they need keeps changing: then
// the verdict counts as one of those that take no step, and the next interval is judged.
Next await_proxies(Context& context, const Verdict& verdict) {
  const auto end = verdict.window_end + context.spec.interval;
  if (context.now >= end) return apply(context, verdict, /*held=*/true);
  context.again_at(end);
  return context.wait_for_rise();
}

Next ask_when_due(Context& context) {
  const auto& status = context.status();
  const auto next = context.outlook();
  if (!next.next_check || !next.samples_from) return Next::Wait;
  if (context.now < *next.next_check) return context.wait_until(*next.next_check);
  context.out.check = CheckRequest{.step = status.step,
                                   .steps = status.steps,
                                   .index = status.checks_in_step + 1,
                                   .step_started_at = status.step_started_at,
                                   .weight = status.canary_weight,
                                   .template_hash = status.candidate.template_hash,
                                   .due = *next.next_check,
                                   .earliest = *next.samples_from,
                                   .window_end = context.now,
                                   .window = context.spec.interval,
                                   .evidence = status.evidence,
                                   .counts = why_not_counted(context).empty(),
                                   .only_trusted = !context.seen.not_isolated_untrusted.empty()};
  return Next::Wait;
}

}  // namespace

Next begin_stages(Context& context) { return take_step(context, 1); }

Weight step_weight(const Context& context) { return step_of(context).traffic.candidate; }

Next authorise(Context& context, Weight weight) {
  auto& status = context.status();
  status.canary_weight = weight;
  status.checks_in_step = 0;
  status.iterations = 0;
  status.step_started_at = context.now;
  if (context.seen.routes) context.remember(context.seen.routes->found);
  return context.act(Route{{weight}});
}

Next progress(Context& context) {
  look_at_pods(context);
  for (const auto guard : {restore_own_services, guard_candidate, guard_stable, repair_drift}) {
    if (const auto next = guard(context); next != Next::Done) return next;
  }
  const auto obstacle = context.blocked();
  const bool held = obstacle || context.spec.suspend;
  if (context.seen.verdict && speaks_of_now(context, *context.seen.verdict)) {
    const auto& verdict = *context.seen.verdict;
    const bool waits = !held && leads_to_a_rise(context, verdict) && context.settle_for_rise() != Next::Done;
    const auto next = waits ? await_proxies(context, verdict) : apply(context, verdict, held);
    if (next != Next::Done) return next;
  }
  if (obstacle) {
    context.say_held(obstacle->reason, obstacle->message, Severity::Warning);
  } else if (context.spec.suspend) {
    context.say_held("Suspended", "spec.suspend is true: the weight does not rise; failed checks count (" +
                                      std::to_string(context.status().failed_checks) + " of " +
                                      std::to_string(context.spec.threshold) + ")");
  }
  return ask_when_due(context);
}

}  // namespace weir::strategies
