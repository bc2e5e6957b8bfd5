// A release rehearsed offline: the state machine and the judges on a virtual clock, over traffic drawn from a
// seed. Nothing here does I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/canary/canary.h"

namespace weir::cli {

// The traffic of both versions together, as independent requests or failures in clusters.
struct Traffic {
  double requests_per_second = 100;
  double stable_error = 0.001;  // share of requests that fail, 0 to 1
  double candidate_error = 0.001;
  double cluster = 1;  // failures that come together, mean; 1: each by itself
  double stable_latency_ms =
      60;  // median; durations are lognormal with a standard deviation of 0.8 in the log
  double candidate_latency_ms = 60;
};

struct RehearsalOptions {
  Traffic traffic;
  // Holds this weight instead of the steps, for `duration`, and lets only the judge speak.
  std::optional<strategies::Weight> fixed_weight;
  std::chrono::milliseconds duration{600'000};
  std::chrono::seconds scrape_interval{15};  // of the Prometheus that counts the requests
};

enum class Ending { Promoted, RolledBack, Unfinished };

// One thing that happened, for the picture of a run.
struct Moment {
  std::chrono::milliseconds at{0};  // since the release began
  int weight = 0;
  double requests = 0;  // of the candidate so far
  double failures = 0;
  std::string what;
};

struct Rehearsed {
  Ending ending = Ending::Unfinished;
  std::chrono::milliseconds duration{0};  // until the candidate has all traffic, none, or the end of the time
  double candidate_requests = 0;          // until then
  double candidate_failures = 0;
  std::string reason;  // of the ending, one word
  std::vector<Moment> moments;
};

// One run; the same seed gives the same run. Metrics with a query of their own pass.
[[nodiscard]] Rehearsed rehearse(const canary::Canary& canary, const RehearsalOptions& options,
                                 std::uint64_t seed);

// What cannot work, or not well: a step with too few requests, an interval shorter than two scrapes, a
// certificate that comes after the deadline.
[[nodiscard]] std::vector<std::string> concerns(const canary::Canary& canary,
                                                const RehearsalOptions& options);

}  // namespace weir::cli
