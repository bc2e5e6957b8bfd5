// A model of Prometheus: scrapes the proxies' counters and answers the operator's queries over what was
// scraped.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <string>

#include "analysis/judge.h"
#include "test/simulation/mesh.h"

namespace weir::simulation {

enum class Weather {
  Fair,
  Down,        // connection refused
  Slow,        // answers after the operator's time limit
  NotANumber,  // every value is NaN
  Empty,       // no series
  Partial,     // series of the candidate are missing, with a warning
  Malformed,   // cut off in the middle of the JSON
  Huge,        // longer than any answer may be: the transport gives up
  Rejected     // 503 with an error document
};

// Answers the queries of analysis/queries.h (success rate, duration, scrape interval) from samples of every
// proxy.
class Prometheus {
 public:
  Prometheus(Executor& executor, const kube::Clock& clock, const Mesh& mesh, Millis scrape_interval);

  void set(Weather weather);
  [[nodiscard]] Weather weather() const;

  // What PrometheusFetch would return for this URL. Lets time pass on the executor while the answer is on its
  // way.
  [[nodiscard]] std::expected<analysis::Answer, std::string> fetch(const std::string& url);

  // How many queries were answered rightly, and how many were not.
  struct Tally {
    std::uint64_t fair = 0;
    std::uint64_t foul = 0;
  };
  [[nodiscard]] Tally tally() const;
};

}  // namespace weir::simulation
