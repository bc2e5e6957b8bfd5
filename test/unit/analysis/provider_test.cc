// What the judge makes of a provider's answers, whoever it is.
#include "analysis/provider.h"

#include <gmock/gmock.h>

#include "analysis/judge.h"
#include "analysis/providers/registry.h"

namespace weir::analysis {
namespace {

// Answers what the test wrote down.
class Scripted final : public Provider {
 public:
  explicit Scripted(Reading answer) : answer_(std::move(answer)) {}
  Reading ask(const MetricQuery& query) override {
    auto answer = answer_;
    if (query.least_samples > 1) answer.warnings.push_back("few");
    return answer;
  }

 private:
  Reading answer_;
};

Metric success_rate() { return {.name = "request-success-rate", .range = {.min = 99}}; }

// By a provider "own" that answers so, beside one that measures 99.5.
Judgement judged(Reading answer, const Metric& metric = success_rate(), const JudgeSettings& settings = {}) {
  Providers providers;
  providers.emplace("own", std::make_unique<Scripted>(std::move(answer)));
  providers.emplace("other", std::make_unique<Scripted>(Reading{.result = Measured{.value = 99.5}}));
  return make_judge(std::move(providers), "own")->judge({.metrics = {metric}, .judge = settings});
}

TEST(ProviderDoor, a_value_is_judged_by_the_range_and_told_in_the_words_of_the_provider) {
  const auto judgement =
      judged({.result = Measured{.value = 95, .wording = {.subject = "success", .unit = "%"}, .stable = 100},
              .samples = 20,
              .all_failed = true,
              .warnings = {"partial", "partial"}});
  const auto& check = judgement.checks.at(0);
  EXPECT_EQ(check.outcome, Outcome::Fail);
  EXPECT_EQ(check.message, "success 95 % < 99 %");
  EXPECT_EQ(check.value, 95);
  EXPECT_EQ(check.stable, 100);
  EXPECT_EQ(check.samples, 20);
  EXPECT_TRUE(judgement.all_failed);
  EXPECT_THAT(judgement.warnings, testing::ElementsAre("partial"));
}

TEST(ProviderDoor, without_data_the_policy_of_the_metric_decides_where_it_has_a_say) {
  auto metric = success_rate();
  metric.on_no_data = Policy::Fail;
  EXPECT_EQ(judged({.result = NoData{.message = "no series"}}, metric).outcome, Outcome::Fail);
  const auto waits = judged({.result = NoData{"TooFewSamples", "3 of 10", false}, .samples = 3}, metric);
  EXPECT_EQ(waits.outcome, Outcome::Inconclusive);
  EXPECT_EQ(waits.checks.at(0).reason, "TooFewSamples");
  EXPECT_EQ(waits.checks.at(0).samples, 3);
  EXPECT_TRUE(waits.provider_available);
}

TEST(ProviderDoor, a_provider_that_does_not_answer_is_told_from_one_that_cannot_evaluate_the_query) {
  const auto away = judged({.result = ProviderError{.message = "it is away"}});
  EXPECT_EQ(away.outcome, Outcome::Inconclusive);
  EXPECT_EQ(away.checks.at(0).reason, "ProviderError");
  EXPECT_FALSE(away.provider_available);
  const auto refused = judged({.result = ProviderError{.message = "no such function", .rejected = true}});
  EXPECT_EQ(refused.checks.at(0).reason, "QueryRejected");
  EXPECT_TRUE(refused.provider_available);
  auto metric = success_rate();
  metric.on_provider_error = Policy::Pass;
  EXPECT_EQ(judged({.result = ProviderError{.message = "it is away"}}, metric).outcome, Outcome::Pass);
}

TEST(ProviderDoor, a_metric_is_asked_of_the_provider_that_it_names) {
  auto metric = success_rate();
  metric.provider = "other";
  EXPECT_EQ(judged({.result = NoData{}}, metric).checks.at(0).value, 99.5);
  metric.provider = "nobody";
  const auto check = judged({.result = NoData{}}, metric).checks.at(0);
  EXPECT_EQ(check.reason, "QueryRejected");
  EXPECT_THAT(check.message,
              testing::StartsWith("request-success-rate: there is no provider \"nobody\" of metrics"));
}

TEST(ProviderDoor, the_provider_is_told_how_many_samples_are_needed) {
  EXPECT_THAT(judged({.result = NoData{}}, success_rate(), {.min_samples = 30}).warnings,
              testing::ElementsAre("few"));
  EXPECT_THAT(judged({.result = NoData{}}).warnings, testing::IsEmpty());
}

TEST(ProviderDoor, the_sequential_judge_says_which_field_to_change_where_the_provider_has_no_counts) {
  auto metric = success_rate();
  metric.range = {};
  const auto judgement = judged({.result = Measured{.value = 100}}, metric, {.sequential = true});
  EXPECT_EQ(judgement.outcome, Outcome::Inconclusive);
  EXPECT_FALSE(judgement.conclusive);
  EXPECT_EQ(judgement.checks.at(0).reason, "QueryRejected");
  EXPECT_THAT(
      judgement.message,
      testing::StartsWith("spec.analysis.judge.type is sequential, which compares counts of requests, and "
                          "provider own has none: set it to threshold"));
}

TEST(ProviderRegistry, has_prometheus_as_the_default_which_can_count) {
  EXPECT_EQ(provider_rows().front().type, kDefaultProvider);
  EXPECT_TRUE(provider_rows().front().offered);
  const auto providers = make_providers({.address = "http://prometheus:9090", .fetch = {}});
  EXPECT_EQ(providers.size(), provider_rows().size());
  EXPECT_NE(providers.find(kDefaultProvider)->second->counter(), nullptr);
}

TEST(ProviderRegistry, has_a_rule_of_addresses_for_each_provider_that_needs_one) {
  EXPECT_EQ(problem_of_address(kDefaultProvider, "prometheus:9090"), "must begin with http:// or https://");
  EXPECT_EQ(problem_of_address("", "prometheus:9090"), "must begin with http:// or https://");
  EXPECT_EQ(problem_of_address(kDefaultProvider, "http://prometheus:9090"), std::nullopt);
  EXPECT_EQ(problem_of_address("fixed", "prometheus:9090"), std::nullopt);
}

TEST(ProviderDoor, one_that_cannot_tell_proxies_apart_says_so_and_nothing_is_held_against_the_release) {
  Providers providers;
  providers.emplace("own", std::make_unique<Scripted>(Reading{.result = Measured{.value = 99.5}}));
  const auto judgement =
      make_judge(std::move(providers), "own")->judge({.metrics = {success_rate()}, .counts_split = true});
  EXPECT_EQ(judgement.outcome, Outcome::Pass);
  EXPECT_EQ(judgement.split.division, Division::NotCounted);
  EXPECT_TRUE(judgement.split.server_answers);
  EXPECT_EQ(judgement.split.message, "provider own counts no requests by proxy");
}

}  // namespace
}  // namespace weir::analysis
