// The sequential judge: compares the candidate with stable, interval by interval, and says when the evidence
// is enough to take a release back or to go on. Pure: counts in, a finding out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/check.h"
#include "analysis/evidence.h"

namespace weir::analysis {

// Intervals that a step lasts at least before a certificate ends it.
inline constexpr int kMinDwell = 3;
// Tails of the histogram that the dominance form compares: shares of stable's requests slower than an edge.
inline constexpr double kLeastTail = 0.002;
inline constexpr double kMostTail = 0.98;
// By which factor the candidate's tails may be heavier: two versions are never distributed alike, and enough
// requests show any difference.
inline constexpr double kTailRatio = 1.2;

// Per cent: a step at this weight leaves stable without traffic.
inline constexpr int kAllTraffic = 100;

// What is compared: the failures of requests, or how many are slower than an edge of the histogram.
struct Stream {
  std::string metric;          // request-success-rate or request-duration
  std::optional<double> edge;  // milliseconds; empty: failures
  // One of several edges without an objective (the dominance form): it may speak against the candidate, and
  // no certificate is asked of it.
  bool dominance = false;
  Counts stable, candidate;  // since the release began
  BinaryTest test;
  friend bool operator==(const Stream&, const Stream&) = default;
};

// What is known of a release: a plain value, kept in its status.
struct Trial {
  TimePoint until;  // end of the last interval that was counted; the epoch: none was
  int step = 0;     // that `intervals` and `step_requests` are of; 0: none yet
  int intervals = 0;
  double step_requests = 0;  // of the candidate
  std::vector<Stream> streams;
  friend bool operator==(const Trial&, const Trial&) = default;
};

// One stream's part of an interval.
struct StreamCounts {
  Counts stable, candidate;
};

enum class Finding { Against, Certified, Undecided };

// What the streams of one metric say.
struct MetricFinding {
  std::string metric;
  double evidence = 1;       // of all streams of the metric
  double more_requests = 0;  // of the candidate until the certificate; 0: it is there, or none is asked
  std::string message;       // "candidate fails 0.9 % against 0.1 %, evidence 84 of 100"
};

struct Look {
  Finding finding = Finding::Undecided;
  double evidence = 1;                 // the mean over metrics, against 1/alpha
  double more_requests = 0;            // until every certificate is there and minSamples is reached
  std::vector<MetricFinding> metrics;  // in the order of their first streams
  std::string message;                 // of the metric that speaks loudest against the candidate
  std::string missing;  // "needs about 240 more requests to advance"; empty: nothing is missing
};

// BinaryTest settings of a stream under spec.analysis.judge.
[[nodiscard]] TestSettings settings_of(const Stream& stream, const JudgeSettings& judge);

// The edge of a histogram that stands for an objective: the first that is not below it. Empty: there is none.
[[nodiscard]] std::optional<double> edge_for(double objective, const std::vector<double>& edges);

// What stable did before the release, by interval: the baseline of the stream's test, and its dispersion.
void learn(Stream& stream, const std::vector<Counts>& history);

// A step begins whose weight every proxy has since `earliest`: what is counted before that does not count.
void begin_step(Trial& trial, int step, TimePoint earliest);

// Takes one interval in, whose end becomes `trial.until`: `counts` has one entry for each stream.
void add(Trial& trial, const std::vector<StreamCounts>& counts, TimePoint end, const JudgeSettings& judge);

// What the evidence says on a ladder of `steps` steps. `alone`: the step leaves stable without traffic, so
// that there is nothing to compare with, and what was found before is the word on it.
[[nodiscard]] Look look(const Trial& trial, int steps, bool alone, const JudgeSettings& judge);

// As status keeps it: a JSON object with what a person reads (message, value, needed, moreRequests, stable,
// candidate), and the numbers that the judge goes on from. trial_from reads those back; an empty Trial from
// anything else.
[[nodiscard]] std::string to_text(const Trial& trial, const Look& look, const JudgeSettings& judge);
[[nodiscard]] Trial trial_from(std::string_view text);

}  // namespace weir::analysis
