#include "analysis/binomial.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace weir::analysis {
namespace {

// By summing every probability, each from Pascal's triangle.
double summed(int k, int n, double p) {
  double sum = 0;
  for (int i = k; i <= n; ++i) {
    double one = 1;
    for (int j = 0; j < i; ++j) one *= static_cast<double>(n - j) / (j + 1);
    sum += one * std::pow(p, i) * std::pow(1 - p, n - i);
  }
  return sum;
}

TEST(Binomial, tails_are_those_of_the_sum_of_their_probabilities) {
  for (const int n : {1, 2, 10, 40}) {
    for (const double p : {0.01, 0.1, 0.5, 0.9}) {
      for (int k = 0; k <= n; ++k) {
        const double exact = summed(k, n, p);
        EXPECT_NEAR(upper_tail(k, n, p), exact, 1e-11 * std::max(exact, 1e-3))
            << k << " of " << n << ", " << p;
        EXPECT_NEAR(lower_tail(k, n, p), 1 - summed(k + 1, n, p), 1e-11) << k << " of " << n << ", " << p;
      }
    }
  }
}

TEST(Binomial, tails_of_a_certain_outcome_are_nothing_or_all) {
  EXPECT_EQ(upper_tail(1, 10, 0), 0);
  EXPECT_EQ(upper_tail(0, 10, 0), 1);
  EXPECT_EQ(lower_tail(9, 10, 1), 0);
  EXPECT_EQ(lower_tail(10, 10, 1), 1);
  EXPECT_EQ(upper_tail(10, 10, 1), 1);
  EXPECT_EQ(lower_tail(0, 10, 0), 1);
}

TEST(Binomial, tails_of_a_thousand_million_trials_are_as_the_normal_distribution_has_them) {
  const double half = 0.5 * std::erfc((79'056 - 0.5) / std::sqrt(0.25e9) / std::sqrt(2.0));
  EXPECT_NEAR(upper_tail(500'079'056, kMostTrials, 0.5), half, 1e-3 * half);
  const double tenth = 0.5 * std::erfc((47'434 - 0.5) / std::sqrt(0.09e9) / std::sqrt(2.0));
  // Its skewness, which the normal distribution lacks, adds 0.8 / sqrt(0.09e9) * 5^3 / 6 = 0.0018 of it.
  EXPECT_NEAR(upper_tail(100'047'434, kMostTrials, 0.1), 1.0018 * tenth, 1e-4 * tenth);
  EXPECT_NEAR(lower_tail(500'000'000, kMostTrials, 0.5), 0.5, 1e-4);
  EXPECT_NEAR(upper_tail(1, kMostTrials, 0.5), 1, 1e-12);
}

TEST(Binomial, a_tail_beyond_all_numbers_is_nothing) {
  EXPECT_EQ(upper_tail(kMostTrials, kMostTrials, 0.1), 0);
  EXPECT_EQ(lower_tail(0, kMostTrials, 0.5), 0);
}

}  // namespace
}  // namespace weir::analysis
