#include "analysis/providers/prometheus/counters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "analysis/providers/prometheus/queries.h"
#include "analysis/providers/prometheus/query_template.h"

namespace weir::analysis {
namespace {

constexpr std::string_view kEdge = "le";

std::optional<double> edge_of(const Series& series) {
  const auto text = label_of(series, kEdge);
  double edge = 0;
  const auto [last, error] = std::from_chars(text.begin(), text.end(), edge);
  const bool read = error == std::errc{} && last == text.end() && std::isfinite(edge);
  return read ? std::optional(edge) : std::nullopt;
}

bool is_last_bucket(const Series& series) { return label_of(series, kEdge) == "+Inf"; }

std::string samples_query(std::string_view counter, std::string_view name_space, Seconds range,
                          const std::vector<std::string>& workloads) {
  auto pattern = one_of(workloads);
  if (!pattern.empty()) pattern = ",destination_workload=~\"" + escape_literal(pattern) + '"';
  return std::string(counter) + R"({reporter="source",destination_workload_namespace=")" +
         escape_literal(name_space) + '"' + pattern + "}[" + std::to_string(range.count()) + "s]";
}

}  // namespace

Counters::Counters(const Vector& answer) : answer_(answer) {
  for (const auto& series : answer.series) {
    if (series.samples.empty()) continue;
    const auto first = series.samples.front().at;
    const auto [known, added] = sources_.try_emplace(source_of(series), first);
    if (!added) known->second = std::min(known->second, first);
  }
}

Counters::Source Counters::source_of(const Series& series) {
  return {label_of(series, "job"), label_of(series, "instance")};
}

double Counters::growth(const Series& series, const Period& period) const {
  std::optional<double> before;
  if (sources_.at(source_of(series)) <= period.from) before = 0;
  double grown = 0;
  for (const auto& sample : series.samples) {
    if (sample.at > period.to) break;
    if (!std::isfinite(sample.value) || sample.value < 0) continue;
    if (sample.at > period.from && before) {
      grown += sample.value >= *before ? sample.value - *before : sample.value;
    }
    before = sample.value;
  }
  return std::round(grown);
}

Counts Counters::requests(std::string_view workload, const Period& period) const {
  Counts counts;
  for (const auto& series : answer_.series) {
    if (series.samples.empty() || label_of(series, kWorkload) != workload) continue;
    const double grown = growth(series, period);
    counts.requests += grown;
    if (failed(series)) counts.failures += grown;
  }
  return counts;
}

Counts Counters::slower(std::string_view workload, double edge, const Period& period) const {
  double all = 0;
  double quick = 0;
  for (const auto& series : answer_.series) {
    if (series.samples.empty() || label_of(series, kWorkload) != workload) continue;
    if (is_last_bucket(series)) all += growth(series, period);
    if (edge_of(series) == edge) quick += growth(series, period);
  }
  return {.requests = all, .failures = std::max(all - quick, 0.0)};
}

std::vector<double> Counters::edges() const {
  std::set<double> edges;
  for (const auto& series : answer_.series) {
    if (const auto edge = edge_of(series)) edges.insert(*edge);
  }
  return {edges.begin(), edges.end()};
}

std::string request_samples_query(std::string_view name_space, Seconds range,
                                  const std::vector<std::string>& workloads) {
  return samples_query("istio_requests_total", name_space, range, workloads);
}

std::string duration_samples_query(std::string_view name_space, Seconds range,
                                   const std::vector<std::string>& workloads) {
  return samples_query(kDurationBuckets, name_space, range, workloads);
}

}  // namespace weir::analysis
