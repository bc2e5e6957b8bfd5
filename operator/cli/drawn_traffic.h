// Requests drawn at random, and what a Prometheus would have counted of them.
#pragma once

#include <chrono>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "analysis/judge.h"
#include "analysis/sequential.h"
#include "operator/cli/rehearsal.h"

namespace weir::cli {

using Milliseconds = std::chrono::milliseconds;

// Traffic since the first call, in chunks as time is passed. The same seed gives the same traffic.
class DrawnTraffic {
 public:
  // `durations`: they are looked at; drawing them takes most of the time.
  DrawnTraffic(const Traffic& traffic, bool durations, std::uint64_t seed);

  // Requests of the next `time` with a share of `weight` per cent for the candidate.
  void pass(Milliseconds time, int weight);

  [[nodiscard]] Milliseconds now() const { return now_; }
  // All of the candidate's.
  [[nodiscard]] const analysis::Counts& exposed() const { return exposed_; }

  // What a stream counted of either version in the last `length`. `edge` is one of duration_edges(); empty:
  // the failures.
  [[nodiscard]] analysis::StreamCounts counts(Milliseconds length, std::optional<double> edge) const;
  // What it counted of stable in each call of `pass` so far.
  [[nodiscard]] std::vector<analysis::Counts> history(std::optional<double> edge) const;

 private:
  struct Version {
    analysis::Counts requests;
    std::vector<double> slower;  // than each of duration_edges()
  };
  struct Chunk {
    Milliseconds end{0};
    Version stable, candidate;
  };
  [[nodiscard]] static analysis::Counts count(const Version& version, std::optional<double> edge);
  [[nodiscard]] Version draw(double requests, double error, double latency);
  [[nodiscard]] double failures(double requests, double error);

  const Traffic traffic_;
  const bool durations_;
  std::mt19937_64 random_;
  Milliseconds now_{0};
  std::deque<Chunk> chunks_;
  analysis::Counts exposed_;
};

// Edges of Istio's histogram of durations, in milliseconds.
[[nodiscard]] const std::vector<double>& duration_edges();

// Whether a metric of the Canary looks at durations.
[[nodiscard]] bool looks_at_durations(const canary::Canary& canary);

// The judges over drawn traffic, in the words of analysis/judge.h.
class DrawnJudge {
 public:
  // Borrows both. What was drawn is counted when it is scraped.
  DrawnJudge(const canary::Canary& canary, const DrawnTraffic& traffic, std::chrono::seconds scrape_interval)
      : canary_(canary), traffic_(traffic), scrape_interval_(scrape_interval) {}

  // Takes what has been drawn so far for what stable did before the release.
  void learn();

  // The interval of `length` that ends now. `begun`: so long ago the step's weight was everywhere.
  [[nodiscard]] analysis::Judgement judge(int step, int steps, int weight, Milliseconds length,
                                          Milliseconds begun);

 private:
  void add_stream(analysis::Stream stream);
  [[nodiscard]] analysis::Check in_range(const analysis::Metric& metric, Milliseconds length,
                                         Milliseconds begun) const;
  // Of requests that are counted: the candidate's in the last `window` against the range.
  [[nodiscard]] analysis::Check counted_in_range(const analysis::Metric& metric, Milliseconds window) const;
  // Whether anything was scraped since then.
  [[nodiscard]] bool scraped_since(analysis::TimePoint time) const;
  void compare(int step, int steps, int weight, Milliseconds begun, analysis::Judgement& judgement);
  [[nodiscard]] bool has_stream(const analysis::Metric& metric) const;
  void add_unscraped(analysis::Judgement& judgement) const;

  const canary::Canary& canary_;
  const DrawnTraffic& traffic_;
  const std::chrono::seconds scrape_interval_;
  analysis::Trial trial_;
};

}  // namespace weir::cli
