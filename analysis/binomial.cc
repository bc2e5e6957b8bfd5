#include "analysis/binomial.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace weir::analysis {
namespace {

// By how much ln n! is more than Stirling's formula says.
double stirling_error(double n) {
  constexpr double kSeriesFrom = 16;
  if (n >= kSeriesFrom) {
    const double square = n * n;
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - 1.0 / 1680 / square) / square) / square) / n;
  }
  double log_factorial = 0;
  for (double i = 2; i <= n; ++i) log_factorial += std::log(i);
  return log_factorial - (n + 0.5) * std::log(n) + n - 0.5 * std::log(2 * std::numbers::pi);
}

// x ln(x / mean) + mean - x, also where both are nearly the same.
double deviance(double x, double mean) {
  const double apart = x - mean;
  if (std::abs(apart) >= 0.1 * (x + mean)) return x * std::log(x / mean) - apart;
  const double ratio = apart / (x + mean);
  double sum = apart * ratio;
  double term = 2 * x * ratio;
  for (int i = 1;; ++i) {
    term *= ratio * ratio;
    const double next = sum + term / (2 * i + 1);
    if (next == sum) return sum;
    sum = next;
  }
}

double probability(double k, double n, double p) {
  const double q = 1 - p;
  if (k <= 0) return std::exp(n * std::log1p(-p));
  if (k >= n) return std::exp(n * std::log(p));
  const double exponent = stirling_error(n) - stirling_error(k) - stirling_error(n - k) - deviance(k, n * p) -
                          deviance(n - k, n * q);
  return std::exp(exponent) * std::sqrt(n / (2 * std::numbers::pi * k * (n - k)));
}

// P(X >= k) for k above the mean: the terms fall from the first on.
double far_tail(double k, double n, double p) {
  const double odds = p / (1 - p);
  double sum = 1;
  double term = 1;
  for (double i = k; i < n; ++i) {
    term *= (n - i) / (i + 1) * odds;
    const double next = sum + term;
    if (next == sum) break;
    sum = next;
  }
  return std::min(1.0, probability(k, n, p) * sum);
}

}  // namespace

double upper_tail(double k, double n, double p) {
  if (k <= 0) return 1;
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  return k > n * p ? far_tail(k, n, p) : 1 - lower_tail(k - 1, n, p);
}

double lower_tail(double k, double n, double p) {
  if (k >= n) return 1;
  if (p <= 0) return 1;
  if (p >= 1) return 0;
  return k < n * p ? far_tail(n - k, n, 1 - p) : 1 - upper_tail(k + 1, n, p);
}

}  // namespace weir::analysis
