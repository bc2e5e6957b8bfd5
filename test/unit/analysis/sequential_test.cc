#include "analysis/sequential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::analysis {
namespace {

using testing::HasSubstr;

TimePoint at(int second) { return TimePoint{std::chrono::seconds{1'700'000'000 + second}}; }

Trial trial_of(std::vector<Stream> streams = {{.metric = "request-success-rate"}}) {
  Trial trial{.streams = std::move(streams)};
  for (auto& stream : trial.streams) stream.test.baseline = {60'000, 60};
  begin_step(trial, 1, at(0));
  return trial;
}

const JudgeSettings kJudge{.sequential = true, .min_samples = 30};

// `count` intervals of 10 s in which stable failed `f1` of 900 and the candidate `f2` of 100.
void pass(Trial& trial, int count, double f1, double f2) {
  for (int i = 0; i < count; ++i) {
    const std::vector<StreamCounts> counts(trial.streams.size(), StreamCounts{{900, f1}, {100, f2}});
    add(trial, counts, trial.until + Seconds{10}, kJudge);
  }
}

TEST(Looking, finds_against_a_candidate_that_fails_clearly_more) {
  auto trial = trial_of();
  pass(trial, 1, 1, 6);
  auto found = look(trial, 3, false, kJudge);
  EXPECT_EQ(found.finding, Finding::Undecided);
  EXPECT_EQ(found.message, "candidate fails 6 % against 0.111 %, evidence 24 of 100");
  pass(trial, 1, 1, 6);
  found = look(trial, 3, false, kJudge);
  EXPECT_EQ(found.finding, Finding::Against);
  EXPECT_THAT(found.message, HasSubstr("evidence 100 of 100"));
  EXPECT_EQ(found.missing, "");
}

TEST(Looking, takes_no_release_back_by_a_few_requests) {
  auto trial = trial_of();
  for (int i = 0; i < 5; ++i) add(trial, {{{900, 1}, {5, 5}}}, at(10), kJudge);
  EXPECT_GT(look(trial, 3, false, kJudge).evidence, 100);
  EXPECT_EQ(look(trial, 3, false, kJudge).finding, Finding::Undecided);
}

TEST(Looking, certifies_an_equal_candidate_after_as_many_requests_as_it_says) {
  auto trial = trial_of();
  pass(trial, 4, 1, 0);
  const auto early = look(trial, 3, false, kJudge);
  EXPECT_EQ(early.finding, Finding::Undecided);
  EXPECT_EQ(early.missing, "needs about " + std::to_string(static_cast<int>(early.more_requests)) +
                               " more requests to advance");
  pass(trial, static_cast<int>(early.more_requests / 100) + 1, 1, 0);
  EXPECT_EQ(look(trial, 3, false, kJudge).finding, Finding::Certified);
}

TEST(Looking, certifies_no_step_before_three_intervals) {
  auto trial = trial_of();
  add(trial, {{{9000, 9}, {5000, 5}}}, at(10), kJudge);
  const auto found = look(trial, 3, false, kJudge);
  EXPECT_EQ(found.finding, Finding::Undecided);
  EXPECT_EQ(found.missing, "needs 2 more intervals to advance");
}

TEST(Looking, at_a_plan_that_does_not_advance_early_passes_an_interval_without_evidence_against) {
  auto judge = kJudge;
  judge.advance_early = false;
  auto trial = trial_of();
  add(trial, {{{900, 1}, {20, 0}}}, at(10), judge);
  EXPECT_EQ(look(trial, 3, false, judge).finding, Finding::Undecided);
  EXPECT_EQ(look(trial, 3, false, judge).more_requests, 10);
  add(trial, {{{900, 1}, {20, 0}}}, at(20), judge);
  EXPECT_EQ(look(trial, 3, false, judge).finding, Finding::Certified);
}

TEST(Looking, at_a_step_with_all_traffic_goes_by_what_was_found_before) {
  auto trial = trial_of();
  for (int i = 0; i < 3; ++i) add(trial, {{{0, 0}, {100, 0}}}, at(10), kJudge);
  EXPECT_EQ(look(trial, 3, true, kJudge).finding, Finding::Certified);
  EXPECT_EQ(look(trial, 3, false, kJudge).finding, Finding::Undecided);
}

TEST(Looking, weighs_metrics_alike_and_names_the_one_that_speaks_against_the_candidate) {
  auto trial = trial_of({{.metric = "request-success-rate"}, {.metric = "request-duration", .edge = 500}});
  add(trial, {{{900, 1}, {100, 0}}, {{900, 1}, {100, 40}}}, at(10), kJudge);
  const auto found = look(trial, 3, false, kJudge);
  ASSERT_EQ(found.metrics.size(), 2U);
  EXPECT_LT(found.metrics[0].evidence, 1);
  EXPECT_NEAR(found.evidence, (found.metrics[0].evidence + found.metrics[1].evidence) / 2, 1e-9);
  EXPECT_THAT(found.message,
              HasSubstr("candidate is slower than 500 ms in 40 % of requests against 0.111 %"));
}

TEST(Looking, asks_no_certificate_of_edges_without_an_objective) {
  auto trial = trial_of({{.metric = "request-success-rate"},
                         {.metric = "request-duration", .edge = 50, .dominance = true},
                         {.metric = "request-duration", .edge = 100, .dominance = true}});
  for (auto& stream : trial.streams) {
    if (stream.edge) stream.test.baseline = {60'000, 20'000};
  }
  for (int i = 0; i < 20; ++i) {
    add(trial, {{{900, 0}, {100, 0}}, {{900, 300}, {100, 33}}, {{900, 300}, {100, 34}}}, at(10), kJudge);
  }
  EXPECT_EQ(look(trial, 3, false, kJudge).finding, Finding::Certified);
}

TEST(Steps, begin_with_a_certificate_of_their_own_and_count_from_when_the_weight_is_everywhere) {
  auto trial = trial_of();
  pass(trial, 12, 1, 0);
  begin_step(trial, 2, at(200));
  EXPECT_EQ(trial.intervals, 0);
  EXPECT_EQ(trial.step_requests, 0);
  EXPECT_EQ(trial.until, at(200));
  EXPECT_EQ(trial.streams[0].test.logs.size(), 2U);
  EXPECT_EQ(certainty(trial.streams[0].test), 1);
  begin_step(trial, 3, at(150));
  EXPECT_EQ(trial.until, at(200));
}

TEST(Memory, brings_a_trial_back_as_it_was) {
  auto trial = trial_of(
      {{.metric = "request-success-rate"}, {.metric = "request-duration", .edge = 250.5, .dominance = true}});
  trial.streams[0].test.dispersion = 1.25;
  pass(trial, 3, 1, 2);
  begin_step(trial, 2, at(100));
  pass(trial, 2, 1, 0);
  const auto text = to_text(trial, look(trial, 4, false, kJudge), kJudge);
  EXPECT_EQ(trial_from(text), trial);
  EXPECT_THAT(text, HasSubstr(R"("needed":100.0)"));
  EXPECT_THAT(text, HasSubstr("more requests to advance"));
}

TEST(Memory, of_anything_else_is_empty) {
  for (const auto* text : {"", "null", "[]", "{", R"({"state":7})", R"({"state":{"streams":[{"metric":1}]}})",
                           R"({"state":{"step":3,"streams":[{"metric":"m","logs":[[1]]}]}})",
                           R"({"state":{"step":3,"streams":[{"metric":"m","logs":[[0,0,0,0,0,0,"x"]]}]}})"}) {
    EXPECT_EQ(trial_from(text), Trial{}) << text;
  }
}

TEST(Memory, holds_no_number_beyond_reason) {
  const auto trial =
      trial_from(R"({"state":{"step":-3,"until":1e300,"streams":[{"metric":"m","logs":[[0,0,0,0,0,0,0]],)"
                 R"("baseline":{"requests":-5,"failures":9},"dispersion":0}]}})");
  ASSERT_EQ(trial.streams.size(), 1U);
  EXPECT_EQ(trial.step, 0);
  EXPECT_EQ(trial.streams[0].test.baseline, (Counts{0, 0}));
  EXPECT_EQ(trial.streams[0].test.dispersion, 1);
}

}  // namespace
}  // namespace weir::analysis
