#include "operator/base/time.h"

#include <gtest/gtest.h>

#include "operator/base/clock.h"

namespace weir::base {
namespace {

using std::chrono::milliseconds;

milliseconds duration_of(std::string_view text) {
  const auto parsed = parse_duration(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(milliseconds{-1});
}

TEST(Duration, is_read_as_go_reads_it) {
  EXPECT_EQ(duration_of("90s"), milliseconds{90'000});
  EXPECT_EQ(duration_of("1m30s"), milliseconds{90'000});
  EXPECT_EQ(duration_of("500ms"), milliseconds{500});
  EXPECT_EQ(duration_of("1h0m1s"), milliseconds{3'601'000});
  EXPECT_EQ(duration_of("1.5h"), milliseconds{5'400'000});
  EXPECT_EQ(duration_of("0.25s"), milliseconds{250});
  EXPECT_EQ(duration_of("0s"), milliseconds{0});
}

TEST(Duration, is_refused_with_an_example_of_a_good_one) {
  for (const auto* text :
       {"", "5", "s", "-5s", "5 s", "5x", "1.5ms", "1.s", ".5s", "1.2345s", "1234567s", "5s ", "5S"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().find('"' + std::string(text) + "\" is not a duration"), 0U) << parsed.error();
    EXPECT_NE(parsed.error().find("1m30s"), std::string::npos);
  }
}

TEST(Duration, is_written_so_that_it_reads_back) {
  EXPECT_EQ(format_duration(milliseconds{0}), "0s");
  EXPECT_EQ(format_duration(milliseconds{90'000}), "1m30s");
  EXPECT_EQ(format_duration(milliseconds{3'600'500}), "1h500ms");
  EXPECT_EQ(format_duration(milliseconds{-1'500}), "-1s500ms");
  for (const std::int64_t count : {1, 999, 1'000, 61'001, 86'400'000}) {
    EXPECT_EQ(duration_of(format_duration(milliseconds{count})), milliseconds{count});
  }
}

TEST(Time, is_written_in_utc_with_milliseconds_and_reads_back) {
  const auto time = parse_time("2026-11-24T11:58:23.007Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(format_time(*time), "2026-11-24T11:58:23.007Z");
  EXPECT_EQ(format_time({}), "1970-01-01T00:00:00.000Z");
}

TEST(Time, is_read_in_any_precision_and_zone) {
  const auto utc = [](std::string_view text) {
    const auto time = parse_time(text);
    return time ? format_time(*time) : time.error();
  };
  EXPECT_EQ(utc("2026-11-24T11:58:23Z"), "2026-11-24T11:58:23.000Z");
  EXPECT_EQ(utc("2026-11-24T11:58:23.5Z"), "2026-11-24T11:58:23.500Z");
  EXPECT_EQ(utc("2026-11-24T11:58:23.123456789Z"), "2026-11-24T11:58:23.123Z");
  EXPECT_EQ(utc("2026-11-24T00:30:00+01:00"), "2026-11-23T23:30:00.000Z");
  EXPECT_EQ(utc("2026-11-24t00:30:00-01:30"), "2026-11-24T02:00:00.000Z");
  EXPECT_EQ(utc("2024-02-29T00:00:00Z"), "2024-02-29T00:00:00.000Z");
}

TEST(Time, is_refused_if_it_is_none) {
  for (const auto* text :
       {"", "now", "2026-11-24", "2026-11-24T11:58:23", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-11-24T24:00:00Z", "2026-11-24T11:58:23.Z", "2026-11-24T11:58:23Z ", "2026-11-24T1:58:23Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(Time, is_refused_if_it_could_not_be_written_again) {
  for (const auto* text :
       {"0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
  for (const auto* text : {"0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"}) {
    EXPECT_EQ(format_time(parse_time(text).value()), text);
  }
}

TEST(Time, writes_times_as_kubernetes_does) {
  VirtualClock clock;
  clock.advance(std::chrono::hours(26) + std::chrono::minutes(3) + std::chrono::milliseconds(4056));
  EXPECT_EQ(format_seconds(clock.wall()), "2026-01-02T02:03:04Z");
  EXPECT_EQ(format_micros(clock.wall()), "2026-01-02T02:03:04.056000Z");
}

}  // namespace
}  // namespace weir::base
