// The binomial distribution, exactly: how likely so many of so many requests are by chance.
//
// Source: C. Loader, "Fast and Accurate Computation of Binomial Probabilities" (2000): the probability of one
// count from its deviance, which loses no digits where the logarithms of factorials would. A tail is the sum
// of the probabilities from its near end on, each from the one before, so that nothing cancels.
#pragma once

namespace weir::analysis {

// Of more trials than this nobody asks; numbers are exact up to it.
inline constexpr double kMostTrials = 1e9;

// P(X <= k) and P(X >= k) of X successes among n trials of probability p. k and n are whole numbers;
// 0 <= k <= n <= kMostTrials and 0 <= p <= 1. A tail of less than 1e-300 may come out as 0.
[[nodiscard]] double lower_tail(double k, double n, double p);
[[nodiscard]] double upper_tail(double k, double n, double p);

}  // namespace weir::analysis
