// The built-in metrics: what is asked of Istio's standard series, and how the answer is read.
//
// Only what the source proxy measured counts (reporter="source"): a destination that is down reports nothing.
// One query answers for every workload of a namespace, so that all releases with the same window share it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/check.h"
#include "analysis/providers/prometheus/api.h"
#include "analysis/split.h"

namespace weir::analysis {

inline constexpr std::string_view kWorkload = "destination_workload";
inline constexpr std::string_view kUnknownWorkload = "unknown";
inline constexpr std::string_view kHost = "destination_service";
inline constexpr std::string_view kFlags = "response_flags";
inline constexpr std::string_view kSourceNamespace = "source_workload_namespace";

inline constexpr std::string_view kDurationBuckets = "istio_request_duration_milliseconds_bucket";

// The regular expression that these names match, and nothing else; empty of none.
[[nodiscard]] std::string one_of(const std::vector<std::string>& names);
// Empty if the series has no such label.
[[nodiscard]] std::string_view label_of(const Series& series, std::string_view name);
// Whether the requests of a series failed; requests_of says which do.
[[nodiscard]] bool failed(const Series& series);
// Whether the proxy that sent a series' requests is under the control of whoever the release trusts. One that
// does not say whose it is is taken for one.
[[nodiscard]] bool is_trusted(const Series& series, const Subject& subject);
// Whom routes divide: the Service, or the release's own in its place.
[[nodiscard]] const std::string& divided_service(const Subject& subject);
// Whether a value can be a number of requests, and be added to others; NaN is none.
[[nodiscard]] bool counts_requests(double value);

// Requests of one workload in a window. Prometheus extrapolates, so they are not always whole numbers.
struct Requests {
  double succeeded = 0;
  double failed = 0;
  // False: a count was negative, NaN or beyond all reason, so that nothing can be said of the others either.
  bool usable = true;
  [[nodiscard]] double total() const { return succeeded + failed; }
};

// Requests of every workload of the namespace during `window`, by response code and gRPC status. Unlike plain
// increase(), a series whose first sample lies in the window counts from zero: the first errors of a
// candidate make a series that did not exist before, and must not be missed. That needs the source to have
// been scraped when the window began (its `up` was 1); a source that was not is counted from its first
// sample, as increase() does.
[[nodiscard]] std::string requests_query(std::string_view name_space, Seconds window);

// What requests_query answered for one workload. A request failed if its code is 5xx, or if its gRPC status
// is the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE or DATA_LOSS (the
// statuses that OpenTelemetry takes for a server's errors). One that the client gave up (code 0) did not
// fail.
[[nodiscard]] Requests requests_of(const Vector& answer, std::string_view workload);

// 99th percentile in milliseconds of every workload of the namespace during `window`.
[[nodiscard]] std::string duration_query(std::string_view name_space, Seconds window);

// The one value that the answer has for the workload; empty if it has none, or not a finite one.
[[nodiscard]] std::optional<double> value_of(const Vector& answer, std::string_view workload);

// Requests to every workload of the namespace during `window`, by the Service that was called and the proxy
// that sent them. Requests count when they are answered: those that took longer than kLongestCounted tell of
// routes as they were, and are left out, as upgraded connections (code 101) are. Nothing is extrapolated: it
// is the growth between the scrapes that the window holds, the first of which is no later than `scrapes`, the
// time between two, after its begin (0: not known). A counter that was reset in it is left out. `workloads`:
// of these alone, and by the proxies' own workloads, for a namespace whose answer is too long.
[[nodiscard]] std::string split_query(std::string_view name_space, Seconds window, Seconds scrapes,
                                      const std::vector<std::string>& workloads = {});
// A bound of the histogram that Istio's proxies have by default.
inline constexpr std::chrono::milliseconds kLongestCounted{5000};
// What split_query answered of a release's Service, by proxy; those that sent nothing to it are left out.
// `direct`: also requests to the Service itself where divided routes name another one. Empty: a count was no
// number of requests.
[[nodiscard]] std::optional<std::vector<Sent>> sent_of(const Vector& answer, const Subject& subject,
                                                       bool direct);

enum class Named { All, Hostless };
// Requests to every Service of the namespace during `window`, as they count in requests_query, by what Istio
// knows of a Service whatever became of the request, by workload, code, flags and gRPC status; or those of
// no workload that is known alone (hostless.h). Only of proxies that is_trusted() takes: a name without a dot
// may be any that a client anywhere in the mesh makes up. `services`: of these alone, for an answer that is
// too long.
[[nodiscard]] std::string service_query(const Subject& subject, Seconds window, Named named,
                                        const std::vector<std::string>& services = {});

// Samples that one series of the namespace has in two minutes. Only series that are older than that count; a
// younger one would make the scrape interval look long. Empty answer: there are none yet.
[[nodiscard]] std::string scrapes_query(std::string_view name_space);
// Rounded up to a whole second; empty if it cannot be told.
[[nodiscard]] std::optional<Seconds> scrape_interval_of(const Vector& answer);

}  // namespace weir::analysis
