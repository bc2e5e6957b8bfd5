#include "test/explore/reading.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <vector>

#include "strategies/context.h"

namespace weir::explore {
namespace {

using strategies::Milliseconds;
using strategies::Obstacle;
using strategies::Seconds;
using strategies::TimePoint;
using strategies::Weight;

constexpr const char* kStableVersion = "v1";
constexpr const char* kCandidateVersion = "v2";
constexpr const char* kAnotherVersion = "v9";
const strategies::RouteRecord kRouteRecord{"checkout", "http/0", "{}"};
const strategies::RouteRecord kRuleRecord{"checkout", "subsets", "absent"};

Weight percent(int value) { return Weight::of(value).value_or(Weight::none()); }

Milliseconds age(Byte units) { return kUnit * units; }

// What is not from this very moment lies a little before it, so that it can be told from what is.
TimePoint time(Byte units) { return now() - age(units) - Milliseconds{1}; }

std::optional<TimePoint> maybe_time(Byte units) {
  return units == kNever ? std::nullopt : std::optional(time(units));
}

Byte units_since(std::optional<TimePoint> then) {
  if (!then) return kNever;
  return static_cast<Byte>(std::clamp<std::int64_t>((now() - *then) / kUnit, 0, kNever - 1));
}

strategies::Spec make_spec() {
  strategies::Spec spec;
  spec.target.name = kCandidate;
  spec.service.name = "checkout";
  spec.routing.propagation_delay = kUnit * kDelay;
  spec.interval = kUnit * kInterval;
  spec.breaker = kUnit * kBreaker;
  spec.progress_deadline = kUnit * kDeadline;
  spec.stable.scale_down_delay = kUnit * kScaleDownDelay;
  spec.threshold = kThreshold;
  std::vector<Weight> steps;
  for (const int step : kSteps) steps.push_back(percent(step));
  spec.program = strategies::stepwise(steps, {Weight::all()});
  return spec;
}

strategies::Status status_of(const Record& record) {
  strategies::Status status;
  if (!record.started) return status;
  status.observed_generation = 1;
  status.phase = static_cast<Phase>(record.phase);
  status.canary_weight = percent(record.weight);
  status.step = record.step;
  status.steps = static_cast<int>(kSteps.size());
  status.checks_in_step = record.checks;
  status.failed_checks = record.failed;
  status.target = record.other_target ? kOtherTarget : kCandidate;
  status.stable.name = kStable;
  status.candidate.name = status.target;
  status.candidate.template_hash = template_name(record.pod_template);
  status.started_at = time(0);
  status.step_started_at = maybe_time(record.step_age);
  status.last_transition_time = time(record.transition_age);
  status.last_progress_at = time(record.progress_age);
  status.breaker_tripped_at = maybe_time(record.breaker_age);
  status.drifts = record.drifts;
  if (record.checks > 0) status.checks.push_back({.time = time(record.check_age)});
  if (record.routes_kept) status.routes.push_back(kRouteRecord);
  if (record.rule_kept) status.routes.push_back(kRuleRecord);
  if (record.paused) {
    status.conditions.push_back(
        {.type = std::string(strategies::kPaused), .status = strategies::ConditionStatus::True});
  }
  if (record.identity) {
    status.stable.version = kStableVersion;
    status.candidate.version = kCandidateVersion;
    status.stable.replicas = record.stable_replicas;
    status.stable.ready = record.stable_ready;
    status.identity = strategies::identity_of(make_spec(), status);
  }
  return status;
}

std::optional<strategies::Workload> read(const Workload& workload, const char* name, const char* version,
                                         bool recorded) {
  if (!workload.exists) return std::nullopt;
  const bool counts = !recorded || !workload.relabelled;
  return strategies::Workload{
      .name = name,
      .version = workload.relabelled ? kAnotherVersion : version,
      .replicas = workload.replicas,
      .ready = counts ? workload.ready : 0,
      .available = counts && workload.rolled_out && workload.ready == workload.replicas,
      .template_hash = template_name(workload.pod_template) + (workload.relabelled ? "'" : ""),
      .has_pre_stop = true,
      .pod_problem = {}};
}

void refuse(strategies::Observed& seen, std::string reason) {
  auto message = reason;
  seen.obstacles.push_back({std::string(strategies::kProgressing), std::move(reason), std::move(message)});
}

// Before it begins a release looks for stable behind the Service.
bool finds_stable(const World& world) {
  const auto& objects = world.caches.objects;
  if (world.phase() != Phase::Pending) return objects.stable.exists;
  if (!objects.service.exists || !objects.stable.exists) return false;
  const auto selects = static_cast<Selects>(objects.service.selects);
  return selects == Selects::Both || (selects == Selects::Stable && !objects.stable.relabelled);
}

void read_workloads(const World& world, strategies::Observed& seen) {
  const auto& objects = world.caches.objects;
  const bool pending = world.phase() == Phase::Pending;
  const bool other = pending ? objects.canary.other_target : world.record.other_target;
  if (!other) seen.candidate = read(objects.candidate, kCandidate, kCandidateVersion, world.record.identity);
  if (!seen.candidate) refuse(seen, "TargetNotFound");
  if (finds_stable(world)) seen.stable = read(objects.stable, kStable, kStableVersion, world.record.identity);
  if (!seen.stable && (!pending || objects.service.exists)) refuse(seen, "StableNotFound");
}

// How long half of the pods or more have been there.
strategies::Milliseconds age_of_half(Byte pods, const std::array<Byte, kMostPods>& ages) {
  std::vector<Byte> there;
  for (std::size_t i = 0; i < ages.size(); ++i) {
    if ((pods >> i & 1) != 0) there.push_back(ages[i]);
  }
  if (there.empty()) return age(0);
  std::ranges::sort(there, std::ranges::greater());
  return age(there[(there.size() - 1) / 2]);
}

void read_service(const World& world, strategies::Observed& seen) {
  const auto& caches = world.caches;
  if (!caches.objects.service.exists) {
    seen.service_gone = age(caches.service_age);
    return refuse(seen, "ServiceNotFound");
  }
  seen.service = strategies::ServiceState{
      .selects = static_cast<Selects>(caches.objects.service.selects),
      .age = age(caches.service_age),
      .stable_endpoints = std::popcount(caches.endpoints.stable),
      .candidate_endpoints = std::popcount(caches.endpoints.candidate),
      .stable_endpoints_age = age_of_half(caches.endpoints.stable, caches.pod_ages[0]),
      .candidate_endpoints_age = age_of_half(caches.endpoints.candidate, caches.pod_ages[1])};
  if (seen.service->selects == Selects::Other) refuse(seen, "SelectorMismatch");
  const auto& own = caches.objects.own;
  seen.version_services = all(own);
  seen.any_version_services = own.stable || own.candidate;
}

void read_routes(const World& world, strategies::Observed& seen) {
  const auto& routes = world.caches.objects.routes;
  if (!routes.exists) {
    seen.routes_gone = age(world.caches.routes_age);
    return;
  }
  seen.routes = strategies::RouteState{
      .age = age(world.caches.routes_age),
      .changed_by = routes.ours ? std::string(strategies::kFieldManager) : std::string("kubectl")};
  if (routes.form != Form::Owners) seen.routes->splits.push_back({.candidate = routes.weight});
  if (routes.form != Form::Pair) seen.routes->unmanaged = 1;
  if (routes.form == Form::Owners && !world.record.routes_kept) seen.routes->found.push_back(kRouteRecord);
}

void read_rule(const World& world, strategies::Observed& seen) {
  const auto& rule = world.caches.objects.rule;
  if (rule.kind == RuleKind::None) return;
  const bool made = rule.kind == RuleKind::Made;
  seen.foundation =
      strategies::Foundation{.present = rule.stable && rule.candidate,
                             .added = made || (world.record.rule_kept && (rule.stable || rule.candidate)),
                             .age = age(world.caches.rule_age)};
  if (!made && !seen.foundation->present && !world.record.rule_kept)
    seen.foundation->found.push_back(kRuleRecord);
}

void read_verdict(const World& world, strategies::Observed& seen) {
  const auto& question = world.question;
  if (question.answer == Answer::None || question.answer == Answer::Asked) return;
  strategies::Verdict verdict{.generation = seen.generation,
                              .template_hash = template_name(question.pod_template),
                              .step = question.step,
                              .index = question.index,
                              .step_started_at = maybe_time(world.record.step_age),
                              .window_end = time(question.age)};
  if (question.outdated) verdict.step_started_at = TimePoint{};
  if (question.answer == Answer::Pass) verdict.outcome = strategies::Outcome::Pass;
  if (question.answer == Answer::Fail) verdict.outcome = strategies::Outcome::Fail;
  verdict.checks.push_back({.outcome = verdict.outcome, .time = time(question.age)});
  seen.verdict = std::move(verdict);
}

// Of a release that is over.
void read_leftovers(const World& world, strategies::Observed& seen) {
  const auto& objects = world.caches.objects;
  const bool rule = objects.rule.kind == RuleKind::Made;
  const bool led_to = objects.routes.exists && objects.routes.form != Form::Owners;
  seen.leftovers = objects.own.stable || objects.own.candidate || (rule && !led_to);
  seen.leftovers_wait = rule && led_to;
}

}  // namespace

TimePoint now() { return TimePoint{Seconds{1'700'000'000}}; }

std::string template_name(Byte pod_template) {
  return pod_template == 0 ? std::string() : std::string(1, static_cast<char>('0' + pod_template));
}

strategies::Release release_of(const World& world) {
  static const strategies::Spec kSpec = make_spec();
  strategies::Release release{"shop", "checkout-v2", kSpec, status_of(world.record)};
  const auto& canary = world.caches.objects.canary;
  release.spec.suspend = canary.suspend;
  if (canary.other_target) release.spec.target.name = kOtherTarget;
  return release;
}

strategies::Observed observe(const World& world) {
  strategies::Observed seen;
  const auto& canary = world.caches.objects.canary;
  seen.generation = 1;
  seen.has_finalizer = canary.finalizer;
  seen.deleting = canary.deleting;
  if (canary.rollback_asked) seen.rollback_requested = "asked for";
  seen.watched_since = time(world.caches.watched_age);
  if (strategies::is_final(world.phase())) {
    read_leftovers(world, seen);
    return seen;
  }
  seen.abilities = {.needs_foundation = true, .selects_both = true};
  read_service(world, seen);
  read_workloads(world, seen);
  read_routes(world, seen);
  read_rule(world, seen);
  read_verdict(world, seen);
  return seen;
}

Record record_of(const strategies::Status& status) {
  const auto paused = std::ranges::find_if(status.conditions, [](const strategies::Condition& condition) {
    return condition.type == strategies::kPaused && condition.status == strategies::ConditionStatus::True;
  });
  const auto keeps = [&](const strategies::RouteRecord& record) {
    return std::ranges::find(status.routes, record) != status.routes.end();
  };
  const auto& hash = status.candidate.template_hash;
  return {.started = status.started_at.has_value(),
          .other_target = status.target == kOtherTarget,
          .phase = static_cast<Byte>(status.phase),
          .weight = static_cast<Byte>(status.canary_weight.percent()),
          .step = static_cast<Byte>(status.step),
          .checks = static_cast<Byte>(status.checks_in_step),
          .failed = static_cast<Byte>(status.failed_checks),
          .pod_template = static_cast<Byte>(hash.empty() ? 0 : hash.front() - '0'),
          .identity = status.identity.has_value(),
          .stable_replicas = static_cast<Byte>(status.identity ? status.identity->stable_replicas : 0),
          .stable_ready = static_cast<Byte>(status.identity ? status.identity->stable_ready : 0),
          .step_age = units_since(status.step_started_at),
          .transition_age = units_since(status.last_transition_time.value_or(now())),
          .progress_age = units_since(status.last_progress_at.value_or(now())),
          .breaker_age = units_since(status.breaker_tripped_at),
          .check_age = status.checks.empty() ? Byte{0} : units_since(status.checks.front().time),
          .drifts = static_cast<Byte>(status.drifts),
          .paused = paused != status.conditions.end(),
          .routes_kept = keeps(kRouteRecord),
          .rule_kept = keeps(kRuleRecord)};
}

bool speaks_of_now(const Question& question, const Record& record) {
  return !question.outdated && question.step == record.step && question.index == record.checks + 1 &&
         question.pod_template == record.pod_template;
}

}  // namespace weir::explore
