#include "operator/reconcile/divided_since.h"

#include <gtest/gtest.h>

namespace weir::reconcile {
namespace {

using std::chrono::seconds;
using strategies::RouteState;

constexpr std::int64_t kTerm = 7;

class DividedSinceTest : public ::testing::Test {
 protected:
  strategies::Milliseconds note(int candidate, seconds age, std::int64_t term = kTerm) {
    return since_.note(release_, term, RouteState{.splits = {{.candidate = candidate}}, .age = age}, now_);
  }

  const kube::Key release_{"shop", "checkout-v2"};
  DividedSince since_;
  base::Clock::Steady now_{seconds(10'000)};
};

TEST_F(DividedSinceTest, is_at_first_the_age_of_the_objects) {
  EXPECT_EQ(note(10, seconds(40)), seconds(40));
}

TEST_F(DividedSinceTest, does_not_begin_anew_when_something_else_in_the_objects_changes) {
  (void)note(10, seconds(40));
  now_ += seconds(30);
  EXPECT_EQ(note(10, seconds(0)), seconds(70));
  now_ += seconds(5);
  EXPECT_EQ(note(10, seconds(5)), seconds(75));
}

TEST_F(DividedSinceTest, begins_with_the_change_of_a_destination) {
  (void)note(10, seconds(40));
  now_ += seconds(30);
  EXPECT_EQ(note(20, seconds(2)), seconds(2));
  now_ += seconds(30);
  EXPECT_EQ(note(20, seconds(32)), seconds(32));
  RouteState torn{.splits = {{.candidate = 20}}, .unmanaged = 1, .age = seconds(1)};
  EXPECT_EQ(since_.note(release_, kTerm, torn, now_), seconds(1));
}

TEST_F(DividedSinceTest, is_not_known_of_what_changed_while_another_process_led) {
  (void)note(10, seconds(40));
  now_ += seconds(30);
  EXPECT_EQ(note(10, seconds(3), kTerm + 1), seconds(3));
}

TEST_F(DividedSinceTest, is_not_known_of_what_was_forgotten) {
  (void)note(10, seconds(40));
  now_ += seconds(30);
  since_.forget(release_);
  EXPECT_EQ(note(10, seconds(3)), seconds(3));
}

TEST_F(DividedSinceTest, of_objects_without_an_age_is_long_ago) {
  const RouteState routes{.splits = {{.candidate = 10}}, .age = strategies::Milliseconds::max()};
  EXPECT_EQ(since_.note(release_, kTerm, routes, now_), strategies::Milliseconds::max());
}

}  // namespace
}  // namespace weir::reconcile
