#include "analysis/evidence.h"

#include <algorithm>
#include <cmath>

namespace weir::analysis {
namespace {

// Rates that are compared are never 0 or 1, of which no count could be a surprise.
constexpr double kLeastRate = 1e-5;
constexpr double kMostRate = 0.999;
constexpr double kEdge = 1e-9;  // how near to 0 and 1 a projected rate may come
// The iteration halves its bracket at least, so that this many rounds are enough for any double.
constexpr int kMaxRounds = 60;
constexpr double kPrecision = 1e-12;

// Two rates, of stable and of the candidate.
struct Rates {
  double stable;
  double candidate;
};

// The log of how likely the counts are.
double log_likelihood(const Counts& counts, double rate) {
  return counts.failures * std::log(rate) + (counts.requests - counts.failures) * std::log1p(-rate);
}

double log_ratio(const Counts& stable, const Counts& candidate, const Rates& alternative, const Rates& null) {
  return log_likelihood(stable, alternative.stable) - log_likelihood(stable, null.stable) +
         log_likelihood(candidate, alternative.candidate) - log_likelihood(candidate, null.candidate);
}

// The point of the line candidate = ratio * stable + offset that is nearest to `from` in relative entropy:
// the root of a function that rises from below 0 at `low` to above 0 at `high`, by Newton's method within a
// bracket.
Rates project(const Rates& from, double stable_requests, double candidate_requests, double ratio,
              double offset, double low, double high) {
  double at = (low + high) / 2;
  for (int round = 0; round < kMaxRounds && high - low > kPrecision * high; ++round) {
    const double other = ratio * at + offset;
    const double v1 = at * (1 - at);
    const double v2 = other * (1 - other);
    const double slope1 = (at - from.stable) / v1;
    const double slope2 = ratio * (other - from.candidate) / v2;
    const double value = stable_requests * slope1 + candidate_requests * slope2;
    (value < 0 ? low : high) = at;
    const double derivative = stable_requests * (1 - slope1 * (1 - 2 * at)) / v1 +
                              candidate_requests * ratio * (ratio - slope2 * (1 - 2 * other)) / v2;
    const double next = at - value / derivative;
    if (std::abs(next - at) <= kPrecision * at) return {next, ratio * next + offset};
    at = next > low && next < high ? next : (low + high) / 2;
  }
  return {at, ratio * at + offset};
}

double expected_rate(const Counts& baseline) {
  return std::clamp((baseline.failures + 0.5) / (baseline.requests + 1), kLeastRate, kMostRate);
}

double with_odds(double rate, double times) {
  const double odds = rate / (1 - rate) * times;
  return odds / (1 + odds);
}

// Both as the baseline has it: the candidate is not worse.
Rates alike(double rate, const TestSettings& settings) {
  return {rate, std::min(settings.ratio * rate, 1 - kEdge)};
}

// The rates that the certificate is against: the nearest at which the candidate is worse by the margin.
Rates worst(double rate, double stable_requests, double candidate_requests, const TestSettings& settings) {
  const double most = (1 - kEdge - settings.margin) / settings.ratio;
  return project(alike(rate, settings), stable_requests, candidate_requests, settings.ratio, settings.margin,
                 kEdge, std::min(rate, most));
}

}  // namespace

Counts& Counts::operator+=(const Counts& more) {
  requests += more.requests;
  failures += more.failures;
  return *this;
}

double dispersion_of(std::span<const Counts> intervals) {
  Counts all;
  int known = 0;
  for (const auto& interval : intervals) {
    all += interval;
    if (interval.requests > 0) ++known;
  }
  if (known < 2) return 1;
  const double rate = all.rate();
  const double expected_share = std::max(rate, 1e-6);
  double chi_squared = 0;
  for (const auto& interval : intervals) {
    if (interval.requests <= 0) continue;
    const double expected = interval.requests * expected_share;
    const double off = interval.failures - expected;
    chi_squared += off * off / (expected * std::max(1 - rate, kEdge));
  }
  return std::max(1.0, chi_squared / (known - 1));
}

void start_step(BinaryTest& test) {
  test.logs.emplace_back();
  test.certificate = 0;
}

void add_interval(BinaryTest& test, const Counts& stable, const Counts& candidate,
                  const TestSettings& settings) {
  if (stable.requests > 0 && candidate.requests > 0 && test.baseline.requests >= kLeastBaseline) {
    const double rate = expected_rate(test.baseline);
    const double bound = std::min(settings.ratio * rate + settings.tolerance, kMostRate);
    const double cap = std::log(0.5 / settings.alpha);
    for (std::size_t k = 0; k < kAlternatives; ++k) {
      const Rates alternative{rate, std::min(with_odds(bound, settings.odds[k]), 1 - kEdge)};
      const double high = std::min((alternative.candidate - settings.tolerance) / settings.ratio, 1 - kEdge);
      if (high <= rate) continue;
      const auto null = project(alternative, stable.requests, candidate.requests, settings.ratio,
                                settings.tolerance, rate, high);
      double gain = log_ratio(stable, candidate, alternative, null);
      if (settings.guarded) gain = std::min(gain / test.dispersion, cap);
      for (auto& start : test.logs) start[k] += gain;
    }
    const auto equal = alike(rate, settings);
    const auto null = worst(rate, stable.requests, candidate.requests, settings);
    test.certificate += log_ratio(stable, candidate, equal, null) / (settings.guarded ? test.dispersion : 1);
  }
  test.baseline += stable;
}

double evidence(const BinaryTest& test, int steps) {
  const int later = std::max(steps, static_cast<int>(test.logs.size())) - 1;
  const double first_weight = later > 0 ? 0.5 : 1;
  const double later_weight = later > 0 ? 0.5 / later : 0;
  // A step that has not begun is no evidence either way.
  double sum = later_weight * (later - static_cast<double>(test.logs.size() - 1));
  for (std::size_t j = 0; j < test.logs.size(); ++j) {
    double mean = 0;
    for (const double log : test.logs[j]) mean += std::exp(log);
    sum += (j == 0 ? first_weight : later_weight) * mean / kAlternatives;
  }
  return sum;
}

double certainty(const BinaryTest& test) { return std::exp(test.certificate); }

double requests_to_certificate(const BinaryTest& test, double stable_per_candidate,
                               const TestSettings& settings) {
  const double missing = std::log(1 / settings.beta) - test.certificate;
  if (missing <= 0) return 0;
  const double rate = expected_rate(test.baseline);
  const double share = std::max(stable_per_candidate, kEdge);
  const auto equal = alike(rate, settings);
  const auto null = worst(rate, share, 1, settings);
  const double gain = log_ratio({share, share * equal.stable}, {1, equal.candidate}, equal, null);
  return std::ceil(missing / std::max(gain, kEdge));
}

}  // namespace weir::analysis
