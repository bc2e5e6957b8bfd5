#include "analysis/threshold.h"

#include <gtest/gtest.h>

namespace weir::analysis {
namespace {

const Wording kP99{.subject = "request-duration p99", .unit = "ms"};
const Wording kSuccess{.subject = "request-success-rate", .unit = "%"};

std::string message(const Wording& wording, double value, const Range& range) {
  return judge_value("m", wording, value, range).message;
}

TEST(Threshold, fails_above_the_maximum) {
  const auto check = judge_value("request-duration", kP99, 612, {.max = 500});
  EXPECT_EQ(check.outcome, Outcome::Fail);
  EXPECT_EQ(check.name, "request-duration");
  EXPECT_EQ(check.reason, "OutOfRange");
  EXPECT_EQ(check.value, 612);
  EXPECT_EQ(check.range.max, 500);
  EXPECT_EQ(check.message, "request-duration p99 612 ms > 500 ms");
}

TEST(Threshold, fails_below_the_minimum) {
  const auto check = judge_value("request-success-rate", kSuccess, 94.1, {.min = 99});
  EXPECT_EQ(check.outcome, Outcome::Fail);
  EXPECT_EQ(check.message, "request-success-rate 94.1 % < 99 %");
}

TEST(Threshold, passes_at_both_ends) {
  const Range range{.min = 1, .max = 2};
  for (const double value : {1.0, 1.5, 2.0}) {
    const auto check = judge_value("m", {.subject = "m"}, value, range);
    EXPECT_EQ(check.outcome, Outcome::Pass) << value;
    EXPECT_EQ(check.reason, "WithinRange");
  }
}

TEST(Threshold, says_how_a_value_passed) {
  EXPECT_EQ(message(kP99, 312.4, {.max = 500}), "request-duration p99 312 ms <= 500 ms");
  EXPECT_EQ(message(kSuccess, 100, {.min = 99.5}), "request-success-rate 100 % >= 99.5 %");
  EXPECT_EQ(message({.subject = "queue"}, 5, {.min = 1, .max = 10}), "queue 5 within 1 to 10");
}

TEST(Threshold, never_rounds_a_value_onto_or_over_its_bound) {
  EXPECT_EQ(message(kSuccess, 98.97, {.min = 99}), "request-success-rate 98.97 % < 99 %");
  EXPECT_EQ(message(kP99, 500.04, {.max = 500}), "request-duration p99 500.04 ms > 500 ms");
  EXPECT_EQ(message(kSuccess, 99.12, {.min = 99.11}), "request-success-rate 99.12 % >= 99.11 %");
}

TEST(Threshold, never_calls_a_success_rate_with_failures_a_full_one) {
  EXPECT_EQ(message(kSuccess, 99.9987, {.min = 99}), "request-success-rate 99.999 % >= 99 %");
  EXPECT_EQ(message(kSuccess, 0.00004, {.min = 99}), "request-success-rate 4e-05 % < 99 %");
}

TEST(Number, has_three_significant_digits_and_all_before_the_point) {
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(-0.0), "0");
  EXPECT_EQ(format_number(5), "5");
  EXPECT_EQ(format_number(1234567), "1234567");
  EXPECT_EQ(format_number(612.49), "612");
  EXPECT_EQ(format_number(94.123), "94.1");
  EXPECT_EQ(format_number(1.5), "1.5");
  EXPECT_EQ(format_number(0.012345), "0.0123");
  EXPECT_EQ(format_number(-2.345), "-2.35");
}

TEST(Number, of_an_extreme_size_has_an_exponent) {
  EXPECT_EQ(format_number(1e20), "1e+20");
  EXPECT_EQ(format_number(1e-7), "1e-07");
}

TEST(Number, stays_apart_from_a_landmark_however_close) {
  EXPECT_EQ(format_number(99.00000000000001, {99}), "99.00000000000001");
}

}  // namespace
}  // namespace weir::analysis
