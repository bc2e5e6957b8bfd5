#include "analysis/comparison.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "analysis/built_in.h"
#include "analysis/threshold.h"

namespace weir::analysis {
namespace {

constexpr Seconds kLeastHistory{600};
constexpr Seconds kMostHistory{3600};

Counts count(const RequestCounts& counts, const Stream& stream, const std::string& workload,
             const Period& period) {
  return stream.edge ? counts.slower(workload, *stream.edge, period) : counts.requests(workload, period);
}

class Comparer {
 public:
  Comparer(RequestCounter& counter, const Inquiry& inquiry)
      : counter_(counter), inquiry_(inquiry), end_(std::chrono::floor<Seconds>(inquiry.window.end)) {
    result_.trial = trial_from(inquiry.evidence);
    const TimePoint earliest = inquiry.window.earliest.value_or(end_ - inquiry.window.length);
    auto& trial = result_.trial;
    // A step that was interrupted, and has its weight again since then, is another one.
    if (trial.step != inquiry.step || earliest > trial.until) begin_step(trial, inquiry.step, earliest);
  }

  std::expected<Compared, ProviderError> run() {
    const Period period{std::max(result_.trial.until, end_ - kLongestInterval), end_};
    if (auto failure = take_in(period)) return std::unexpected(*std::move(failure));
    result_.look = look(result_.trial, inquiry_.steps, alone(), inquiry_.judge);
    return std::move(result_);
  }

 private:
  std::optional<ProviderError> take_in(const Period& period) {
    if (period.from >= period.to) {
      result_.no_data = "the interval has just begun";
      return std::nullopt;
    }
    const auto asked = ask(period, {});
    if (!asked) return asked.error();
    const auto& counted = **asked;
    const auto answered = counted.requests(inquiry_.subject.target, period);
    const auto candidate = of_candidate(answered);
    const auto stable = counted.requests(inquiry_.subject.stable, period);
    result_.all_failed = candidate.requests > 0 && candidate.failures >= candidate.requests;
    if (candidate.requests <= 0) return no_requests(inquiry_.subject.target);
    if (stable.requests <= 0 && !alone()) return no_requests(inquiry_.subject.stable);
    if (auto failure = add_streams(period.from, counted)) return failure;
    if (!result_.no_data.empty()) return std::nullopt;
    std::vector<StreamCounts> counts;
    counts.reserve(result_.trial.streams.size());
    for (const auto& stream : result_.trial.streams) {
      const auto own = count(counted, stream, inquiry_.subject.target, period);
      counts.push_back(
          {count(counted, stream, inquiry_.subject.stable, period), stream.edge ? own : of_candidate(own)});
    }
    // What had no host has no duration either.
    if (answered.requests > 0 &&
        std::ranges::any_of(counts, [](const StreamCounts& each) { return each.candidate.requests <= 0; })) {
      result_.no_data =
          "requests reached " + inquiry_.subject.target + ", but no duration of theirs is known";
      return std::nullopt;
    }
    add(result_.trial, counts, end_, inquiry_.judge);
    result_.counted = true;
    return std::nullopt;
  }

  // With the failures that no workload answers for.
  [[nodiscard]] Counts of_candidate(Counts counts) const {
    return counts += {.requests = hostless_, .failures = hostless_};
  }

  std::optional<ProviderError> no_requests(const std::string& workload) {
    result_.no_data = "no requests reached " + workload + " since the last interval that was counted";
    return std::nullopt;
  }

  // Streams of the metrics that have none yet, with what stable did before.
  std::optional<ProviderError> add_streams(TimePoint from, const RequestCounts& now) {
    for (const auto& metric : inquiry_.metrics) {
      if (!is_compared(metric)) continue;
      if (std::ranges::find(result_.trial.streams, metric.name, &Stream::metric) !=
          result_.trial.streams.end()) {
        continue;
      }
      const auto history =
          ask({from - history_length(inquiry_.window.length), from}, {inquiry_.subject.stable});
      if (!history) return history.error();
      auto added = streams_of(metric, **history, now, from);
      if (added.empty()) {
        result_.no_data = "requests reached " + inquiry_.subject.stable +
                          ", but no duration of theirs is known from before";
      }
      for (auto& stream : added) {
        learn(stream, intervals_of(stream, **history, from));
        result_.trial.streams.push_back(std::move(stream));
      }
    }
    return std::nullopt;
  }

  std::vector<Stream> streams_of(const Metric& metric, const RequestCounts& history, const RequestCounts& now,
                                 TimePoint from) {
    if (metric.name == kSuccessRate) return {{.metric = metric.name}};
    const auto edges = now.edges();
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
    return dominance_streams(metric, edges, history, {from - history_length(inquiry_.window.length), from});
  }

  // Of each tail that stable has; of the first edge that hardly any of its requests reaches, if it has none.
  [[nodiscard]] std::vector<Stream> dominance_streams(const Metric& metric, const std::vector<double>& edges,
                                                      const RequestCounts& history,
                                                      const Period& before) const {
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
  [[nodiscard]] std::vector<Counts> intervals_of(const Stream& stream, const RequestCounts& history,
                                                 TimePoint from) const {
    std::vector<Counts> intervals;
    intervals.reserve(kHistoryIntervals);
    const auto length = std::chrono::milliseconds{history_length(inquiry_.window.length)} / kHistoryIntervals;
    for (int i = kHistoryIntervals; i > 0; --i) {
      intervals.push_back(
          count(history, stream, inquiry_.subject.stable, {from - i * length, from - (i - 1) * length}));
    }
    return intervals;
  }

  std::expected<std::unique_ptr<const RequestCounts>, ProviderError> ask(const Period& period,
                                                                         std::vector<std::string> workloads) {
    auto reading = counter_.count({.subject = inquiry_.subject,
                                   .period = period,
                                   .now = inquiry_.window.end,
                                   .workloads = std::move(workloads),
                                   .durations = std::ranges::find(inquiry_.metrics, kDuration,
                                                                  &Metric::name) != inquiry_.metrics.end()});
    if (!reading) return std::unexpected(std::move(reading.error()));
    for (auto& warning : reading->warnings) warn(std::move(warning));
    hostless_ += reading->hostless;
    if (!reading->remark.empty()) result_.remark = std::move(reading->remark);
    return std::move(reading->counts);
  }

  [[nodiscard]] bool alone() const { return inquiry_.subject.weight >= kAllTraffic; }

  void warn(std::string warning) { result_.warnings.push_back(std::move(warning)); }

  RequestCounter& counter_;
  const Inquiry& inquiry_;
  const TimePoint end_;
  double hostless_ = 0;
  Compared result_;
};

}  // namespace

Seconds history_length(Seconds interval) {
  return std::clamp(kHistoryIntervals * interval, kLeastHistory, kMostHistory);
}

std::expected<Compared, ProviderError> compare(RequestCounter& counter, const Inquiry& inquiry) {
  return Comparer(counter, inquiry).run();
}

}  // namespace weir::analysis
