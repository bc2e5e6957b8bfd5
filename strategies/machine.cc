#include "strategies/machine.h"

#include <algorithm>

#include "strategies/roads.h"
#include "strategies/turn.h"

namespace weir::strategies {
namespace {

// A new release: by a new Canary, or by another target in one whose release is over.
void begin(Turn& turn) {
  auto& status = turn.status();
  const auto history = std::move(status.history);
  const bool restarted = is_final(status.phase);
  status = Status{.observed_generation = turn.seen.generation,
                  .steps = static_cast<int>(turn.spec.strategy.steps.size()),
                  .target = turn.spec.target.name,
                  .started_at = turn.now,
                  .last_transition_time = turn.now,
                  .last_progress_at = turn.now,
                  .history = history};
  turn.condition(kPromoted, ConditionStatus::Unknown, "Running", "the release is not over");
  turn.record(restarted ? "TargetChanged" : "Created", "release of " + status.target + " begins");
}

void refresh_versions(Turn& turn) {
  const auto refresh = [](VersionStatus& version, const std::optional<Workload>& workload) {
    if (!workload) return;
    version.name = workload->name;
    version.version = workload->version;
    version.replicas = workload->replicas;
    version.ready = workload->ready;
  };
  refresh(turn.status().stable, turn.seen.stable);
  refresh(turn.status().candidate, turn.seen.candidate);
}

void refresh_conditions(Turn& turn) {
  const auto* paused = turn.find(kPaused);
  if (paused != nullptr && paused->status == ConditionStatus::True && !turn.spec.suspend) turn.progressed();
  turn.condition(kPaused, turn.spec.suspend ? ConditionStatus::True : ConditionStatus::False,
                 turn.spec.suspend ? "Suspended" : "Running",
                 turn.spec.suspend ? "spec.suspend is true: the candidate's weight does not rise" : "");

  const auto conflict = std::ranges::find(turn.seen.obstacles, kConflict, &Obstacle::condition);
  const bool conflicts = conflict != turn.seen.obstacles.end();
  turn.condition(kConflict, conflicts ? ConditionStatus::True : ConditionStatus::False,
                 conflicts ? conflict->reason : "NoConflict", conflicts ? conflict->message : "");

  const bool leaks = !turn.seen.not_isolated.empty();
  const auto* isolated = turn.find(kTrafficIsolated);
  if (leaks && (isolated == nullptr || isolated->status != ConditionStatus::False)) {
    turn.event(Severity::Warning, "TrafficNotIsolated", turn.seen.not_isolated.front());
  }
  turn.condition(kTrafficIsolated, leaks ? ConditionStatus::False : ConditionStatus::True,
                 leaks ? "UnmanagedRoutes" : "AllRoutesManaged", leaks ? turn.seen.not_isolated.front() : "");
}

void forget(Turn& turn) {
  if (turn.seen.has_finalizer) turn.act(RemoveFinalizer{});
}

void rest(Turn& turn) {
  auto& status = turn.status();
  if (turn.seen.deleting) return forget(turn);
  if (turn.seen.leftovers) return turn.act(RemoveLeftovers{});
  if (turn.spec.target.name != status.target) {
    begin(turn);
    turn.again_in(Milliseconds{0});
    return;
  }
  forget(turn);
  if (turn.spec.ttl_after_finished && status.last_transition_time) {
    const auto end = *status.last_transition_time + *turn.spec.ttl_after_finished;
    if (turn.now >= end) return turn.act(DeleteCanary{});
    turn.again_at(end);
  }
}

// Before the promotion a release can be taken back for many reasons; afterwards only because a person wants
// it.
bool is_promoted(const Turn& turn) {
  const auto phase = turn.out.status.phase;
  return phase == Phase::Finalizing ||
         (phase == Phase::Promoting && turn.seen.service && turn.seen.service->selects == Selects::Candidate);
}

// What the progress deadline counts from, and how long it allows; empty: this wait is not bounded by it.
std::optional<TimePoint> deadline(const Turn& turn) {
  const auto& status = turn.out.status;
  if (turn.spec.suspend || !status.last_progress_at) return std::nullopt;
  const auto* conflict = turn.find(kConflict);
  const bool conflicts = conflict != nullptr && conflict->status == ConditionStatus::True;
  // Waiting behind another release, or for a person, takes as long as it takes: nothing has been touched.
  if (status.phase == Phase::Pending && conflicts) return std::nullopt;
  auto end = turn.deadline_after(*status.last_progress_at);
  // At a step nothing can be known before its first interval is over.
  if (status.step > 0) end += turn.spec.routing.propagation_delay + turn.spec.interval;
  return end;
}

bool must_return(Turn& turn) {
  const auto& status = turn.status();
  if (status.phase == Phase::RollingBack) return false;
  // After the promotion the way back needs stable: without it there is only the way on.
  if (is_promoted(turn) && !turn.seen.stable) return false;
  if (!turn.seen.rollback_requested.empty()) {
    start_rollback(turn, "RollbackRequested", turn.seen.rollback_requested);
    return true;
  }
  if (turn.seen.deleting && (!is_promoted(turn) || turn.spec.revert_on_deletion)) {
    start_rollback(turn, "CanaryDeleted", "the Canary was deleted");
    return true;
  }
  if (is_promoted(turn)) return false;
  if (turn.spec.target.name != status.target && status.phase != Phase::Pending) {
    start_rollback(turn, "TargetChanged", "spec.targetRef.name is now " + turn.spec.target.name);
    return true;
  }
  const auto end = deadline(turn);
  if (!end) return false;
  if (turn.now < *end) {
    turn.again_at(*end);
    return false;
  }
  // What the status says may be a round old.
  const auto& candidate = turn.seen.candidate;
  const bool unready = status.phase == Phase::Pending && candidate && !candidate->available;
  const auto why =
      unready ? "waiting for " + candidate->name + ": " + pods_ready(*candidate) : status.message;
  start_rollback(turn, "ProgressDeadlineExceeded",
                 "no progress for " + std::to_string(turn.spec.progress_deadline.count()) + " s: " + why);
  return true;
}

// The template that was judged is the one that is promoted (S6, S9): another one starts the evidence afresh.
void restart_if_template_changed(Turn& turn) {
  auto& status = turn.status();
  const auto& candidate = turn.seen.candidate;
  const bool judging = status.phase == Phase::Initializing || status.phase == Phase::Progressing ||
                       status.phase == Phase::Promoting;
  if (!judging || !candidate || is_promoted(turn)) return;
  if (candidate->template_hash == status.candidate.template_hash) return;
  status.candidate.template_hash = candidate->template_hash;
  status.canary_weight = Weight::none();
  status.step = 0;
  status.checks_in_step = 0;
  status.failed_checks = 0;
  status.dead_intervals = 0;
  status.checks.clear();
  status.evidence.clear();
  status.breaker_tripped_at.reset();
  status.step_started_at.reset();
  const std::string message = "the pod template of " + status.target + " changed: the release starts again";
  if (status.phase == Phase::Initializing) {
    turn.progressed();
    turn.event(Severity::Warning, "TemplateChanged", message);
    turn.record("TemplateChanged", message);
  } else {
    turn.enter(Phase::Initializing, "TemplateChanged", message);
  }
}

void run(Turn& turn) {
  if (must_return(turn)) return;
  restart_if_template_changed(turn);
  switch (turn.status().phase) {
    case Phase::Pending:
      return pending(turn);
    case Phase::Initializing:
      return initialize(turn);
    case Phase::Progressing:
      return progress(turn);
    case Phase::Promoting:
      return promote(turn);
    case Phase::Finalizing:
      return finalize(turn);
    case Phase::RollingBack:
      return roll_back(turn);
    case Phase::Succeeded:
    case Phase::Failed:
      return;
  }
}

}  // namespace

bool is_late(Turn& turn) {
  const auto end = turn.deadline_after(turn.status().last_transition_time.value_or(TimePoint{}));
  if (turn.now >= end) return true;
  turn.again_at(end);
  return false;
}

int required_ready(const Workload& other) { return std::max(1, other.ready); }

Decision decide(const Release& release, const Observed& observed, TimePoint now) {
  Turn turn(release, observed, now);
  auto& status = turn.status();
  if (!status.started_at) {
    if (observed.deleting) {
      forget(turn);
      return std::move(turn.out);
    }
    begin(turn);
  }
  if (is_final(status.phase)) {
    rest(turn);
    return std::move(turn.out);
  }
  status.observed_generation = std::max(status.observed_generation, observed.generation);
  if (status.phase == Phase::Pending) {
    status.target = release.spec.target.name;
    if (observed.deleting) {
      forget(turn);
      return std::move(turn.out);
    }
  }
  status.steps = static_cast<int>(release.spec.strategy.steps.size());
  refresh_versions(turn);
  refresh_conditions(turn);
  run(turn);
  return std::move(turn.out);
}

}  // namespace weir::strategies
