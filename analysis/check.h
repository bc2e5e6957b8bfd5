// Metrics and how one of them is judged: the plain values of the analysis.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weir::analysis {

using Seconds = std::chrono::seconds;
using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

// What to make of a check that has no answer. Hold: inconclusive, the release waits.
enum class Policy { Hold, Fail, Pass };

struct Range {
  std::optional<double> min, max;  // ends included; at least one is set
};

// One metric of spec.analysis.metrics, with its template already resolved.
struct Metric {
  std::string name;   // request-success-rate and request-duration are built in, unless `query` is set
  std::string query;  // PromQL with {{ variables }}; empty: the built-in of that name
  Range range;
  // Length of the window; empty: the analysis' interval. A longer one reaches back before the step, as its
  // owner asked.
  std::optional<Seconds> interval;
  std::map<std::string, std::string> template_variables;
  std::string address;                         // of the Prometheus to ask; empty: the operator's own
  std::map<std::string, std::string> headers;  // sent with the query (credentials among them: never logged)
  bool insecure_skip_verify = false;
  Policy on_no_data = Policy::Hold;
  Policy on_provider_error = Policy::Hold;
};

// What a query is about. Names are inserted into PromQL escaped.
struct Subject {
  std::string name_space;
  std::string name;    // of the Canary
  std::string target;  // candidate's workload
  std::string stable;  // stable's workload
  std::string service;
  int weight = 0;  // per cent, of the step that is judged
};

// The period that is judged: [end - length, end], whole seconds of it.
struct Window {
  TimePoint end;
  Seconds length{60};
  // Since when the step's weight is in force: a window that has to be widened never begins before it. Empty:
  // no bound.
  std::optional<TimePoint> earliest;
};

enum class Outcome { Pass, Fail, Inconclusive };

struct Check {
  std::string name;
  Outcome outcome = Outcome::Inconclusive;
  // WithinRange, OutOfRange, NoData, NotANumber, ManySeries, WindowTooShort, ProviderError, QueryRejected
  std::string reason;
  std::optional<double> value;
  Range range;
  std::optional<double> stable;   // the same of the stable version, where the query tells them apart
  std::optional<double> samples;  // requests of the candidate in the window, where known
  std::string message;            // "p99 612 ms > 500 ms"
};

// All metrics of one interval. Fail if any fails, else Inconclusive if any is, else Pass.
struct Judgement {
  Outcome outcome = Outcome::Inconclusive;
  std::vector<Check> checks;
  std::string message;  // of the check that decided it
  // Every request of the candidate failed: successes are 0 among `samples` requests.
  bool all_failed = false;
  bool provider_available = true;     // false: the provider did not answer, `message` says how
  std::vector<std::string> warnings;  // a window that had to be widened …
};

}  // namespace weir::analysis
