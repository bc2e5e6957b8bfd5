#include "analysis/providers/prometheus/window.h"

#include <gtest/gtest.h>

namespace weir::analysis {
namespace {

const TimePoint kEnd{std::chrono::seconds{1'700'000'000}};

TEST(PlannedWindow, stays_as_asked_when_it_holds_two_scrapes) {
  const auto plan = plan_window({.end = kEnd, .length = Seconds{30}}, Seconds{15});
  EXPECT_EQ(plan.length, Seconds{30});
  EXPECT_FALSE(plan.too_short);
  EXPECT_TRUE(plan.warning.empty());
}

TEST(PlannedWindow, stays_as_asked_while_the_scrape_interval_is_unknown) {
  const auto plan = plan_window({.end = kEnd, .length = Seconds{5}}, std::nullopt);
  EXPECT_EQ(plan.length, Seconds{5});
  EXPECT_TRUE(plan.warning.empty());
}

TEST(PlannedWindow, is_widened_to_two_scrapes_with_a_warning) {
  const auto plan = plan_window({.end = kEnd, .length = Seconds{10}}, Seconds{15});
  EXPECT_EQ(plan.length, Seconds{30});
  EXPECT_EQ(plan.end, kEnd);
  EXPECT_FALSE(plan.too_short);
  EXPECT_EQ(plan.warning, "a window of 10s is shorter than two scrapes (15s each): widened to 30s");
}

TEST(PlannedWindow, is_never_widened_to_before_the_step) {
  const auto plan =
      plan_window({.end = kEnd, .length = Seconds{10}, .earliest = kEnd - Seconds{20}}, Seconds{15});
  EXPECT_EQ(plan.length, Seconds{20});
  EXPECT_TRUE(plan.too_short);
  EXPECT_EQ(plan.missing, Seconds{10});
  EXPECT_EQ(plan.warning,
            "a window of 10s is shorter than two scrapes (15s each), and the step is too young to widen it");
}

TEST(PlannedWindow, is_widened_fully_once_the_step_is_old_enough) {
  const auto plan =
      plan_window({.end = kEnd, .length = Seconds{10}, .earliest = kEnd - Seconds{40}}, Seconds{15});
  EXPECT_EQ(plan.length, Seconds{30});
  EXPECT_FALSE(plan.too_short);
}

TEST(PlannedWindow, keeps_what_was_asked_even_if_that_begins_before_the_step) {
  const auto plan =
      plan_window({.end = kEnd, .length = Seconds{10}, .earliest = kEnd - Seconds{3}}, Seconds{15});
  EXPECT_EQ(plan.length, Seconds{10});
  EXPECT_TRUE(plan.too_short);
  EXPECT_EQ(plan.missing, Seconds{27}) << "only the step's own time counts";
}

TEST(PlannedWindow, needs_two_scrapes_where_it_is_counted_in_and_short) {
  EXPECT_TRUE(needs_scrapes({.name = "request-success-rate"}, Seconds{239}));
  EXPECT_FALSE(needs_scrapes({.name = "request-success-rate"}, kAlwaysLongEnough));
  EXPECT_TRUE(needs_scrapes({.name = "own", .query = "rate(a[{{ interval }}])"}, Seconds{30}));
  EXPECT_FALSE(needs_scrapes({.name = "own", .query = "up"}, Seconds{30}));
}

}  // namespace
}  // namespace weir::analysis
