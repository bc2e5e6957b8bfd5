#include "test/explore/search.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "strategies/machine.h"
#include "test/explore/timeline.h"

namespace weir::explore {
namespace {

using strategies::Decision;
using strategies::Milliseconds;
using strategies::Observed;
using strategies::Release;
using strategies::TimePoint;

constexpr Limits kUndisturbed{.edits = 0, .crashes = 0};

std::uint64_t states_in(const Result& result, Phase phase) {
  return result.by_phase[static_cast<std::size_t>(phase)];
}

// Believes that every proxy has the routes at once.
Decision believes_in_routes(const Release& release, const Observed& observed, TimePoint time) {
  auto seen = observed;
  if (seen.routes) seen.routes->age = Milliseconds::max();
  return strategies::decide(release, seen, time);
}

// Believes that every proxy forgets at once what is deleted.
Decision believes_in_absence(const Release& release, const Observed& observed, TimePoint time) {
  auto seen = observed;
  seen.service_gone = seen.routes_gone = Milliseconds::max();
  return strategies::decide(release, seen, time);
}

// Believes that every proxy has the endpoints at once.
Decision believes_in_endpoints(const Release& release, const Observed& observed, TimePoint time) {
  auto seen = observed;
  if (seen.service) {
    seen.service->stable_endpoints_age = seen.service->candidate_endpoints_age = Milliseconds::max();
  }
  return strategies::decide(release, seen, time);
}

// Takes no answer for a good one.
Decision believes_in_silence(const Release& release, const Observed& observed, TimePoint time) {
  auto seen = observed;
  if (seen.verdict && seen.verdict->outcome == strategies::Outcome::Inconclusive)
    seen.verdict->outcome = strategies::Outcome::Pass;
  return strategies::decide(release, seen, time);
}

Decision does_nothing(const Release& release, const Observed& /*observed*/, TimePoint /*time*/) {
  return {.status = release.status};
}

TEST(Explore, comes_to_an_end_of_a_release_that_nobody_disturbs) {
  const auto result = explore(kUndisturbed, strategies::decide);
  EXPECT_TRUE(result.complete);
  EXPECT_TRUE(result.findings.empty());
  EXPECT_EQ(result.waiting, 0U);
  EXPECT_GT(states_in(result, Phase::Succeeded), 0U);
  EXPECT_GT(states_in(result, Phase::Failed), 0U);
}

TEST(Explore, finds_no_breach_in_a_crash_before_or_after_any_write) {
  const auto result = explore({.edits = 0, .crashes = 1}, strategies::decide);
  EXPECT_TRUE(result.complete);
  EXPECT_TRUE(result.findings.empty());
}

TEST(Explore, comes_to_the_same_states_each_time) {
  const auto one = explore(kUndisturbed, strategies::decide);
  const auto other = explore(kUndisturbed, strategies::decide);
  EXPECT_EQ(one.states, other.states);
  EXPECT_EQ(one.steps, other.steps);
  EXPECT_EQ(one.depth, other.depth);
}

TEST(Explore, says_that_a_limit_ended_it) {
  auto limits = kUndisturbed;
  limits.depth = 10;
  const auto shallow = explore(limits, strategies::decide);
  EXPECT_FALSE(shallow.complete);
  EXPECT_EQ(shallow.depth, 10);
  EXPECT_GT(shallow.waiting, 0U);

  limits = kUndisturbed;
  limits.states = 1'000;
  const auto few = explore(limits, strategies::decide);
  EXPECT_FALSE(few.complete);
  EXPECT_GE(few.states, 1'000U);
  EXPECT_GT(few.waiting, 0U);
}

TEST(Explore, finds_the_shortest_way_to_requests_that_are_lost) {
  const auto result = explore(kUndisturbed, believes_in_routes);
  ASSERT_FALSE(result.findings.empty());
  const auto& finding = result.findings.front();
  auto nearer = kUndisturbed;
  nearer.depth = static_cast<int>(finding.way.size()) - 1;
  EXPECT_TRUE(explore(nearer, believes_in_routes).findings.empty());
  ++nearer.depth;
  EXPECT_FALSE(explore(nearer, believes_in_routes).findings.empty());
}

TEST(Explore, finds_each_of_different_breaches_once) {
  auto limits = kUndisturbed;
  limits.breaches = 100;
  const auto result = explore(limits, believes_in_routes);
  EXPECT_TRUE(result.complete);
  ASSERT_GT(result.findings.size(), 1U);
  for (std::size_t i = 1; i < result.findings.size(); ++i) {
    const auto& one = result.findings[i];
    EXPECT_GE(one.way.size(), result.findings[i - 1].way.size());
    EXPECT_FALSE(one.breach == result.findings[i - 1].breach && one.phase == result.findings[i - 1].phase);
  }
}

TEST(Explore, finds_requests_that_an_edit_costs) {
  for (const Decide& believes : {Decide(believes_in_absence), Decide(believes_in_endpoints)}) {
    EXPECT_TRUE(explore(kUndisturbed, believes).findings.empty());
    const auto result = explore({.breaches = 1, .edits = 1, .crashes = 0}, believes);
    ASSERT_FALSE(result.findings.empty());
    EXPECT_EQ(result.findings.front().breach.name, "lost");
    EXPECT_EQ(std::ranges::count(result.findings.front().way, Kind::Edit, &Event::kind), 1);
  }
}

TEST(Explore, finds_a_step_that_no_verdict_has_passed) {
  const auto result = explore(kUndisturbed, believes_in_silence);
  ASSERT_FALSE(result.findings.empty());
  EXPECT_EQ(result.findings.front().breach.name, "S6");
  const auto& way = result.findings.front().way;
  const Event silence{Kind::Verdict, static_cast<Byte>(Answer::Inconclusive)};
  EXPECT_NE(std::ranges::find(way, silence), way.end());
}

TEST(Explore, finds_a_release_that_nothing_will_end) {
  const auto result = explore(kUndisturbed, does_nothing);
  ASSERT_FALSE(result.findings.empty());
  EXPECT_EQ(result.findings.front().breach.name, "L3");
}

TEST(Timeline, tells_every_event_of_the_way_and_ends_with_the_breach) {
  const auto result = explore(kUndisturbed, believes_in_silence);
  ASSERT_FALSE(result.findings.empty());
  const auto& finding = result.findings.front();
  const auto lines = timeline_of(finding, kUndisturbed, believes_in_silence);
  const auto events = std::ranges::count_if(lines, [](const auto& line) { return line.starts_with("t="); });
  EXPECT_EQ(static_cast<std::size_t>(events), finding.way.size());
  EXPECT_EQ(lines.back(), "BROKEN S6: " + finding.breach.message);
  const auto told = std::ranges::find_if(
      lines, [](const auto& line) { return line.find("the interval is inconclusive") != line.npos; });
  EXPECT_NE(told, lines.end());
}

TEST(Fingerprints, knows_again_what_it_was_given) {
  Fingerprints known;
  constexpr std::uint64_t kCount = 200'000;
  constexpr std::uint64_t kApart = 0x9e3779b97f4a7c15ULL;
  for (std::uint64_t i = 0; i < kCount; ++i) EXPECT_TRUE(known.add(i * kApart + 1));
  for (std::uint64_t i = 0; i < kCount; ++i) EXPECT_FALSE(known.add(i * kApart + 1));
  EXPECT_EQ(known.size(), kCount);
}

}  // namespace
}  // namespace weir::explore
