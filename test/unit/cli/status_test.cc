#include "operator/cli/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace weir::cli {
namespace {

using namespace std::chrono_literals;
using strategies::ConditionStatus;
using strategies::Outcome;
using strategies::Phase;
using strategies::Weight;
using testing::HasSubstr;
using testing::Not;

const strategies::TimePoint kNow{std::chrono::milliseconds{1'800'000'000'000}};
const Screen kTerminal{.width = 80, .unicode = true};

Weight weight(int percent) { return *Weight::of(percent); }

// checkout-v2 at its third step of five, 14 s before the next check.
canary::Canary release() {
  canary::Canary release;
  release.name_space = "shop";
  release.name = "checkout-v2";
  release.uid = "u1";
  auto& spec = release.spec;
  spec.target.name = "checkout-v2";
  spec.service.name = "checkout";
  spec.interval = 30s;
  spec.program =
      strategies::stepwise({weight(10), weight(20), weight(30), weight(40), weight(50)}, {weight(100)});
  auto& status = release.status;
  status.phase = Phase::Progressing;
  status.target = "checkout-v2";
  status.canary_weight = weight(30);
  status.step = 3;
  status.steps = 5;
  status.failed_checks = 2;
  status.stable = {.name = "checkout-v1", .version = "v1", .replicas = 3, .ready = 3, .template_hash = ""};
  status.candidate = {.name = "checkout-v2", .version = "v2", .replicas = 3, .ready = 2, .template_hash = ""};
  status.step_started_at = kNow - 21s;
  status.last_transition_time = kNow - 125s;
  status.last_progress_at = kNow - 21s;
  status.message = "step 3/5: 30 % to checkout-v2";
  return release;
}

strategies::Check check(const std::string& name, Outcome outcome) {
  return {.name = name,
          .outcome = outcome,
          .reason = outcome == Outcome::Pass ? "WithinRange" : "OutOfRange",
          .value = 612,
          .min = std::nullopt,
          .max = 500,
          .stable = 210.254,
          .samples = 1204,
          .message = "p99 612 ms > 500 ms",
          .time = kNow - 95s};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(Status, shows_a_running_release_at_a_glance) {
  const auto lines = lines_of(render_status(release(), {}, kNow, kTerminal));
  const std::vector<std::string> expected{
      "Canary    shop/checkout-v2",
      "Service   checkout",
      "Stable    checkout-v1 (v1), 3 of 3 ready",
      "Candidate checkout-v2 (v2), 2 of 3 ready",
      "Phase     ▶ Progressing for 2m05s",
      "          step 3/5: 30 % to checkout-v2",
      "Traffic   v1 70 % ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░░░░░░░ 30 % v2",
      "Steps     ✓ 10  ✓ 20  ▶ 30  · 40  · 50  promotion · 100",
      "Next      check in 14s, then 40 % if it passes",
      "Failed    2 of 5 checks",
  };
  EXPECT_EQ(lines, expected);
}

TEST(Status, is_plain_ascii_where_the_terminal_is) {
  auto shown = release();
  shown.status.message = "p99 ≥ 5";
  const std::string text = render_status(shown, {}, kNow, {.width = 80});
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << text;
  EXPECT_THAT(text, HasSubstr("+ 10  + 20  > 30  . 40"));
  EXPECT_THAT(text, HasSubstr("############################------------"));
  EXPECT_THAT(text, HasSubstr("p99 ? 5"));
}

TEST(Status, colors_only_where_asked_to) {
  EXPECT_THAT(render_status(release(), {}, kNow, kTerminal), Not(HasSubstr("\x1b")));
  EXPECT_THAT(render_status(release(), {}, kNow, {.width = 80, .color = true, .unicode = true}),
              HasSubstr("\x1b[32m"));
}

TEST(Status, never_lets_an_object_command_the_terminal) {
  auto shown = release();
  shown.status.message =
      "a\x1b[2Jb\xc2\x9b"
      "c";
  EXPECT_THAT(render_status(shown, {}, kNow, kTerminal), HasSubstr("a [2Jb c"));
}

TEST(Status, measures_checks_against_their_range_and_stable) {
  auto shown = release();
  shown.status.checks = {check("request-duration", Outcome::Fail)};
  const std::string text = render_status(shown, {}, kNow, kTerminal);
  EXPECT_THAT(text, HasSubstr("  CHECK             VALUE  RANGE  STABLE  SAMPLES  AGE    VERDICT\n"
                              "✗ request-duration  612    ≤ 500  210.25  1204     1m35s  Fail (OutOfRange)\n"
                              "    p99 612 ms > 500 ms\n"));
}

TEST(Status, names_what_will_be_checked_before_the_first_verdict) {
  auto shown = release();
  canary::MetricSpec metric;
  metric.metric.name = "request-success-rate";
  metric.metric.range.min = 99;
  shown.metrics = {metric};
  EXPECT_THAT(render_status(shown, {}, kNow, kTerminal),
              HasSubstr("· request-success-rate  -      ≥ 99   -       -        -    not judged yet"));
  shown.status.phase = Phase::Succeeded;  // without analysis nothing was judged, and nothing will be
  EXPECT_THAT(render_status(shown, {}, kNow, kTerminal), Not(HasSubstr("request-success-rate")));
}

TEST(Status, says_when_the_release_would_be_taken_back) {
  auto shown = release();
  shown.status.phase = Phase::Pending;
  shown.status.step = 0;
  shown.status.last_progress_at = kNow - 130s;
  EXPECT_THAT(render_status(shown, {}, kNow, kTerminal),
              HasSubstr("Next      taken back in 7m50s without progress"));
}

// How long it has been there is nowhere in the status.
TEST(Status, says_of_a_deadline_that_it_comes_later_if_the_operator_was_away) {
  auto shown = release();
  shown.status.phase = Phase::Pending;
  shown.status.step = 0;
  shown.status.last_progress_at = kNow - 130s;
  const Screen wide{.width = 200, .unicode = true};
  EXPECT_THAT(render_status(shown, {}, kNow, wide),
              HasSubstr("taken back in 7m50s without progress, or later if the operator was away\n"));
  shown.status.last_progress_at = kNow - 1000s;
  EXPECT_THAT(render_status(shown, {}, kNow, wide),
              HasSubstr("taken back now without progress, or later if the operator was away\n"));
}

TEST(Status, marks_the_step_at_which_a_release_failed) {
  auto shown = release();
  shown.status.phase = Phase::Failed;
  shown.status.canary_weight = weight(0);
  const std::string text = render_status(shown, {}, kNow, kTerminal);
  EXPECT_THAT(text, HasSubstr("✓ 10  ✓ 20  ✗ 30  · 40"));
  EXPECT_THAT(text, HasSubstr("✗ Failed, 2m05s ago"));
  EXPECT_THAT(text, Not(HasSubstr("Next")));
}

TEST(Status, follows_the_promotion_in_its_own_steps) {
  auto shown = release();
  shown.status.phase = Phase::Promoting;
  shown.spec.program.promotion = {{weight(75)}, {weight(100)}};
  shown.status.canary_weight = weight(75);
  EXPECT_THAT(render_status(shown, {}, kNow, kTerminal), HasSubstr("✓ 50  promotion ▶ 75  · 100"));
  shown.status.phase = Phase::Finalizing;
  shown.status.canary_weight = weight(100);
  const std::string text = render_status(shown, {}, kNow + 100s, kTerminal);
  EXPECT_THAT(text, HasSubstr("promotion ✓ 75  ✓ 100"));
  EXPECT_THAT(text, HasSubstr("checkout-v1 is released due now"));
}

TEST(Status, never_draws_traffic_that_is_not_there) {
  auto shown = release();
  for (const auto& [percent, cells] :
       std::vector<std::pair<int, int>>{{0, 0}, {1, 1}, {50, 20}, {99, 39}, {100, 40}}) {
    shown.status.canary_weight = weight(percent);
    const std::string text = render_status(shown, {}, kNow, {.width = 80});
    EXPECT_EQ(std::count(text.begin(), text.end(), '#'), 40 - cells) << text;
  }
}

TEST(Status, keeps_to_the_width_of_the_screen) {
  auto shown = release();
  shown.status.message = "a sentence that is longer than the screen is wide goes on below its beginning";
  shown.status.checks = {check("request-duration", Outcome::Fail)};
  for (const auto& line : lines_of(render_status(shown, {}, kNow, {.width = 40, .unicode = true}))) {
    EXPECT_LE(length_of(line), 40U) << line;
  }
  EXPECT_THAT(render_status(shown, {}, kNow, {.width = 40, .unicode = true}),
              HasSubstr("          a sentence that is longer than\n          the screen"));
}

TEST(Status, shows_only_conditions_that_are_not_as_they_should_be) {
  auto shown = release();
  const auto condition = [](const char* type, ConditionStatus status) {
    return strategies::Condition{type, status, "Why", "what to do", 1, kNow};
  };
  shown.status.conditions = {
      condition("Progressing", ConditionStatus::True), condition("Conflict", ConditionStatus::False),
      condition("TrafficIsolated", ConditionStatus::False), condition("Promoted", ConditionStatus::Unknown)};
  const std::string text = render_status(shown, {}, kNow, kTerminal);
  EXPECT_THAT(text, HasSubstr("\n\nConditions\n! TrafficIsolated=False (Why): what to do\n"));
  EXPECT_THAT(text, Not(HasSubstr("Conflict=")));
  EXPECT_THAT(text, Not(HasSubstr("Promoted=")));
}

TEST(Status, says_of_traffic_when_it_does_not_follow_and_when_nobody_knows) {
  auto shown = release();
  for (const auto status : {ConditionStatus::True, ConditionStatus::False, ConditionStatus::Unknown}) {
    shown.status.conditions = {{"TrafficFollows", status, "Why", "the numbers", 1, kNow}};
    const bool said = render_status(shown, {}, kNow, kTerminal).contains("TrafficFollows=");
    EXPECT_EQ(said, status != ConditionStatus::True) << to_string(status);
  }
}

Json event(const char* uid, const char* time, const char* reason) {
  return {{"involvedObject", {{"uid", uid}}},
          {"lastTimestamp", time},
          {"reason", reason},
          {"type", "Normal"},
          {"message", "said"},
          {"count", 3}};
}

TEST(Status, shows_the_last_five_events_of_this_release_with_their_age) {
  std::vector<Json> all{event("other", "2027-01-15T07:59:59Z", "Alien")};
  for (int i = 1; i <= 6; ++i) {
    all.insert(all.begin(), event("u1", ("2027-01-15T07:59:0" + std::to_string(i) + "Z").c_str(),
                                  ("Step" + std::to_string(i)).c_str()));
  }
  const auto shown = events_of(release(), all);
  ASSERT_EQ(shown.size(), 6U);
  const std::string text = render_status(release(), shown, kNow, kTerminal);
  EXPECT_THAT(text, Not(HasSubstr("Alien")));
  EXPECT_THAT(text, Not(HasSubstr("Step1")));
  EXPECT_THAT(text, HasSubstr("\nEvents\n  58s     Step2 said (x3)\n"));
}

TEST(StatusLine, says_it_in_one_line) {
  auto shown = release();
  shown.status.message = "two\nlines";
  EXPECT_EQ(render_line(shown), "shop/checkout-v2 Progressing 30 % step 3/5 failed 2/5: two lines");
}

TEST(ShortDuration, has_at_most_two_units) {
  EXPECT_EQ(short_duration(-5s), "0s");
  EXPECT_EQ(short_duration(59'999ms), "59s");
  EXPECT_EQ(short_duration(65s), "1m05s");
  EXPECT_EQ(short_duration(2h + 3min + 4s), "2h03m");
  EXPECT_EQ(short_duration(50h), "2d2h");
}

}  // namespace
}  // namespace weir::cli
