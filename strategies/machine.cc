#include "strategies/machine.h"

#include <algorithm>

#include "strategies/phases.h"

namespace weir::strategies {
namespace {

// How often it is looked whether a route still leads to what a release that is over has left.
constexpr Seconds kLookAtLeftovers{15};

// What status says of a time later than now was written by a clock that was ahead. It counts from now on:
// else no wait would be over before that time has come (L3).
void count_from_now(Context& context) {
  auto& status = context.status();
  const auto is_ahead = [&](TimePoint time) { return time > context.now + kClocksApart; };
  const bool judged = status.phase == Phase::Progressing && status.checks_in_step > 0 &&
                      !status.checks.empty() && is_ahead(status.checks.front().time);
  if (judged) start_step_afresh(context);
  for (auto* time : {&status.started_at, &status.step_started_at, &status.last_transition_time,
                     &status.last_progress_at, &status.breaker_tripped_at}) {
    if (*time && is_ahead(**time)) *time = context.now;
  }
  for (auto& condition : status.conditions) {
    if (is_ahead(condition.last_transition_time)) condition.last_transition_time = context.now;
  }
}

// A new release: by a new Canary, or by another target in one whose release is over.
void begin(Context& context) {
  auto& status = context.status();
  const auto history = std::move(status.history);
  const bool restarted = is_final(status.phase);
  status = Status{.observed_generation = context.seen.generation,
                  .steps = static_cast<int>(context.spec.program.steps.size()),
                  .target = context.spec.target.name,
                  .started_at = context.now,
                  .last_transition_time = context.now,
                  .last_progress_at = context.now,
                  .history = history};
  context.condition(kPromoted, ConditionStatus::Unknown, "Running", "the release is not over");
  context.record(restarted ? "TargetChanged" : "Created", "release of " + status.target + " begins");
}

void refresh_versions(Context& context) {
  const bool recorded = context.status().identity.has_value();
  const auto refresh = [recorded](VersionStatus& version, const std::optional<Workload>& workload) {
    if (!workload) return;
    version.name = workload->name;
    if (!recorded) version.version = workload->version;
    version.replicas = workload->replicas;
    version.ready = workload->ready;
  };
  refresh(context.status().stable, context.seen.stable);
  refresh(context.status().candidate, context.seen.candidate);
}

// No step is taken for what was judged before.
void resume(Context& context) {
  context.progressed();
  if (context.status().phase == Phase::Progressing) start_step_afresh(context);
  context.event(Severity::Normal, "Resumed", "spec.suspend is false: the release goes on");
}

// Sentences as one, of many only the first.
std::string joined(const std::vector<std::string>& sentences) {
  constexpr std::size_t kSaid = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(sentences.size(), kSaid); ++i)
    text += (i > 0 ? "; " : "") + sentences[i];
  if (sentences.size() > kSaid) text += "; and " + std::to_string(sentences.size() - kSaid) + " more";
  return text;
}

void refresh_conditions(Context& context) {
  const auto* paused = context.find(kPaused);
  if (paused != nullptr && paused->status == ConditionStatus::True && !context.spec.suspend) resume(context);
  context.condition(kPaused, context.spec.suspend ? ConditionStatus::True : ConditionStatus::False,
                    context.spec.suspend ? "Suspended" : "Running",
                    context.spec.suspend ? "spec.suspend is true: the candidate's weight does not rise" : "");

  const auto conflict = std::ranges::find(context.seen.obstacles, kConflict, &Obstacle::condition);
  const bool conflicts = conflict != context.seen.obstacles.end();
  const bool waited = waits_behind_another(context.status());
  context.condition(kConflict, conflicts ? ConditionStatus::True : ConditionStatus::False,
                    conflicts ? conflict->reason : "NoConflict", conflicts ? conflict->message : "");
  // The deadline is of its own work, which begins now.
  if (waited && !waits_behind_another(context.status())) context.progressed();

  auto leaking = context.seen.not_isolated;
  std::ranges::copy(context.seen.not_isolated_untrusted, std::back_inserter(leaking));
  const auto leaks = joined(leaking);
  const auto* isolated = context.find(kTrafficIsolated);
  if (!leaks.empty() && (isolated == nullptr || isolated->message != leaks)) {
    context.event(Severity::Warning, "TrafficNotIsolated", leaks);
  }
  context.condition(kTrafficIsolated, leaks.empty() ? ConditionStatus::True : ConditionStatus::False,
                    leaks.empty() ? "AllRoutesManaged" : "UnmanagedRoutes", leaks);
}

void let_go(Context& context) {
  if (context.seen.has_finalizer) (void)context.act(LetGo{});
}

// Of a release that is over.
void stay_over(Context& context) {
  auto& status = context.status();
  if (context.seen.deleting) return let_go(context);
  if (context.seen.leftovers) return (void)context.act(RemoveLeftovers{});
  if (context.seen.leftovers_wait) context.again_in(kLookAtLeftovers);
  // What a person asked of this release is not asked of the next one.
  if (!context.seen.rollback_requested.empty()) return (void)context.act(LetGo{});
  if (context.spec.target.name != status.target) {
    begin(context);
    context.again_in(Milliseconds{0});
    return;
  }
  let_go(context);
  if (context.spec.ttl_after_finished && status.last_transition_time) {
    const auto end = *status.last_transition_time + *context.spec.ttl_after_finished;
    if (context.now >= end) return (void)context.act(DeleteCanary{});
    context.again_at(end);
  }
  keep_promoted(context);
}

// Before the promotion a release can be taken back for many reasons; afterwards only because a person wants
// it.
bool is_promoted(const Context& context) {
  const auto phase = context.out.status.phase;
  return phase == Phase::Finalizing || (phase == Phase::Promoting && context.seen.service &&
                                        context.seen.service->selects == Selects::Candidate);
}

// Its spec or its candidate no longer agrees with what it is: it is undone as what it was. Afterwards only
// the candidate's label counts, since without it nothing would answer.
std::string departure(const Context& context) {
  if (!context.status().identity) return {};
  auto relabelled = context.relabelled(context.seen.candidate, &Identity::candidate_version);
  if (!relabelled.empty()) return relabelled + ": another version is another release's";
  if (is_promoted(context) || context.seen.departures.empty()) return {};
  return context.seen.departures.front();
}

// All that the release was about is gone, as when its namespace is deleted: no wait for any of it may keep
// the Canary, and with it the namespace.
bool has_nothing_left(const Context& context) {
  const auto& seen = context.seen;
  const bool leaves = seen.deleting || seen.namespace_ending;
  return leaves && !seen.service && !seen.routes && !seen.stable && !seen.candidate;
}

// Where the deadline ended a step whose last interval had no verdict because it held too few scrapes: the
// remedy. Empty where something else held the step.
std::string window_remedy(const Context& context) {
  const auto* progressing = context.find(kProgressing);
  const bool held_by_checks =
      context.status().phase == Phase::Progressing && progressing != nullptr &&
      (progressing->reason == kCheckInconclusive || progressing->reason == kGatheringEvidence);
  const bool too_short = std::ranges::any_of(context.status().checks, [](const Check& check) {
    return check.outcome == Outcome::Inconclusive && check.reason == "WindowTooShort";
  });
  if (!held_by_checks || !too_short) return {};
  return "; spec.progressDeadlineSeconds ends the step before it is old enough to hold two scrapes: raise "
         "it, or raise spec.analysis.interval to two scrapes";
}

// Takes the release back for reasons that are the same in all phases.
Next return_if_due(Context& context) {
  const auto& status = context.status();
  if (status.phase == Phase::RollingBack) return Next::Done;
  if (has_nothing_left(context)) {
    return start_rollback(context, "CanaryDeleted",
                          "all that this release divided was deleted with the Canary");
  }
  if (context.seen.namespace_ending && !is_promoted(context))
    return start_rollback(context, "NamespaceDeleted", "the namespace is being deleted");
  // After the promotion the way back needs stable: without it there is only the way on.
  if (is_promoted(context) && !context.seen.stable) return Next::Done;
  if (!context.seen.rollback_requested.empty()) {
    return start_rollback(context, "RollbackRequested", context.seen.rollback_requested);
  }
  if (context.seen.deleting && (!is_promoted(context) || context.spec.revert_on_deletion)) {
    return start_rollback(context, "CanaryDeleted", "the Canary was deleted");
  }
  if (auto why = departure(context); !why.empty()) return start_rollback(context, "IdentityChanged", why);
  if (is_promoted(context)) return Next::Done;
  if (context.spec.target.name != status.target && status.phase != Phase::Pending) {
    return start_rollback(context, "TargetChanged", "spec.targetRef.name is now " + context.spec.target.name);
  }
  const auto end = context.outlook().deadline;
  if (!end) return Next::Done;
  if (context.now < *end) {
    context.again_at(*end);
    return Next::Done;
  }
  // What the status says may be a round old.
  const auto& candidate = context.seen.candidate;
  const bool unready = status.phase == Phase::Pending && candidate && !candidate->available;
  const auto why =
      unready ? "waiting for " + candidate->name + ": " + pods_ready(*candidate) : status.message;
  return start_rollback(context, "ProgressDeadlineExceeded",
                        "no progress for " + std::to_string(context.spec.progress_deadline.count()) +
                            " s: " + why + window_remedy(context));
}

// The template that was judged is the one that is promoted (S6, S9): another one starts the evidence afresh.
void restart_if_template_changed(Context& context) {
  auto& status = context.status();
  const auto& candidate = context.seen.candidate;
  const bool judging = status.phase == Phase::Initializing || status.phase == Phase::Progressing ||
                       status.phase == Phase::Promoting;
  if (!judging || !candidate || is_promoted(context)) return;
  if (candidate->template_hash == status.candidate.template_hash) return;
  status.candidate.template_hash = candidate->template_hash;
  status.canary_weight = Weight::none();
  status.step = 0;
  status.checks_in_step = 0;
  status.iterations = 0;
  status.failed_checks = 0;
  status.dead_intervals = 0;
  status.checks.clear();
  status.evidence.clear();
  status.breaker_tripped_at.reset();
  status.step_started_at.reset();
  const std::string message = "the pod template of " + status.target + " changed: the release starts again";
  if (status.phase == Phase::Initializing) {
    context.progressed();
    context.event(Severity::Warning, "TemplateChanged", message);
    context.record("TemplateChanged", message);
  } else {
    context.enter(Phase::Initializing, "TemplateChanged", message);
  }
}

Next run(Context& context) {
  if (const auto next = return_if_due(context); next != Next::Done) return next;
  restart_if_template_changed(context);
  switch (context.status().phase) {
    case Phase::Pending:
      return pending(context);
    case Phase::Initializing:
      return initialize(context);
    case Phase::Progressing:
      return progress(context);
    case Phase::Promoting:
      return promote(context);
    case Phase::Finalizing:
      return finalize(context);
    case Phase::RollingBack:
      return roll_back(context);
    case Phase::Succeeded:
    case Phase::Failed:
      break;
  }
  return Next::Done;
}

}  // namespace

int required_ready(const Workload& other) { return std::max(1, other.ready); }

Decision decide(const Release& release, const Observed& observed, TimePoint now) {
  Context context(release, observed, now);
  auto& status = context.status();
  if (!status.started_at) {
    if (observed.deleting) {
      let_go(context);
      return std::move(context.out);
    }
    begin(context);
  }
  if (is_final(status.phase)) {
    stay_over(context);
    return std::move(context.out);
  }
  count_from_now(context);
  status.observed_generation = std::max(status.observed_generation, observed.generation);
  if (status.phase == Phase::Pending) {
    status.target = release.spec.target.name;
    if (observed.deleting) {
      let_go(context);
      return std::move(context.out);
    }
  }
  status.steps = static_cast<int>(release.spec.program.steps.size());
  refresh_versions(context);
  refresh_conditions(context);
  (void)run(context);
  return std::move(context.out);
}

}  // namespace weir::strategies
