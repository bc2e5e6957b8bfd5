#include "analysis/comparison.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "analysis/counters.h"
#include "analysis/queries.h"
#include "analysis/threshold.h"

namespace weir::analysis {
namespace {

using Shared = std::shared_ptr<const QueryResult>;
using Query = std::string (*)(std::string_view, Seconds, const std::vector<std::string>&);

// How far a counter's last sample may lie back: some scrapes, and no more than Prometheus looks back itself.
constexpr int kLookBackScrapes = 4;
constexpr Seconds kMostLookBack{300};
// Ranges are rounded up to this, so that releases which look at the same time ask the same.
constexpr Seconds kRangeUnit{60};
constexpr Seconds kLeastHistory{600};
constexpr Seconds kMostHistory{3600};

// Samples of both counters that cover one period. The counters read the answers.
struct Source {
  Shared request_samples;
  Shared duration_samples;  // null: no metric needs them
  Counters requests{**request_samples};
  std::optional<Counters> durations =
      duration_samples ? std::optional<Counters>(**duration_samples) : std::nullopt;

  [[nodiscard]] Counts count(const Stream& stream, const std::string& workload, const Period& period) const {
    if (!stream.edge) return requests.requests(workload, period);
    return durations ? durations->slower(workload, *stream.edge, period) : Counts{};
  }
};

class Comparer {
 public:
  Comparer(SharedAnswers& answers, ScrapeIntervals& scrapes, const Server& server, const Inquiry& inquiry)
      : answers_(answers),
        server_(server),
        inquiry_(inquiry),
        end_(std::chrono::floor<Seconds>(inquiry.window.end)),
        look_back_(look_back(scrapes)) {
    result_.trial = trial_from(inquiry.evidence);
    const TimePoint earliest = inquiry.window.earliest.value_or(end_ - inquiry.window.length);
    auto& trial = result_.trial;
    // A step that was interrupted, and has its weight again since then, is another one.
    if (trial.step != inquiry.step || earliest > trial.until) begin_step(trial, inquiry.step, earliest);
  }

  std::expected<Compared, QueryError> run() {
    const Period period{std::max(result_.trial.until, end_ - kLongestInterval), end_};
    if (auto failure = count(period)) return std::unexpected(*std::move(failure));
    result_.look = look(result_.trial, inquiry_.steps, alone(), inquiry_.judge);
    return std::move(result_);
  }

 private:
  std::optional<QueryError> count(const Period& period) {
    if (period.from >= period.to) {
      result_.no_data = "the interval has just begun";
      return std::nullopt;
    }
    const auto source = ask(period, {});
    if (!source) return source.error();
    const auto candidate = source->requests.requests(inquiry_.subject.target, period);
    const auto stable = source->requests.requests(inquiry_.subject.stable, period);
    result_.all_failed = candidate.requests > 0 && candidate.failures >= candidate.requests;
    if (candidate.requests <= 0) return no_requests(inquiry_.subject.target);
    if (stable.requests <= 0 && !alone()) return no_requests(inquiry_.subject.stable);
    if (auto failure = add_streams(period.from, *source)) return failure;
    if (!result_.no_data.empty()) return std::nullopt;
    std::vector<StreamCounts> counts;
    counts.reserve(result_.trial.streams.size());
    for (const auto& stream : result_.trial.streams) {
      counts.push_back({source->count(stream, inquiry_.subject.stable, period),
                        source->count(stream, inquiry_.subject.target, period)});
    }
    if (std::ranges::any_of(counts, [](const StreamCounts& each) { return each.candidate.requests <= 0; })) {
      result_.no_data =
          "requests reached " + inquiry_.subject.target + ", but no duration of theirs is known";
      return std::nullopt;
    }
    add(result_.trial, counts, end_, inquiry_.judge);
    result_.counted = true;
    return std::nullopt;
  }

  std::optional<QueryError> no_requests(const std::string& workload) {
    result_.no_data = "no requests reached " + workload + " since the last interval that was counted";
    return std::nullopt;
  }

  // Streams of the metrics that have none yet, with what stable did before.
  std::optional<QueryError> add_streams(TimePoint from, const Source& now) {
    for (const auto& metric : inquiry_.metrics) {
      if (!is_compared(metric)) continue;
      if (std::ranges::find(result_.trial.streams, metric.name, &Stream::metric) !=
          result_.trial.streams.end()) {
        continue;
      }
      const auto history =
          ask({from - history_length(inquiry_.window.length), from}, {inquiry_.subject.stable});
      if (!history) return history.error();
      auto added = streams_of(metric, *history, now, from);
      if (added.empty()) {
        result_.no_data = "requests reached " + inquiry_.subject.stable +
                          ", but no duration of theirs is known from before";
      }
      for (auto& stream : added) {
        learn(stream, intervals_of(stream, *history, from));
        result_.trial.streams.push_back(std::move(stream));
      }
    }
    return std::nullopt;
  }

  std::vector<Stream> streams_of(const Metric& metric, const Source& history, const Source& now,
                                 TimePoint from) {
    if (metric.name == kSuccessRate) return {{.metric = metric.name}};
    if (!now.durations || !history.durations) return {};
    const auto edges = now.durations->edges();
    if (metric.range.max) {
      const auto edge = edge_for(*metric.range.max, edges);
      if (!edge) return {};
      if (*edge != *metric.range.max) {
        warn(metric.name + ": " + format_number(*metric.range.max) +
             " ms is no edge of the histogram's buckets; the next one, " + format_number(*edge) +
             " ms, is compared instead");
      }
      return {{.metric = metric.name, .edge = edge}};
    }
    return dominance_streams(metric, edges, *history.durations,
                             {from - history_length(inquiry_.window.length), from});
  }

  // Of each tail that stable has; of the first edge that hardly any of its requests reaches, if it has none.
  [[nodiscard]] std::vector<Stream> dominance_streams(const Metric& metric, const std::vector<double>& edges,
                                                      const Counters& history, const Period& before) const {
    std::vector<Stream> streams;
    for (const double edge : edges) {
      const auto slower = history.slower(inquiry_.subject.stable, edge, before);
      if (slower.requests <= 0 || slower.rate() > kMostTail) continue;
      const bool last = slower.rate() < kLeastTail;
      if (last && !streams.empty()) break;
      streams.push_back({.metric = metric.name, .edge = edge, .dominance = true});
      if (last) break;
    }
    return streams;
  }

  // What stable did before the release.
  [[nodiscard]] std::vector<Counts> intervals_of(const Stream& stream, const Source& history,
                                                 TimePoint from) const {
    std::vector<Counts> intervals;
    intervals.reserve(kHistoryIntervals);
    const auto length = std::chrono::milliseconds{history_length(inquiry_.window.length)} / kHistoryIntervals;
    for (int i = kHistoryIntervals; i > 0; --i) {
      intervals.push_back(
          history.count(stream, inquiry_.subject.stable, {from - i * length, from - (i - 1) * length}));
    }
    return intervals;
  }

  std::expected<Source, QueryError> ask(const Period& period, const std::vector<std::string>& workloads) {
    const auto needed = std::chrono::ceil<Seconds>(period.to - period.from) + look_back_;
    const auto range = (needed + kRangeUnit - Seconds{1}) / kRangeUnit * kRangeUnit;
    const auto requests = ask(&request_samples_query, range, period.to, workloads);
    if (!*requests) return std::unexpected(requests->error());
    Shared durations;
    if (std::ranges::find(inquiry_.metrics, kDuration, &Metric::name) != inquiry_.metrics.end()) {
      durations = ask(&duration_samples_query, range, period.to, workloads);
      if (!*durations) return std::unexpected(durations->error());
    }
    return Source{requests, durations};
  }

  // The whole namespace, so that releases share the answer; the release's own workloads if that is too much.
  Shared ask(Query query, Seconds range, TimePoint at, const std::vector<std::string>& workloads) {
    const auto& subject = inquiry_.subject;
    auto answer = answers_.ask(server_, query(subject.name_space, range, workloads), at, Shape::Samples);
    const bool too_large = !*answer && answer->error().kind == QueryError::Kind::TooLarge;
    if (too_large && workloads.empty()) {
      return ask(query, range, at, {subject.stable, subject.target});
    }
    if (*answer) std::ranges::for_each((*answer)->warnings, [&](const auto& each) { warn(each); });
    return answer;
  }

  Seconds look_back(ScrapeIntervals& scrapes) const {
    const auto interval = scrapes.of(server_, inquiry_.subject.name_space, inquiry_.window.end);
    return interval ? std::min(kLookBackScrapes * *interval, kMostLookBack) : kMostLookBack;
  }

  [[nodiscard]] bool alone() const { return inquiry_.subject.weight >= kAllTraffic; }

  void warn(std::string warning) { result_.warnings.push_back(std::move(warning)); }

  SharedAnswers& answers_;
  const Server& server_;
  const Inquiry& inquiry_;
  const TimePoint end_;
  const Seconds look_back_;
  Compared result_;
};

}  // namespace

Seconds history_length(Seconds interval) {
  return std::clamp(kHistoryIntervals * interval, kLeastHistory, kMostHistory);
}

std::expected<Compared, QueryError> compare(SharedAnswers& answers, ScrapeIntervals& scrapes,
                                            const Server& server, const Inquiry& inquiry) {
  return Comparer(answers, scrapes, server, inquiry).run();
}

}  // namespace weir::analysis
