// A model of Prometheus: scrapes the proxies' counters and answers the operator's queries over what was
// scraped.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "analysis/judge.h"
#include "analysis/providers/prometheus/api.h"
#include "test/simulation/faults.h"
#include "test/simulation/mesh.h"

namespace weir::simulation {

enum class Weather {
  Fair,
  Down,        // connection refused
  Slow,        // no answer within the operator's time limit
  NotANumber,  // every value is NaN
  Empty,       // no series
  Partial,     // series of the newest version of the Service are missing, with a warning
  Malformed,   // cut off in the middle of the JSON
  Huge,        // longer than any answer may be: the transport gives up
  Rejected     // 503 with an error document
};
// What such a fault makes of it; Fair of every other one.
[[nodiscard]] Weather weather_of(Kind kind);

// Answers the queries of analysis/providers/prometheus (success rate, duration, scrape interval, what each
// proxy has sent, what each Service got, raw samples) from samples of every proxy, as Prometheus would: with
// its look-back of five minutes and the extrapolation of increase().
class Prometheus {
 public:
  // Borrows all; `clock` is its own. Each proxy is scraped at a moment of its own in `scrape_interval`, which
  // the seed draws, as it does how long an answer takes. Must outlive all tasks of `executor`.
  Prometheus(Executor& executor, const base::Clock& clock, const Mesh& mesh, Millis scrape_interval,
             std::uint64_t seed = 0);

  void set(Weather weather) { weather_ = weather; }
  [[nodiscard]] Weather weather() const { return weather_; }

  // What outside::Fetch would return for this URL. Lets time pass on the executor while the answer is on its
  // way; the weather is that of its end.
  [[nodiscard]] std::expected<analysis::Answer, std::string> fetch(const std::string& url);

  // How many queries were answered rightly, and how many were not.
  struct Tally {
    std::uint64_t fair = 0;
    std::uint64_t foul = 0;
  };
  [[nodiscard]] Tally tally() const { return tally_; }

 private:
  struct Sample {
    Millis at{0};
    double value = 0;
  };
  using Samples = std::deque<Sample>;
  // By proxy, and what it tells of the requests.
  using Services = std::map<std::pair<int, Told>, Samples>;
  // By proxy, workload, and response code or index in kBuckets.
  using Counters = std::map<std::tuple<int, std::string, int>, Samples>;
  using Result = std::vector<analysis::Series>;

  void scrape(int proxy);
  static void keep(Samples& samples, Millis at, double value);

  [[nodiscard]] analysis::Answer answer(const std::string& url);
  [[nodiscard]] std::optional<Result> evaluate(const std::string& query, Millis at) const;
  [[nodiscard]] std::optional<Result> evaluate_services(const std::string& query, Millis at) const;
  [[nodiscard]] std::optional<Result> evaluate_samples(const std::string& query, Millis at) const;
  [[nodiscard]] Result requests(Millis at, Millis window) const;
  [[nodiscard]] Result services(Millis at, Millis window, bool hostless) const;
  [[nodiscard]] Result durations(Millis at, Millis window) const;
  [[nodiscard]] Result scrapes(Millis at) const;
  [[nodiscard]] Result sent(Millis at, Millis window, Millis scrapes) const;
  [[nodiscard]] double exact_growth(int proxy, const Samples& samples, Millis at, Millis window,
                                    Millis scrapes) const;
  [[nodiscard]] std::optional<double> growth(int proxy, const Samples& samples, Millis at,
                                             Millis window) const;
  void spoil(Result& result) const;

  static std::optional<double> newest(const Samples& samples, Millis at);
  static std::vector<Sample> within(const Samples& samples, Millis at, Millis window);
  static std::optional<double> increase(const Samples& samples, Millis at, Millis window);

  Executor& executor_;
  const base::Clock& clock_;
  const Mesh& mesh_;
  const Millis scrape_interval_;
  Random random_;
  Weather weather_ = Weather::Fair;
  Tally tally_;
  Counters requests_;
  Services services_;
  Counters buckets_;
  std::vector<Samples> up_;  // by proxy
};

}  // namespace weir::simulation
