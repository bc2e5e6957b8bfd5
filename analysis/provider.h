// The door to a source of metrics. A provider is one file of providers/, one row of providers/registry.cc and
// one test; a provider that users may name has its type in the enum of MetricTemplate's definition, too,
// whose rules of spec.provider.address are those of Prometheus.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "analysis/check.h"
#include "analysis/evidence.h"
#include "analysis/fetch.h"
#include "analysis/threshold.h"

namespace weir::analysis {

// One metric of a release over one window. Where `metric` names no server, the provider asks the operator's
// own.
struct MetricQuery {
  const Metric& metric;
  const Subject& subject;
  const Window& window;  // the metric's own interval, if it has one, replaces its length
  // Requests of the candidate in the window without which nothing is to be said of it, if they are known.
  double least_samples = 1;
};

struct Measured {
  double value = 0;  // finite
  Wording wording;
  std::optional<double> stable;  // the same of the stable version
  std::string remark;            // a sentence without its end: what `value` counts beside the usual; or empty
};

// The provider answered, and there is no value to judge.
struct NoData {
  std::string reason = "NoData";  // of Check::reason
  std::string message;            // a sentence
  // False: to wait or to mend the query is the only thing that helps, so that onNoData has no say.
  bool policy_applies = true;
  bool too_early = false;  // the next interval has what this one lacks
};

struct ProviderError {
  std::string message;    // a sentence that names the server and what came back, and no credentials
  bool rejected = false;  // the query cannot be evaluated: asking again does not help
};

struct Reading {
  std::variant<NoData, Measured, ProviderError> result;
  std::optional<double> samples;  // requests of the candidate in the window, where known
  bool all_failed = false;        // there were requests of the candidate, and none succeeded
  std::vector<std::string> warnings;
};

// A half-open period (from, to].
struct Period {
  TimePoint from;
  TimePoint to;
};

// Exact counts of the requests of a namespace's workloads. Every request counts in one period only, however
// periods follow one another.
class RequestCounts {
 public:
  virtual ~RequestCounts() = default;
  [[nodiscard]] virtual Counts requests(std::string_view workload, const Period& period) const = 0;
  // Those slower than `edge` (milliseconds) count as failures.
  [[nodiscard]] virtual Counts slower(std::string_view workload, double edge, const Period& period) const = 0;
  // The edges that `slower` can tell, rising; empty: no durations are known.
  [[nodiscard]] virtual std::vector<double> edges() const = 0;
};

struct CountsQuery {
  const Subject& subject;
  Period period;
  TimePoint now;                       // not before the period's end
  std::vector<std::string> workloads;  // empty: all of the namespace
  bool durations = false;              // are asked for, too
};

struct CountsReading {
  std::unique_ptr<const RequestCounts> counts;  // never null
  // Failures in the period that no workload answers for by its name, and that count against the candidate;
  // where the whole namespace was asked for.
  double hostless = 0;
  std::string remark;  // a sentence without its end on such failures, counted or in doubt; or empty
  std::vector<std::string> warnings;
};

// What the sequential judge needs of a provider beyond Provider::ask: of the operator's own server.
class RequestCounter {
 public:
  virtual ~RequestCounter() = default;
  [[nodiscard]] virtual std::expected<CountsReading, ProviderError> count(const CountsQuery& query) = 0;
};

struct SplitQuery {
  const Subject& subject;
  const Window& window;
  bool direct = false;        // requests to the Service that no divided route carries count as well
  bool only_trusted = false;  // those of proxies that are not trusted (Subject::trusted) do not count
};

// Tells what each proxy has sent to either version, of the operator's own server.
class SplitCounter {
 public:
  virtual ~SplitCounter() = default;
  [[nodiscard]] virtual Split count_split(const SplitQuery& query) = 0;
};

// Thread-safe. A call blocks for as long as the fetch that the provider was made with does, and does not
// throw.
class Provider {
 public:
  virtual ~Provider() = default;
  [[nodiscard]] virtual Reading ask(const MetricQuery& query) = 0;
  // Null: it cannot count, and `judge.type: sequential` cannot be had of it.
  [[nodiscard]] virtual RequestCounter* counter() { return nullptr; }
  // Null: it cannot tell, and whether proxies follow the routes is not known by it.
  [[nodiscard]] virtual SplitCounter* split_counter() { return nullptr; }
};

// By type, as MetricTemplates name it.
using Providers = std::map<std::string, std::unique_ptr<Provider>, std::less<>>;

}  // namespace weir::analysis
