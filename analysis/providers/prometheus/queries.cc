#include "analysis/providers/prometheus/queries.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/providers/prometheus/query_template.h"

namespace weir::analysis {
namespace {

constexpr std::string_view kCode = "response_code";
constexpr std::string_view kGrpcStatus = "grpc_response_status";
constexpr std::array<std::string_view, 6> kGrpcFaults{"2", "4", "12", "13", "14", "15"};
constexpr Seconds kScrapesRange{120};
// Up to which numbers of requests are exact, and can be added up.
constexpr double kMostRequests = 1e15;

std::string selector(std::string_view series, std::string_view name_space) {
  return std::string(series) + R"({reporter="source",destination_workload_namespace=")" +
         escape_literal(name_space) + R"("})";
}

std::string in_seconds(Seconds duration) { return std::to_string(duration.count()) + "s"; }

// By how much each counter grew during the window; requests_query says how this differs from increase().
std::string growth(const std::string& counter, Seconds window) {
  const std::string length = in_seconds(window);
  return "((" + counter + " unless " + counter + " offset " + length +
         ") and on (job, instance) (up offset " + length + " == 1)) or increase(" + counter + "[" + length +
         "])";
}

}  // namespace

std::string_view label_of(const Series& series, std::string_view name) {
  const auto found = series.labels.find(std::string(name));
  return found == series.labels.end() ? std::string_view{} : std::string_view{found->second};
}

bool failed(const Series& series) {
  const auto code = label_of(series, kCode);
  const bool server_error = code.size() == 3 && code.starts_with('5');
  return server_error || std::ranges::find(kGrpcFaults, label_of(series, kGrpcStatus)) != kGrpcFaults.end();
}

std::string requests_query(std::string_view name_space, Seconds window) {
  return "sum by (" + std::string(kWorkload) + ", " + std::string(kCode) + ", " + std::string(kGrpcStatus) +
         ") (" + growth(selector("istio_requests_total", name_space), window) + ")";
}

Requests requests_of(const Vector& answer, std::string_view workload) {
  Requests requests;
  for (const auto& series : answer.series) {
    if (label_of(series, kWorkload) != workload) continue;
    requests.usable = requests.usable && series.value >= 0 && series.value <= kMostRequests;
    (failed(series) ? requests.failed : requests.succeeded) += series.value;
  }
  return requests;
}

std::string duration_query(std::string_view name_space, Seconds window) {
  return "histogram_quantile(0.99, sum by (" + std::string(kWorkload) + ", le) (" +
         growth(selector("istio_request_duration_milliseconds_bucket", name_space), window) + "))";
}

std::optional<double> value_of(const Vector& answer, std::string_view workload) {
  for (const auto& series : answer.series) {
    if (label_of(series, kWorkload) == workload && std::isfinite(series.value)) return series.value;
  }
  return std::nullopt;
}

std::string scrapes_query(std::string_view name_space) {
  const std::string counter = selector("istio_requests_total", name_space);
  const std::string range = in_seconds(kScrapesRange);
  return "max(count_over_time(" + counter + "[" + range + "]) and " + counter + " offset " + range + ")";
}

std::optional<Seconds> scrape_interval_of(const Vector& answer) {
  if (answer.series.size() != 1) return std::nullopt;
  const double count = answer.series.front().value;
  if (!std::isfinite(count) || count < 1) return std::nullopt;
  return Seconds{std::llround(std::ceil(static_cast<double>(kScrapesRange.count()) / count))};
}

}  // namespace weir::analysis
