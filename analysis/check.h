// Metrics and how one of them is judged: the plain values of the analysis.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "analysis/fetch.h"

namespace weir::analysis {

using Seconds = std::chrono::seconds;
using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

// What to make of a check that has no answer. Hold: inconclusive, the release waits.
enum class Policy { Hold, Fail, Pass };

struct Range {
  std::optional<double> min, max;  // ends included
  [[nodiscard]] bool given() const { return min || max; }
};

// One metric of spec.analysis.metrics, with its template already resolved.
struct Metric {
  std::string name;   // request-success-rate and request-duration are built in, unless `query` is set
  std::string query;  // PromQL with {{ variables }}; empty: the built-in of that name
  Range range;        // not given: only the sequential judge looks at it
  // Length of the window; empty: the analysis' interval. A longer one reaches back before the step, as its
  // owner asked.
  std::optional<Seconds> interval;
  std::map<std::string, std::string> template_variables;
  std::string provider;                        // type of it (providers/registry.h); empty: prometheus
  std::string address;                         // of the Prometheus to ask; empty: the operator's own
  std::map<std::string, std::string> headers;  // sent with the query: never logged
  // Entries of the Secret that the MetricTemplate names; each provider says which it knows. Never logged.
  std::map<std::string, std::string> secret;
  Tls tls;
  std::string problem;  // why the provider cannot be asked; empty: it can
  Policy on_no_data = Policy::Hold;
  Policy on_provider_error = Policy::Hold;
};

// How checks become a verdict: spec.analysis.judge. Ranges of metrics are checked in either case.
struct JudgeSettings {
  bool sequential = false;    // compares the candidate with stable as well (sequential.h)
  double alpha = 0.01;        // of a release: how often an equal candidate is taken back
  double beta = 0.05;         // of a step: how often a candidate that is clearly worse goes on
  double tolerance = 0.0005;  // share of requests that the candidate may fail more than stable
  bool advance_early = true;  // a step ends by the certificate, not by its interval
  // Requests of the candidate without which there is no verdict: in the window of a range, or in the step.
  int min_samples = 1;
};

// What a query is about. Names are inserted into PromQL escaped.
struct Subject {
  std::string name_space;
  std::string name;    // of the Canary
  std::string target;  // candidate's workload
  std::string stable;  // stable's workload
  std::string service;
  int weight = 0;  // per cent, of the step that is judged
  // The Service that divided routes name, if it is not `service`.
  std::string traffic_service;
  std::string candidate_service;  // the candidate's own, which leads to it alone; empty: it has none
  // Since when the release runs: what was there before is none of its doing. Empty: not known.
  std::optional<TimePoint> began;
  bool divided = false;  // all requests that trusted proxies send to the Service are, as `weight` says
  // Namespaces whose proxies are under the control of whoever the release trusts, beside its own.
  std::set<std::string, std::less<>> trusted;
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
  // WithinRange, OutOfRange, NoData, NotANumber, ManySeries, WindowTooShort, TooFewSamples,
  // FailuresWithoutHost, ProviderError, QueryRejected; of the sequential judge EvidenceAgainst, NonInferior,
  // GatheringEvidence
  std::string reason;
  std::optional<double> value;
  Range range;
  std::optional<double> stable;   // the same of the stable version, where the query tells them apart
  std::optional<double> samples;  // requests of the candidate in the window, where known
  std::string message;            // "p99 612 ms > 500 ms"
  bool too_early = false;         // no verdict yet: the next interval has what it needs
};

// How requests are divided between the versions, by count, against the weight.
enum class Division {
  NotCounted,  // nothing is known: no requests, too few of them, or nobody who counts
  Agrees,
  UntrustedDiffers,  // by more than chance, but only at proxies of namespaces that are not trusted
  Differs            // by more than chance
};

// What is known of how an interval's requests were divided (split.h).
struct Split {
  Division division = Division::NotCounted;  // Differs: altogether, or at one proxy
  bool server_answers = true;                // false: whoever counts could not be asked
  bool too_early = false;                    // NotCounted, but will be once the window can be longer
  std::string message;  // a sentence with the numbers and the proxies, or why nothing is known
};

// All metrics of one interval. Fail if any fails, else Inconclusive if any is, else Pass.
struct Judgement {
  Outcome outcome = Outcome::Inconclusive;
  std::vector<Check> checks;
  std::string message;  // of the check that decided it
  // Every request of the candidate failed: successes are 0 among `samples` requests.
  bool all_failed = false;
  bool provider_available = true;  // false: the provider did not answer, `message` says how
  // The evidence against the candidate is enough: no further interval is waited for.
  bool conclusive = false;
  // Inconclusive although nothing is wrong: the evidence is not enough yet, either way, or it is too early.
  bool undecided = false;
  bool too_early = false;  // undecided, and of some metrics nothing is known yet
  std::string evidence;    // what the sequential judge goes on from (sequential.h); empty: nothing new
  std::vector<std::string> warnings;  // a window that had to be widened …
  Split split;                        // if it was asked for
};

}  // namespace weir::analysis
