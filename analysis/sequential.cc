#include "analysis/sequential.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "analysis/built_in.h"
#include "analysis/threshold.h"

namespace weir::analysis {
namespace {

using Json = nlohmann::json;

// Of what a status holds; more of them was not written by the judge.
constexpr std::size_t kMaxStreams = 64;
constexpr std::size_t kMaxStarts = 128;
constexpr double kPerCent = 100;
// Logs of evidence are kept to six decimals, so that a judge that goes on from status is where it was.
constexpr double kKept = 1e6;

double kept(double value) { return std::round(value * kKept) / kKept; }

std::string per_cent(const Counts& counts) { return format_number(kPerCent * counts.rate()) + " %"; }

// "0" to "100": evidence grows by leaps, and more than is needed is as good as what is.
std::string whole(double value, double most) { return format_number(std::floor(std::min(value, most))); }

std::string comparison(const Stream& stream) {
  const auto against = per_cent(stream.candidate) + (stream.edge ? " of requests" : "") + " against " +
                       per_cent(stream.stable);
  if (!stream.edge) return "candidate fails " + against;
  return "candidate is slower than " + format_number(*stream.edge) + " ms in " + against;
}

double evidence_of(const Stream& stream, int steps) {
  return evidence(stream.test, stream.dominance ? 1 : steps);
}

// Requests of the candidate to each of which stable had so many.
double stable_per_candidate(const Stream& stream) {
  return stream.candidate.requests > 0 ? stream.stable.requests / stream.candidate.requests : 1;
}

MetricFinding find(const std::vector<const Stream*>& streams, int steps, const JudgeSettings& judge) {
  MetricFinding found{.metric = streams.front()->metric, .evidence = 0};
  const auto* loudest = streams.front();
  for (const auto* stream : streams) {
    const double own = evidence_of(*stream, steps);
    found.evidence += own / static_cast<double>(streams.size());
    if (own > evidence_of(*loudest, steps)) loudest = stream;
    if (stream->dominance) continue;
    found.more_requests = std::max(
        found.more_requests,
        requests_to_certificate(stream->test, stable_per_candidate(*stream), settings_of(*stream, judge)));
  }
  found.message = comparison(*loudest) + ", evidence " + whole(found.evidence, 1 / judge.alpha) + " of " +
                  format_number(1 / judge.alpha);
  return found;
}

std::vector<MetricFinding> find_all(const Trial& trial, int steps, const JudgeSettings& judge) {
  std::vector<std::vector<const Stream*>> metrics;
  for (const auto& stream : trial.streams) {
    const auto same = std::ranges::find_if(
        metrics, [&](const auto& streams) { return streams.front()->metric == stream.metric; });
    (same != metrics.end() ? *same : metrics.emplace_back()).push_back(&stream);
  }
  std::vector<MetricFinding> found;
  found.reserve(metrics.size());
  for (const auto& streams : metrics) found.push_back(find(streams, steps, judge));
  return found;
}

std::string missing(const Trial& trial, const Look& found, int dwell) {
  if (found.more_requests > 0) {
    return "needs about " + format_number(found.more_requests) + " more requests to advance";
  }
  const int intervals = std::max(dwell - trial.intervals, 1);
  return "needs " + std::to_string(intervals) + (intervals == 1 ? " more interval" : " more intervals") +
         " to advance";
}

// ---- JSON ----

Json to_json(const Counts& counts) {
  return {{"requests", std::llround(counts.requests)}, {"failures", std::llround(counts.failures)}};
}

Json to_json(const Stream& stream) {
  Json out = {{"metric", stream.metric},
              {"stable", to_json(stream.stable)},
              {"candidate", to_json(stream.candidate)},
              {"baseline", to_json(stream.test.baseline)},
              {"dispersion", stream.test.dispersion},
              {"logs", stream.test.logs},
              {"certificate", stream.test.certificate}};
  if (stream.edge) out["edge"] = *stream.edge;
  if (stream.dominance) out["dominance"] = true;
  return out;
}

const Json& member(const Json& object, const char* name) {
  static const Json kNone;
  const auto found = object.find(name);
  return found != object.end() ? *found : kNone;
}

std::optional<double> number(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  const auto read = value.get<double>();
  return std::isfinite(read) ? std::optional(read) : std::nullopt;
}

// Bounded, so that whatever stands in a status can be worked with.
double number(const Json& object, const char* name, double least, double most) {
  return std::clamp(number(member(object, name)).value_or(least), least, most);
}

Counts counts_from(const Json& value) {
  constexpr double kMost = 1e15;
  if (!value.is_object()) return {};
  const double requests = number(value, "requests", 0, kMost);
  return {requests, number(value, "failures", 0, requests)};
}

// Empty if it is not what to_json made.
std::optional<std::array<double, kAlternatives>> logs_from(const Json& value) {
  if (!value.is_array() || value.size() != kAlternatives) return std::nullopt;
  std::array<double, kAlternatives> logs{};
  for (std::size_t k = 0; k < kAlternatives; ++k) {
    const auto log = number(value[k]);
    if (!log) return std::nullopt;
    logs[k] = *log;
  }
  return logs;
}

std::optional<Stream> stream_from(const Json& value) {
  if (!value.is_object() || !member(value, "metric").is_string()) return std::nullopt;
  const auto& starts = member(value, "logs");
  if (!starts.is_array() || starts.empty() || starts.size() > kMaxStarts) return std::nullopt;
  constexpr double kMost = 1e9;
  Stream stream{.metric = value["metric"].get<std::string>(),
                .edge = number(member(value, "edge")),
                .dominance = member(value, "dominance") == Json(true),
                .stable = counts_from(member(value, "stable")),
                .candidate = counts_from(member(value, "candidate")),
                .test = {.baseline = counts_from(member(value, "baseline")),
                         .dispersion = number(value, "dispersion", 1, kMost),
                         .logs = {},
                         .certificate = number(member(value, "certificate")).value_or(0)}};
  for (const auto& start : starts) {
    const auto logs = logs_from(start);
    if (!logs) return std::nullopt;
    stream.test.logs.push_back(*logs);
  }
  return stream;
}

}  // namespace

TestSettings settings_of(const Stream& stream, const JudgeSettings& judge) {
  return {.alpha = judge.alpha,
          .beta = judge.beta,
          .ratio = stream.dominance ? kTailRatio : 1,
          .tolerance = judge.tolerance,
          .odds = stream.edge ? kLatencyOdds : kFailureOdds};
}

std::optional<double> edge_for(double objective, const std::vector<double>& edges) {
  const auto found = std::ranges::lower_bound(edges, objective);
  return found == edges.end() ? std::nullopt : std::optional(*found);
}

void learn(Stream& stream, const std::vector<Counts>& history) {
  for (const auto& interval : history) stream.test.baseline += interval;
  stream.test.dispersion = dispersion_of(history);
}

void begin_step(Trial& trial, int step, TimePoint earliest) {
  for (auto& stream : trial.streams) {
    if (trial.step != 0 && !stream.dominance) start_step(stream.test);
    stream.test.certificate = 0;
  }
  trial.step = step;
  trial.intervals = 0;
  trial.step_requests = 0;
  trial.until = std::max(trial.until, earliest);
}

void add(Trial& trial, const std::vector<StreamCounts>& counts, TimePoint end, const JudgeSettings& judge) {
  double requests = 0;
  for (std::size_t i = 0; i < trial.streams.size(); ++i) {
    auto& stream = trial.streams[i];
    const auto& [stable, candidate] = counts[i];
    add_interval(stream.test, stable, candidate, settings_of(stream, judge));
    for (auto& start : stream.test.logs) std::ranges::transform(start, start.begin(), kept);
    stream.test.certificate = kept(stream.test.certificate);
    stream.stable += stable;
    stream.candidate += candidate;
    requests = std::max(requests, candidate.requests);
  }
  trial.step_requests += requests;
  ++trial.intervals;
  trial.until = end;
}

Look look(const Trial& trial, int steps, bool alone, const JudgeSettings& judge) {
  Look found{.evidence = 0, .metrics = find_all(trial, steps, judge)};
  double requests = 0;
  for (const auto& stream : trial.streams) requests = std::max(requests, stream.candidate.requests);
  const auto* loudest = found.metrics.empty() ? nullptr : &found.metrics.front();
  for (const auto& metric : found.metrics) {
    found.evidence += metric.evidence / static_cast<double>(found.metrics.size());
    if (metric.evidence > loudest->evidence) loudest = &metric;
    if (judge.advance_early && !alone) {
      found.more_requests = std::max(found.more_requests, metric.more_requests);
    }
  }
  const double samples = judge.min_samples;
  found.more_requests = std::max(found.more_requests, samples - trial.step_requests);
  found.message = loudest != nullptr ? loudest->message : "nothing was counted yet";
  if (found.evidence >= 1 / judge.alpha && requests >= samples) {
    found.finding = Finding::Against;
    return found;
  }
  const int dwell = judge.advance_early ? kMinDwell : 1;
  if (found.more_requests <= 0 && trial.intervals >= dwell && found.evidence < 1 / judge.alpha) {
    found.finding = Finding::Certified;
    return found;
  }
  found.missing = missing(trial, found, dwell);
  return found;
}

std::string to_text(const Trial& trial, const Look& look, const JudgeSettings& judge) {
  Json out = {{"message", look.message + (look.missing.empty() ? "" : ", " + look.missing)},
              {"value", std::round(std::min(look.evidence, 1 / judge.alpha) * 100) / 100},
              {"needed", std::round(1 / judge.alpha * 100) / 100},
              {"moreRequests", std::llround(std::max(look.more_requests, 0.0))}};
  if (!trial.streams.empty()) {
    out["stable"] = to_json(trial.streams.front().stable);
    out["candidate"] = to_json(trial.streams.front().candidate);
  }
  Json state = {{"step", trial.step},
                {"intervals", trial.intervals},
                {"stepRequests", trial.step_requests},
                {"streams", Json::array()}};
  state["until"] = trial.until.time_since_epoch().count();
  for (const auto& stream : trial.streams) state["streams"].push_back(to_json(stream));
  out["state"] = std::move(state);
  return out.dump();
}

Trial trial_from(std::string_view text) {
  const Json whole = Json::parse(text, nullptr, false);
  if (!whole.is_object() || !member(whole, "state").is_object()) return {};
  const Json& state = whole["state"];
  constexpr double kMost = 1e6;
  Trial trial{.step = static_cast<int>(number(state, "step", 0, kMost)),
              .intervals = static_cast<int>(number(state, "intervals", 0, kMost)),
              .step_requests = number(state, "stepRequests", 0, 1e15)};
  if (const auto& until = member(state, "until"); until.is_number_integer()) {
    constexpr std::int64_t kLatest = 100'000'000'000'000;
    trial.until =
        TimePoint{std::chrono::milliseconds{std::clamp<std::int64_t>(until.get<std::int64_t>(), 0, kLatest)}};
  }
  const auto& streams = member(state, "streams");
  if (!streams.is_array() || streams.size() > kMaxStreams) return {};
  for (const auto& value : streams) {
    auto stream = stream_from(value);
    if (!stream) return {};
    trial.streams.push_back(std::move(*stream));
  }
  return trial;
}

}  // namespace weir::analysis
