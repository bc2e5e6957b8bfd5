#include "analysis/providers/prometheus/queries.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "analysis/providers/prometheus/query_template.h"

namespace weir::analysis {
namespace {

constexpr std::string_view kCode = "response_code";
constexpr std::string_view kGrpcStatus = "grpc_response_status";
constexpr std::string_view kService = "destination_service_name";
constexpr std::string_view kSource = "source_workload";
constexpr std::array<std::string_view, 6> kGrpcFaults{"2", "4", "12", "13", "14", "15"};
constexpr Seconds kScrapesRange{120};
// Up to which numbers of requests are exact, and can be added up.
constexpr double kMostRequests = 1e15;

std::string selector(std::string_view series, std::string_view name_space) {
  return std::string(series) + R"({reporter="source",destination_workload_namespace=")" +
         escape_literal(name_space) + R"("})";
}

std::string in_seconds(Seconds duration) { return std::to_string(duration.count()) + "s"; }

// Of counters that began within the window, at a source that was scraped before it.
std::string first_growth(const std::string& counter, const std::string& length) {
  return "((" + counter + " unless " + counter + " offset " + length +
         ") and on (job, instance) (up offset " + length + " == 1))";
}

// By how much each counter grew during the window; requests_query says how this differs from increase().
std::string growth(const std::string& counter, Seconds window) {
  const std::string length = in_seconds(window);
  return first_growth(counter, length) + " or increase(" + counter + "[" + length + "])";
}

// The proxy that sent a series' requests, by what is known of it.
std::string proxy_of(const Series& series) {
  const std::string workload(label_of(series, kSource));
  const auto name_space = label_of(series, kSourceNamespace);
  const auto full = workload + (workload.empty() || name_space.empty() ? "" : ".") + std::string(name_space);
  const auto pod = label_of(series, "pod");
  const std::string own(pod.empty() ? label_of(series, "instance") : pod);
  if (own.empty()) return full.empty() ? "a proxy without a name" : full;
  return full.empty() ? own : own + " (" + full + ")";
}

}  // namespace

bool is_trusted(const Series& series, const Subject& subject) {
  const auto name_space = label_of(series, kSourceNamespace);
  return name_space.empty() || name_space == kUnknownWorkload || name_space == subject.name_space ||
         subject.trusted.contains(name_space);
}

const std::string& divided_service(const Subject& subject) {
  return subject.traffic_service.empty() ? subject.service : subject.traffic_service;
}

bool counts_requests(double value) { return value >= 0 && value <= kMostRequests; }

std::string one_of(const std::vector<std::string>& names) {
  std::string pattern;
  for (const auto& name : names) {
    if (!pattern.empty()) pattern += '|';
    for (const char c : name) {
      if (std::string_view(R"(\.+*?()|[]{}^$)").contains(c)) pattern += '\\';
      pattern += c;
    }
  }
  return pattern;
}

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
    requests.usable = requests.usable && counts_requests(series.value);
    (failed(series) ? requests.failed : requests.succeeded) += series.value;
  }
  return requests;
}

std::string duration_query(std::string_view name_space, Seconds window) {
  return "histogram_quantile(0.99, sum by (" + std::string(kWorkload) + ", le) (" +
         growth(selector(kDurationBuckets, name_space), window) + "))";
}

std::optional<double> value_of(const Vector& answer, std::string_view workload) {
  for (const auto& series : answer.series) {
    if (label_of(series, kWorkload) == workload && std::isfinite(series.value)) return series.value;
  }
  return std::nullopt;
}

std::string split_query(std::string_view name_space, Seconds window, Seconds scrapes,
                        const std::vector<std::string>& workloads) {
  const std::string length = in_seconds(window);
  // Prometheus writes a bound as its scrape or as a number of floating point, by its version.
  const auto bound = std::to_string(kLongestCounted.count());
  std::string counter = std::string(kDurationBuckets) + R"({reporter="source",le=~")" + bound + "|" + bound +
                        R"([.]0",response_code!="101",destination_workload_namespace=")" +
                        escape_literal(name_space) + '"';
  if (!workloads.empty()) counter += R"(,destination_workload=~")" + escape_literal(one_of(workloads)) + '"';
  counter += '}';
  const std::string in_window = counter + "[" + length + "]";
  return "sum by (" + std::string(kWorkload) + ", " + std::string(kService) + ", " + std::string(kSource) +
         ", " + std::string(kSourceNamespace) + (workloads.empty() ? ", pod, instance" : "") + ") (" +
         first_growth(counter, in_seconds(window - scrapes)) + " or ((max_over_time(" + in_window +
         ") - min_over_time(" + in_window + ")) unless resets(" + in_window + ") > 0))";
}

std::optional<std::vector<Sent>> sent_of(const Vector& answer, const Subject& subject, bool direct) {
  const auto& divided = divided_service(subject);
  std::map<std::string, Sent> proxies;
  for (const auto& series : answer.series) {
    const auto service = label_of(series, kService);
    if (service != divided && (!direct || service != subject.service)) continue;
    const auto workload = label_of(series, kWorkload);
    const bool candidate = workload == subject.target;
    if (!candidate && workload != subject.stable) continue;
    if (!counts_requests(series.value)) return std::nullopt;
    const auto name = proxy_of(series);
    auto& sent =
        proxies.try_emplace(name, Sent{.proxy = name, .trusted = is_trusted(series, subject)}).first->second;
    (candidate ? sent.candidate : sent.stable) += std::round(series.value);
  }
  std::vector<Sent> all;
  for (auto& [name, sent] : proxies) {
    if (sent.total() > 0) all.push_back(std::move(sent));
  }
  return all;
}

std::string service_query(const Subject& subject, Seconds window, Named named,
                          const std::vector<std::string>& services) {
  // Of a cluster in full; of a request without one as its client wrote it, perhaps with a port.
  const auto host = (services.empty() ? "[^.:]+" : "(" + one_of(services) + ")") + "([.]" +
                    one_of({subject.name_space}) + "([.]svc([.][^:]*)?)?)?(:[0-9]+)?";
  std::vector<std::string> sources(subject.trusted.begin(), subject.trusted.end());
  sources.insert(sources.begin(), {subject.name_space, std::string(kUnknownWorkload)});
  std::string counter = R"(istio_requests_total{reporter="source",destination_service=~")" +
                        escape_literal(host) + "\"," + std::string(kSourceNamespace) + "=~\"" +
                        escape_literal(one_of(sources)) + "|\"";  // or none
  if (named == Named::Hostless)
    counter += "," + std::string(kWorkload) + "=\"" + std::string(kUnknownWorkload) + "\"";
  counter += '}';
  std::string by;
  for (const auto label : {kHost, kSourceNamespace, kWorkload, kCode, kFlags, kGrpcStatus})
    by += (by.empty() ? "" : ", ") + std::string(label);
  return "sum by (" + by + ") (" + growth(counter, window) + ")";
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
