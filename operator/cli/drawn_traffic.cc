#include "operator/cli/drawn_traffic.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "analysis/built_in.h"
#include "analysis/conclude.h"
#include "analysis/providers/prometheus/window.h"
#include "analysis/threshold.h"

namespace weir::cli {
namespace {

using analysis::Counts;

constexpr double kPerCent = 100;
constexpr double kLatencySpread = 0.8;  // standard deviation of the log of durations
constexpr double kTailOfP99 = 0.01;

// Share of durations above an edge.
double tail(double edge, double median) {
  return 0.5 * std::erfc(std::log(edge / median) / kLatencySpread / std::numbers::sqrt2);
}

analysis::TimePoint time_of(Milliseconds since) { return analysis::TimePoint{since}; }

}  // namespace

const std::vector<double>& duration_edges() {
  static const std::vector<double> kEdges{0.5,  1,    5,    10,    25,    50,    100,    250,   500,
                                          1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000};
  return kEdges;
}

DrawnTraffic::DrawnTraffic(const Traffic& traffic, bool durations, std::uint64_t seed)
    : traffic_(traffic), durations_(durations), random_(seed) {}

double DrawnTraffic::failures(double requests, double error) {
  if (requests <= 0 || error <= 0) return 0;
  if (traffic_.cluster <= 1) {
    return std::binomial_distribution<int>(static_cast<int>(requests), error)(random_);
  }
  double failed = 0;
  std::geometric_distribution<int> more(1 / traffic_.cluster);
  for (int events = std::poisson_distribution<int>(requests * error / traffic_.cluster)(random_); events > 0;
       --events) {
    failed += 1 + more(random_);
  }
  return std::min(failed, requests);
}

DrawnTraffic::Version DrawnTraffic::draw(double requests, double error, double latency) {
  Version version{.requests = {requests, failures(requests, error)}, .slower = {}};
  if (!durations_) return version;
  double left = requests;
  double above = 1;
  for (const double edge : duration_edges()) {
    const double share = tail(edge, latency);
    const double among = above > 0 ? std::min(share / above, 1.0) : 0;
    left = left > 0 ? std::binomial_distribution<int>(static_cast<int>(left), among)(random_) : 0;
    version.slower.push_back(left);
    above = share;
  }
  return version;
}

void DrawnTraffic::pass(Milliseconds time, int weight) {
  now_ += time;
  const double mean = traffic_.requests_per_second * static_cast<double>(time.count()) / 1000;
  const int all = mean > 0 ? std::poisson_distribution<int>(mean)(random_) : 0;
  const int candidate = std::binomial_distribution<int>(all, weight / kPerCent)(random_);
  Chunk chunk{.end = now_,
              .stable = draw(all - candidate, traffic_.stable_error, traffic_.stable_latency_ms),
              .candidate = draw(candidate, traffic_.candidate_error, traffic_.candidate_latency_ms)};
  exposed_ += chunk.candidate.requests;
  chunks_.push_back(std::move(chunk));
}

Counts DrawnTraffic::count(const Version& version, std::optional<double> edge) {
  if (!edge) return version.requests;
  const auto& edges = duration_edges();
  const auto index = std::ranges::lower_bound(edges, *edge) - edges.begin();
  return {version.requests.requests, version.slower[static_cast<std::size_t>(index)]};
}

analysis::StreamCounts DrawnTraffic::counts(Milliseconds length, std::optional<double> edge) const {
  analysis::StreamCounts sum;
  for (auto chunk = chunks_.rbegin(); chunk != chunks_.rend() && chunk->end > now_ - length; ++chunk) {
    sum.stable += count(chunk->stable, edge);
    sum.candidate += count(chunk->candidate, edge);
  }
  return sum;
}

bool looks_at_durations(const canary::Canary& canary) {
  return std::ranges::any_of(canary.metrics, [](const canary::MetricSpec& spec) {
    return analysis::is_compared(spec.metric) && spec.metric.name == analysis::kDuration;
  });
}

std::vector<Counts> DrawnTraffic::history(std::optional<double> edge) const {
  std::vector<Counts> all;
  all.reserve(chunks_.size());
  for (const auto& chunk : chunks_) all.push_back(count(chunk.stable, edge));
  return all;
}

void DrawnJudge::learn() {
  for (const auto& [metric, template_name, template_namespace] : canary_.metrics) {
    if (!analysis::is_compared(metric)) continue;
    if (metric.name == analysis::kSuccessRate) {
      add_stream({.metric = metric.name});
    } else if (metric.range.max) {
      if (const auto edge = analysis::edge_for(*metric.range.max, duration_edges()))
        add_stream({.metric = metric.name, .edge = edge});
    } else {
      for (const double edge : duration_edges()) {
        const double share = traffic_.counts(traffic_.now(), edge).stable.rate();
        if (share < analysis::kLeastTail || share > analysis::kMostTail) continue;
        add_stream({.metric = metric.name, .edge = edge, .dominance = true});
      }
    }
  }
}

void DrawnJudge::add_stream(analysis::Stream stream) {
  analysis::learn(stream, traffic_.history(stream.edge));
  trial_.streams.push_back(std::move(stream));
}

analysis::Check DrawnJudge::in_range(const analysis::Metric& metric, Milliseconds length,
                                     Milliseconds begun) const {
  using std::chrono::floor;
  const bool compared = analysis::is_compared(metric);
  const auto asked = metric.interval.value_or(floor<analysis::Seconds>(length));
  // Of a query that stands in a MetricTemplate nothing is known here.
  const bool counts = compared || !metric.query.empty();
  const auto window = analysis::plan_window(
      {.end = time_of(traffic_.now()), .length = asked, .earliest = time_of(traffic_.now() - begun)},
      counts && analysis::needs_scrapes(metric, asked) ? std::optional(scrape_interval_) : std::nullopt);
  analysis::Check check{.name = metric.name, .range = metric.range};
  if (window.too_short) {
    check.reason = "WindowTooShort";
    check.message = metric.name + ": " + window.warning;
    return check;
  }
  if (!compared) {
    check.outcome = analysis::Outcome::Pass;
    check.reason = "WithinRange";
    check.message = metric.name + " is taken to pass";
    return check;
  }
  if (window.length < analysis::kMinScrapes * scrape_interval_) {
    check.reason = "NoData";
    check.message =
        metric.name + ": the window is shorter than two scrapes, and holds no growth of a counter";
    return check;
  }
  return counted_in_range(metric, window.length);
}

analysis::Check DrawnJudge::counted_in_range(const analysis::Metric& metric, Milliseconds window) const {
  const bool rate = metric.name == analysis::kSuccessRate;
  const auto edge =
      rate ? std::nullopt
           : analysis::edge_for(metric.range.max.value_or(duration_edges().back()), duration_edges());
  const auto counted = traffic_.counts(window, edge).candidate;
  const int least = canary_.judge.sequential ? 1 : canary_.judge.min_samples;
  analysis::Check check{.name = metric.name, .range = metric.range, .samples = counted.requests};
  if (counted.requests < least) {
    check.reason = counted.requests <= 0 ? "NoData" : "TooFewSamples";
    check.message = analysis::format_number(counted.requests) + " requests reached the candidate";
    return check;
  }
  if (rate) {
    check = analysis::judge_value(metric.name, {.subject = metric.name, .unit = "%"},
                                  kPerCent * (1 - counted.rate()), metric.range);
    check.samples = counted.requests;
    return check;
  }
  const bool slow = metric.range.max && counted.rate() > kTailOfP99;
  check.outcome = slow ? analysis::Outcome::Fail : analysis::Outcome::Pass;
  check.reason = slow ? "OutOfRange" : "WithinRange";
  check.message = metric.name + ": " + analysis::format_number(kPerCent * counted.rate()) +
                  " % of requests are slower than " +
                  analysis::format_number(edge.value_or(duration_edges().back())) + " ms";
  return check;
}

bool DrawnJudge::scraped_since(analysis::TimePoint time) const {
  const auto last = traffic_.now() - traffic_.now() % Milliseconds{scrape_interval_};
  return time_of(last) > time;
}

void DrawnJudge::compare(int step, int steps, int weight, Milliseconds begun,
                         analysis::Judgement& judgement) {
  const auto now = time_of(traffic_.now());
  const auto earliest = time_of(traffic_.now() - begun);
  if (trial_.step != step || earliest > trial_.until) analysis::begin_step(trial_, step, earliest);
  if (!scraped_since(trial_.until)) return add_unscraped(judgement);
  const auto since = now - trial_.until;
  std::vector<analysis::StreamCounts> counts;
  counts.reserve(trial_.streams.size());
  for (const auto& stream : trial_.streams) counts.push_back(traffic_.counts(since, stream.edge));
  analysis::add(trial_, counts, now, canary_.judge);
  const auto found = analysis::look(trial_, steps, weight >= analysis::kAllTraffic, canary_.judge);
  judgement.conclusive = found.finding == analysis::Finding::Against;
  for (const auto& [metric, template_name, template_namespace] : canary_.metrics) {
    if (has_stream(metric)) judgement.checks.push_back(analysis::compared_check(metric, trial_, found));
  }
}

bool DrawnJudge::has_stream(const analysis::Metric& metric) const {
  return std::ranges::find(trial_.streams, metric.name, &analysis::Stream::metric) != trial_.streams.end();
}

// The interval is counted with the next one.
void DrawnJudge::add_unscraped(analysis::Judgement& judgement) const {
  for (const auto& [metric, template_name, template_namespace] : canary_.metrics) {
    if (!has_stream(metric)) continue;
    judgement.checks.push_back({.name = metric.name,
                                .reason = "NoData",
                                .range = metric.range,
                                .message = "nothing was scraped since the last interval that was counted"});
  }
}

analysis::Judgement DrawnJudge::judge(int step, int steps, int weight, Milliseconds length,
                                      Milliseconds begun) {
  analysis::Judgement judgement;
  for (const auto& [metric, template_name, template_namespace] : canary_.metrics) {
    if (metric.range.given()) judgement.checks.push_back(in_range(metric, length, begun));
  }
  const bool measured =
      std::ranges::any_of(judgement.checks, [](const analysis::Check& check) { return check.samples > 0; });
  const auto counted = traffic_.counts(length, std::nullopt).candidate;
  judgement.all_failed =
      (measured || canary_.judge.sequential) && counted.requests > 0 && counted.failures >= counted.requests;
  if (canary_.judge.sequential) compare(step, steps, weight, begun, judgement);
  return analysis::concluded(std::move(judgement));
}

}  // namespace weir::cli
