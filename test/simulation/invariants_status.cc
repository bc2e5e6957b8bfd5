// S6, S8, S9, S11, S12, S13 and S16: what the status of a Canary may say after what it said before.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

#include "operator/kube/object.h"
#include "test/simulation/invariants_checks.h"

namespace weir::simulation::checks {
namespace {

constexpr std::size_t kHistoryKept = 20;
// Requests take a moment, and the clock's ticks are not those of the intervals.
constexpr Millis kEarly{1'000};

using Edge = std::pair<std::string_view, std::string_view>;
constexpr std::array<Edge, 16> kGraph{{{"Pending", "Initializing"},
                                       {"Pending", "RollingBack"},
                                       {"Initializing", "Progressing"},
                                       {"Initializing", "Promoting"},
                                       {"Initializing", "RollingBack"},
                                       {"Progressing", "Initializing"},
                                       {"Progressing", "Promoting"},
                                       {"Progressing", "RollingBack"},
                                       {"Promoting", "Initializing"},
                                       {"Promoting", "Finalizing"},
                                       {"Promoting", "RollingBack"},
                                       {"Finalizing", "Succeeded"},
                                       {"Finalizing", "RollingBack"},
                                       {"RollingBack", "Failed"},
                                       {"Succeeded", "Pending"},
                                       {"Failed", "Pending"}}};

const Json& history_of(const Json& status) { return member(status, "/history"); }

std::int64_t last_sequence(const Json& status) {
  const auto& history = history_of(status);
  return history.empty() ? 0 : number(history.back(), "/sequence");
}

// Every phase that one write went through.
std::vector<std::string> path_of(const Release& before, const Release& after, const Json& old_status,
                                 const Json& new_status) {
  std::vector<std::string> path{before.phase.empty() ? "Pending" : before.phase};
  const auto enter = [&](const std::string& phase) {
    if (!phase.empty() && phase != path.back()) path.push_back(phase);
  };
  const auto last = last_sequence(old_status);
  for (const auto& entry : history_of(new_status)) {
    if (number(entry, "/sequence") > last) enter(text(entry, "/phase"));
  }
  enter(after.phase);
  return path;
}

bool enters(const std::vector<std::string>& path, std::string_view from, std::string_view to) {
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (path[i - 1] == from && path[i] == to) return true;
  }
  return false;
}

bool all_passed(const Json& checks) {
  return checks.is_array() &&
         std::ranges::all_of(checks, [](const Json& check) { return text(check, "/verdict") == "Pass"; });
}

std::optional<Millis> latest_time(const Json& checks) {
  std::optional<Millis> latest;
  for (const auto& check : checks) {
    if (const auto time = time_of(text(check, "/time"))) latest = std::max(latest.value_or(*time), *time);
  }
  return latest;
}

}  // namespace

void StatusChecks::report(const Write& write, const char* name, const std::string& message) {
  context_.findings.add(write.change.at, name, "Canary " + write.after.key.name + ": " + message);
}

void StatusChecks::saw(const Change& change) {
  if (change.resource.kind == kube::kServices.kind) return check_promotion(change);
  if (change.resource.kind != kube::kCanaries.kind) return;
  if (change.before.is_null() || change.after.is_null() || !change.status) return;
  const auto& old_status = member(change.before, "/status");
  const auto& new_status = member(change.after, "/status");
  Write write{change, read_release(change.before), read_release(change.after), old_status, new_status, {}};
  write.path = path_of(write.before, write.after, old_status, new_status);
  const auto& before = write.before;
  const auto& after = write.after;

  if (after.observed_generation < before.observed_generation)
    report(write, "S12",
           fmt::format("observedGeneration falls from {} to {}", before.observed_generation,
                       after.observed_generation));
  if (after.observed_generation > after.generation)
    report(
        write, "S12",
        fmt::format("observedGeneration is {}, generation {}", after.observed_generation, after.generation));
  const bool rises = after.weight > before.weight;
  if (before.phase == "RollingBack" && after.phase == "RollingBack" && rises)
    report(write, "S7",
           fmt::format("canaryWeight rises from {} to {} in a rollback", before.weight, after.weight));
  if (!before.identity.empty() && !after.over() && before.identity != after.identity)
    report(write, "S17", "status.identity changes from " + before.identity + " to " + after.identity);
  // A selector that names the candidate already has moved everything.
  if (before.suspended && rises && after.phase != "Finalizing")
    report(write, "S16",
           fmt::format("canaryWeight rises from {} to {} while spec.suspend is true", before.weight,
                       after.weight));
  auto& evidence = evidence_[after.uid];
  check_history(write);
  check_phases(write);
  check_restart(write);
  check_verdict(write, evidence);
  check_steps(write, evidence);
  check_others(write);
  if (after.template_hash != before.template_hash) {
    const auto* workload = context_.known.workload(after.target);
    evidence.judged.clear();
    if (workload != nullptr) {
      evidence.judged.push_back(workload->pod_template);
      if (workload->template_since >= change.at - context_.expectations.reading_age)
        evidence.judged.push_back(workload->template_before);
    }
  }
  if (text(old_status, "/stepStartedAt") != text(new_status, "/stepStartedAt")) evidence.step_at = change.at;
}

// ---- S8 ----

void StatusChecks::check_history(const Write& write) {
  const auto& before = history_of(write.old_status);
  const auto& after = history_of(write.new_status);
  auto sequence = last_sequence(write.old_status);
  std::size_t added = 0;
  for (const auto& entry : after) {
    const auto now = number(entry, "/sequence");
    if (now > sequence) {
      if (now != ++sequence) {
        report(write, "S8", fmt::format("history goes on with sequence {}, not {}", now, sequence));
        sequence = now;
      }
      ++added;
      if (text(entry, "/reason").empty())
        report(write, "S8", fmt::format("entry {} of history has no reason", now));
      continue;
    }
    if (std::ranges::find(before, entry) == before.end())
      report(write, "S8", fmt::format("entry {} of history was changed or made late", now));
  }
  const auto expected = std::min(before.size() + added, kHistoryKept);
  if (after.size() != expected)
    report(write, "S8", fmt::format("history has {} entries, not {}", after.size(), expected));
}

// ---- S9 ----

void StatusChecks::check_phases(const Write& write) {
  for (std::size_t i = 1; i < write.path.size(); ++i) {
    const Edge edge{write.path[i - 1], write.path[i]};
    if (std::ranges::find(kGraph, edge) == kGraph.end())
      report(write, "S9", fmt::format("phase {} follows {}", edge.second, edge.first));
  }
}

// Another pod template takes the weight to 0 and starts the evidence afresh.
void StatusChecks::check_restart(const Write& write) {
  const auto& before = write.before;
  const auto& after = write.after;
  if (before.template_hash.empty() || after.template_hash.empty()) return;
  if (before.template_hash == after.template_hash) return;
  const bool prepared = std::ranges::find(write.path, "Initializing") != write.path.end();
  const bool afresh = after.step <= 1 && after.failed_checks == 0 && after.checks_in_step == 0 &&
                      (after.step == 1 || after.weight == 0 || after.phase == "Promoting");
  if (!prepared || !afresh) {
    report(write, "S9",
           fmt::format("candidate.templateHash changes in phase {} and leaves weight {}, step {}, {} failed "
                       "checks",
                       after.phase, after.weight, after.step, after.failed_checks));
  }
}

// ---- S6 ----

void StatusChecks::check_steps(const Write& write, Evidence& evidence) {
  const auto& before = write.before;
  const auto& after = write.after;
  const bool restarted = after.template_hash != before.template_hash || after.step < before.step ||
                         std::ranges::find(write.path, "Initializing") != write.path.end();
  if (restarted) evidence.passed = 0;
  const bool promoting = enters(write.path, "Progressing", "Promoting");
  const bool skipped = before.skips_analysis;
  const int reached = restarted ? 0 : before.step;
  if (after.step > before.step && after.step > reached + 1)
    report(write, "S6", fmt::format("step {} follows {}", after.step, reached));
  const bool goes_on = reached > 0 && (after.step > reached || promoting);
  if (goes_on && !skipped) {
    const auto& checks = member(write.new_status, "/checks");
    const bool new_ones = checks != member(write.old_status, "/checks");
    if (all_passed(checks) && new_ones && evidence.passed + 1 >= reached) {
      evidence.passed = reached;
    } else {
      report(write, "S6",
             fmt::format("step {} is passed {}", reached,
                         new_ones ? "although a check of it did not pass, or one before it never did"
                                  : "without a new verdict"));
    }
  }
  if (promoting && !skipped && evidence.passed < after.steps)
    report(write, "S6", fmt::format("promoted after {} of {} steps passed", evidence.passed, after.steps));
  if (enters(write.path, "Initializing", "Promoting") && !skipped)
    report(write, "S6", "promoted without analysis, and spec.skipAnalysis is not set");
}

// The template that was judged is the one that is promoted.
void StatusChecks::check_promotion(const Change& change) {
  const auto* release = context_.known.release();
  if (release == nullptr || release->phase != "Promoting" || release->skips_analysis) return;
  if (change.before.is_null() || change.after.is_null()) return;
  if (kube::metadata_text(change.after, "name") != release->service) return;
  const Reader reader(context_.known, *release);
  if (reader.selects(change.after) != Selects::Candidate) return;
  if (reader.selects(change.before) == Selects::Candidate) return;
  const auto* workload = context_.known.workload(release->target);
  const auto evidence = evidence_.find(release->uid);
  if (workload == nullptr || evidence == evidence_.end()) return;
  const bool old_news = workload->template_since < change.at - context_.expectations.reading_age;
  const auto& judged = evidence->second.judged;
  if (std::ranges::find(judged, workload->pod_template) == judged.end() && old_news) {
    context_.findings.add(
        change.at, "S6",
        fmt::format("Service {} is promoted to {}, whose pod template is not the one that "
                    "was judged: it changed {} ms before",
                    release->service, release->target, (change.at - workload->template_since).count()));
  }
}

// ---- S11 ----

void StatusChecks::check_verdict(const Write& write, Evidence& evidence) {
  const auto& before = write.before;
  const auto& after = write.after;
  if (after.failed_checks > before.failed_checks + 1)
    report(
        write, "S11",
        fmt::format("failedChecks rises from {} to {} at once", before.failed_checks, after.failed_checks));
  if (after.checks_in_step > before.checks_in_step + 1)
    report(
        write, "S11",
        fmt::format("checksInStep rises from {} to {} at once", before.checks_in_step, after.checks_in_step));
  const auto& checks = member(write.new_status, "/checks");
  if (checks.empty() || checks == member(write.old_status, "/checks")) return;
  const auto started = time_of(text(write.old_status, "/stepStartedAt"));
  const bool settled = write.change.at >= evidence.step_at + before.propagation;
  for (const auto& check : checks) {
    if (text(check, "/verdict") != "Pass") continue;
    const auto name = text(check, "/name");
    if (!member(check, "/value").is_number() && !before.passes_without_value)
      report(write, "S11", "check " + name + " passes without a value");
    const auto time = time_of(text(check, "/time"));
    const bool late_enough = started && time && *time >= *started + before.propagation;
    if (!late_enough && !settled)
      report(write, "S11", "check " + name + " passes before the step's weight has reached every proxy");
  }
  check_spacing(write, evidence);
}

// By the clock of the operator or by that of the world: the operator's may jump.
void StatusChecks::check_spacing(const Write& write, Evidence& evidence) {
  const auto time = latest_time(member(write.new_status, "/checks"));
  const auto least = write.before.interval - kEarly;
  const bool close = evidence.counted_at && write.change.at - *evidence.counted_at < least;
  const bool close_by_own_clock = time && evidence.counted_time && *time - *evidence.counted_time < least;
  if (close && close_by_own_clock) {
    report(write, "S11",
           fmt::format("two intervals are counted within {} ms; an interval is {} ms",
                       (write.change.at - *evidence.counted_at).count(), write.before.interval.count()));
  }
  evidence.counted_at = write.change.at;
  evidence.counted_time = time;
}

// ---- S13 ----

void StatusChecks::check_others(const Write& write) {
  const auto& after = write.after;
  if (!after.active() || write.before.active()) return;
  for (const auto& [key, other] : context_.known.canaries()) {
    if (other.uid == after.uid || other.key.name_space != after.key.name_space) continue;
    if (other.service != after.service || !other.active()) continue;
    report(write, "S13",
           fmt::format("begins to release Service {}, which Canary {} has in phase {}", after.service,
                       key.name, other.phase));
  }
}

}  // namespace weir::simulation::checks
