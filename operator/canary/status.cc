// The status of a Canary, to JSON and back.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "operator/base/json.h"
#include "operator/base/time.h"
#include "operator/canary/canary.h"
#include "operator/canary/strategy.h"

namespace weir::canary {
namespace {

using strategies::Status;
using strategies::TimePoint;

// ---- to JSON: what is empty is left out ----

void put(Json& out, const char* name, const std::string& value) {
  if (!value.empty()) out[name] = value;
}
void put(Json& out, const char* name, std::int64_t value) {
  if (value != 0) out[name] = value;
}
void put(Json& out, const char* name, const std::optional<TimePoint>& time) {
  if (time) out[name] = base::format_time(*time);
}
// JSON has no infinity and no NaN: they are as good as no value.
void put(Json& out, const char* name, const std::optional<double>& value) {
  if (value && std::isfinite(*value)) out[name] = *value;
}
void put(Json& out, const char* name, Json value) {
  if (!value.empty()) out[name] = std::move(value);
}

Json to_json(const strategies::VersionStatus& version) {
  if (version == strategies::VersionStatus{}) return Json::object();
  Json out = {{"name", version.name}, {"replicas", version.replicas}, {"ready", version.ready}};
  put(out, "version", version.version);
  put(out, "templateHash", version.template_hash);
  return out;
}

Json to_json(const strategies::Check& check) {
  Json out = {
      {"name", check.name}, {"verdict", to_string(check.outcome)}, {"time", base::format_time(check.time)}};
  put(out, "reason", check.reason);
  put(out, "value", check.value);
  Json range = Json::object();
  put(range, "min", check.min);
  put(range, "max", check.max);
  put(out, "range", std::move(range));
  put(out, "stableValue", check.stable);
  put(out, "samples", check.samples);
  put(out, "message", check.message);
  return out;
}

Json to_json(const std::optional<strategies::Identity>& identity) {
  if (!identity) return Json::object();
  Json out = {{"service", identity->service},
              {"provider", identity->router},
              {"versionLabel", identity->version_label},
              {"mode", to_string(identity->mode)},
              {"stableVersion", identity->stable_version},
              {"candidateVersion", identity->candidate_version}};
  put(out, "routing", identity->router_settings);
  put(out, "stableReplicas", identity->stable_replicas);
  put(out, "stableReady", identity->stable_ready);
  put(out, "clusterDomain", identity->cluster_domain);
  return out;
}

Json to_json(const strategies::RouteRecord& route) {
  return {{"object", route.object}, {"key", route.key}, {"original", route.original}};
}

Json to_json(const strategies::HistoryEntry& entry) {
  Json out = {{"sequence", entry.sequence},
              {"phase", to_string(entry.phase)},
              {"weight", entry.weight},
              {"time", base::format_time(entry.time)}};
  put(out, "reason", entry.reason);
  put(out, "message", entry.message);
  return out;
}

Json to_json(const strategies::Condition& condition) {
  Json out = {{"type", condition.type},
              {"status", to_string(condition.status)},
              {"reason", condition.reason},
              {"message", condition.message},
              {"lastTransitionTime", base::format_time(condition.last_transition_time)}};
  put(out, "observedGeneration", condition.observed_generation);
  return out;
}

template <typename Item>
Json list_of(const std::vector<Item>& items) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(to_json(item));
  return list;
}

// ---- from JSON: whatever is not of the right type counts as absent, since anybody can write a status ----

// Far above any real count, and so far below the limits of its type that the operator can go on counting.
constexpr int kMaxCount = 1'000'000;

int count_of(std::int64_t value) { return static_cast<int>(std::clamp<std::int64_t>(value, 0, kMaxCount)); }

int count(const Json& object, const char* name) { return count_of(base::integer(object, {name})); }

std::optional<double> number(const Json& object, const char* name) {
  const auto& value = base::field(object, {name});
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::optional<TimePoint> time(const Json& object, const char* name) {
  const auto parsed = base::parse_time(base::text(object, {name}));
  return parsed ? std::optional(*parsed) : std::nullopt;
}

template <typename Item>
std::vector<Item> list(const Json& object, const char* name, Item (*from)(const Json&)) {
  std::vector<Item> items;
  const auto& values = base::field(object, {name});
  if (!values.is_array()) return items;
  for (const auto& value : values) items.push_back(from(value));
  return items;
}

strategies::VersionStatus version_from(const Json& object) {
  return {base::text(object, {"name"}), base::text(object, {"version"}), count(object, "replicas"),
          count(object, "ready"), base::text(object, {"templateHash"})};
}

std::optional<strategies::Identity> identity_from(const Json& object) {
  strategies::Identity identity{
      .service = base::text(object, {"service"}),
      .router = base::text(object, {"provider"}),
      .version_label = base::text(object, {"versionLabel"}),
      .mode = base::text(object, {"mode"}) == to_string(strategies::ServiceMode::Dedicated)
                  ? strategies::ServiceMode::Dedicated
                  : strategies::ServiceMode::Placeholder,
      .router_settings = base::text(object, {"routing"}),
      .stable_version = base::text(object, {"stableVersion"}),
      .candidate_version = base::text(object, {"candidateVersion"}),
      .stable_replicas = count(object, "stableReplicas"),
      .stable_ready = count(object, "stableReady"),
      .cluster_domain = base::text(object, {"clusterDomain"})};
  // A part of it would be worse than none.
  const bool whole = !identity.service.empty() && !identity.router.empty() &&
                     !identity.version_label.empty() && !identity.stable_version.empty() &&
                     !identity.candidate_version.empty();
  return whole ? std::optional(std::move(identity)) : std::nullopt;
}

strategies::Check check_from(const Json& object) {
  const auto& range = base::field(object, {"range"});
  return {.name = base::text(object, {"name"}),
          .outcome = strategies::outcome_from(base::text(object, {"verdict"}))
                         .value_or(strategies::Outcome::Inconclusive),
          .reason = base::text(object, {"reason"}),
          .value = number(object, "value"),
          .min = number(range, "min"),
          .max = number(range, "max"),
          .stable = number(object, "stableValue"),
          .samples = number(object, "samples"),
          .message = base::text(object, {"message"}),
          .time = time(object, "time").value_or(TimePoint{})};
}

strategies::RouteRecord route_from(const Json& object) {
  return {base::text(object, {"object"}), base::text(object, {"key"}), base::text(object, {"original"})};
}

strategies::Phase phase(const Json& object) {
  return strategies::phase_from(base::text(object, {"phase"})).value_or(strategies::Phase::Pending);
}

strategies::HistoryEntry entry_from(const Json& object) {
  return {.sequence = count(object, "sequence"),
          .phase = phase(object),
          .weight = count(object, "weight"),
          .reason = base::text(object, {"reason"}),
          .message = base::text(object, {"message"}),
          .time = time(object, "time").value_or(TimePoint{})};
}

strategies::Condition condition_from(const Json& object) {
  return {.type = base::text(object, {"type"}),
          .status = strategies::condition_status_from(base::text(object, {"status"}))
                        .value_or(strategies::ConditionStatus::Unknown),
          .reason = base::text(object, {"reason"}),
          .message = base::text(object, {"message"}),
          .observed_generation = base::integer(object, {"observedGeneration"}),
          .last_transition_time = time(object, "lastTransitionTime").value_or(TimePoint{})};
}

// "3/6" into step 3 of 6.
void read_step(const std::string& text, Status& status) {
  const auto* end = text.data() + text.size();
  int step = 0;
  int steps = 0;
  const auto [slash, error] = std::from_chars(text.data(), end, step);
  if (error == std::errc() && slash != end && *slash == '/') std::from_chars(slash + 1, end, steps);
  status.step = count_of(step);
  status.steps = count_of(steps);
}

}  // namespace

Json to_json(const Status& status, const strategies::Spec& spec) {
  Json out = {{"observedGeneration", status.observed_generation},
              {"phase", to_string(status.phase)},
              {"canaryWeight", status.canary_weight.percent()},
              {"step", std::to_string(status.step) + '/' + std::to_string(status.steps)},
              {"failedChecks", status.failed_checks},
              {"strategy", spec.skip_analysis ? "no analysis" : describe(spec.program)}};
  put(out, "checksInStep", status.checks_in_step);
  put(out, "iterations", status.iterations);
  put(out, "target", status.target);
  put(out, "stable", to_json(status.stable));
  put(out, "candidate", to_json(status.candidate));
  put(out, "identity", to_json(status.identity));
  put(out, "startedAt", status.started_at);
  put(out, "stepStartedAt", status.step_started_at);
  put(out, "lastTransitionTime", status.last_transition_time);
  put(out, "lastProgressAt", status.last_progress_at);
  put(out, "breakerTrippedAt", status.breaker_tripped_at);
  put(out, "deadIntervals", status.dead_intervals);
  put(out, "drifts", status.drifts);
  put(out, "rollbackReason", status.rollback_reason);
  put(out, "successor", status.successor);
  put(out, "message", status.message);
  put(out, "checks", list_of(status.checks));
  if (const auto evidence = Json::parse(status.evidence, nullptr, false); evidence.is_object()) {
    put(out, "evidence", evidence);
  }
  put(out, "routes", list_of(status.routes));
  put(out, "history", list_of(status.history));
  put(out, "conditions", list_of(status.conditions));
  return out;
}

Status status_from(const Json& json) {
  Status status;
  status.observed_generation = base::integer(json, {"observedGeneration"});
  status.phase = phase(json);
  status.canary_weight =
      strategies::Weight::of(base::integer(json, {"canaryWeight"})).value_or(strategies::Weight::none());
  read_step(base::text(json, {"step"}), status);
  status.checks_in_step = count(json, "checksInStep");
  status.iterations = count(json, "iterations");
  status.failed_checks = count(json, "failedChecks");
  status.target = base::text(json, {"target"});
  status.stable = version_from(base::field(json, {"stable"}));
  status.candidate = version_from(base::field(json, {"candidate"}));
  status.identity = identity_from(base::field(json, {"identity"}));
  status.started_at = time(json, "startedAt");
  status.step_started_at = time(json, "stepStartedAt");
  status.last_transition_time = time(json, "lastTransitionTime");
  status.last_progress_at = time(json, "lastProgressAt");
  status.breaker_tripped_at = time(json, "breakerTrippedAt");
  status.dead_intervals = count(json, "deadIntervals");
  status.drifts = count(json, "drifts");
  status.rollback_reason = base::text(json, {"rollbackReason"});
  status.successor = base::text(json, {"successor"});
  status.message = base::text(json, {"message"});
  status.checks = list(json, "checks", check_from);
  if (const auto& evidence = base::field(json, {"evidence"}); evidence.is_object() && !evidence.empty()) {
    status.evidence = evidence.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  status.routes = list(json, "routes", route_from);
  status.history = list(json, "history", entry_from);
  status.conditions = list(json, "conditions", condition_from);
  return status;
}

}  // namespace weir::canary
