// Evidence that the candidate fails more often than stable, and that it does not: a sequential test on two
// binary streams. It stays valid however often it looks, at any split of the traffic and any rule of
// stopping, for independent requests; dispersion and cap keep clustered failures from counting as evidence.
//
// Source: R. J. Turner, A. Ly, P. D. Grünwald, "Generic E-variables for exact sequential k-sample tests that
// allow for optional stopping", Journal of Statistical Planning and Inference 230 (2024), with the
// alternative projected onto the convex null p2 <= ratio * p1 + tolerance. Ville's inequality: under the null
// the evidence ever reaches 1/alpha with a probability of at most alpha.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace weir::analysis {

// Requests of one version in one interval, and how many of them failed. Whole numbers, 0 <= failures <=
// requests.
struct Counts {
  double requests = 0;
  double failures = 0;
  // Share of failures, 0 to 1; 0 without requests.
  [[nodiscard]] double rate() const { return requests > 0 ? failures / requests : 0; }
  Counts& operator+=(const Counts& more);
  friend bool operator==(const Counts&, const Counts&) = default;
};

inline constexpr std::size_t kAlternatives = 7;
using OddsRatios = std::array<double, kAlternatives>;
// Of failures: anything from twice as many to nearly all requests.
inline constexpr OddsRatios kFailureOdds{2, 4, 8, 16, 32, 64, 128};
// Of latencies: a shift of a distribution moves many of its tails a little.
inline constexpr OddsRatios kLatencyOdds{1.1, 1.25, 1.5, 2, 4, 8, 32};

struct TestSettings {
  double alpha = 0.01;        // of a release: how often an equal candidate is taken back
  double beta = 0.05;         // of a step: how often a candidate that is worse by `margin` is certified
  double ratio = 1;           // the candidate may fail this many times as often as stable …
  double tolerance = 0.0005;  // … and by this share of all requests more
  double margin = 0.005;      // what a certificate rules out: failing by this share more
  OddsRatios odds = kFailureOdds;
  bool guarded = true;  // divide by the dispersion, and let no single interval decide
};

// What one test knows; a plain value that status keeps.
struct BinaryTest {
  Counts baseline;        // of stable, all that was counted before the next interval
  double dispersion = 1;  // of stable's counts before the release: 1 if failures are independent
  // Log of the evidence by start (the release, then each later step) and alternative.
  std::vector<std::array<double, kAlternatives>> logs{{}};
  double certificate = 0;  // log of the evidence that the candidate is not worse, since the step began
  friend bool operator==(const BinaryTest&, const BinaryTest&) = default;
};

// Pearson's chi-squared of the counts over its degrees of freedom, at least 1; 1 for fewer than two intervals
// with requests.
[[nodiscard]] double dispersion_of(std::span<const Counts> intervals);

// A later step begins: evidence is gathered for its start too, and the certificate afresh.
void start_step(BinaryTest& test);

// Requests of stable without which its rate is not known well enough to bet on.
inline constexpr double kLeastBaseline = 100;

// Takes one interval in: each is to be counted once. It is no evidence if either version had no request, or
// if the baseline was below kLeastBaseline.
void add_interval(BinaryTest& test, const Counts& stable, const Counts& candidate,
                  const TestSettings& settings);

// How many times likelier the counts are if the candidate is worse: the mixture over starts (half the weight
// for the release's, the rest shared by its `steps` - 1 later ones) and alternatives. Against 1/alpha.
[[nodiscard]] double evidence(const BinaryTest& test, int steps);

// exp(certificate), against 1/beta.
[[nodiscard]] double certainty(const BinaryTest& test);

// About how many more requests of the candidate a certificate needs if it fails as often as stable, with
// `stable_per_candidate` requests of stable to each of its own. 0: it is there.
[[nodiscard]] double requests_to_certificate(const BinaryTest& test, double stable_per_candidate,
                                             const TestSettings& settings);

}  // namespace weir::analysis
