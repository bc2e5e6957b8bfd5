#include "operator/cli/simulate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "operator/cli/backtest.h"
#include "operator/offline/yaml.h"

namespace weir::cli {
namespace {

using kube::Json;
using testing::HasSubstr;

std::string canary_text(const std::string& analysis) {
  return R"(apiVersion: weir.dev/v1alpha1
kind: Canary
metadata: {name: checkout-v2, namespace: shop}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout-v2}
  service: {name: checkout}
  analysis:
    interval: 10s
    stepWeight: 10
    maxWeight: 50
)" + analysis;
}

const std::string kSequential = R"(    judge: {type: sequential}
    metrics: [{name: request-success-rate}]
)";
const std::string kThreshold = R"(    threshold: 5
    metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]
)";
const std::string kDominance = R"(    judge: {type: sequential}
    metrics: [{name: request-duration}]
)";

class Simulating : public testing::Test {
 protected:
  int run(const std::string& input, std::vector<std::string> flags, const std::string& command = "simulate") {
    in_ = std::istringstream(input);
    out_.str("");
    err_.str("");
    std::vector<std::string> words{command, "-f", "-"};
    words.insert(words.end(), flags.begin(), flags.end());
    Console console{in_, out_, err_, clock_, [] { return Screen{}; }, [](std::chrono::milliseconds) {}};
    return cli::run(words, console, [](const Access&) -> std::expected<Cluster, std::string> {
      return std::unexpected("no cluster is needed");
    });
  }
  Json json(const std::string& analysis, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"-o", "json", "--scrape-interval", "5s"});
    EXPECT_EQ(run(canary_text(analysis), std::move(flags)), kFine) << err_.str();
    return Json::parse(out_.str());
  }

  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
  base::VirtualClock clock_;
};

TEST_F(Simulating, promotes_a_good_candidate_and_takes_a_bad_one_back) {
  const auto good = json(kSequential, {"--runs", "100"});
  EXPECT_EQ(good["promoted"], 1);
  EXPECT_EQ(good["runs"], 100);
  EXPECT_GT(good["secondsToOutcome"]["median"], 5 * 30);
  const auto bad = json(kSequential, {"--runs", "100", "--candidate-error", "5%"});
  EXPECT_EQ(bad["rolledBack"], 1);
  EXPECT_LT(bad["candidateRequests"]["mean"], 400);
  EXPECT_NEAR(bad["failedCandidateRequests"]["mean"].get<double>(),
              bad["candidateRequests"]["mean"].get<double>() * 0.05, 3);
}

// 100 requests a second, a tenth to the candidate: the figures of docs/analysis.md, within four standard
// errors.
TEST_F(Simulating, holds_a_weight_and_lets_the_judge_speak) {
  const std::vector<std::string> fixed{"--fixed-weight", "10", "--duration", "10m", "--runs", "1000"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), fixed.begin(), fixed.end());
    return more;
  };
  EXPECT_NEAR(json(kThreshold, with({}))["rolledBack"].get<double>(), 0.141, 0.045);
  EXPECT_LE(json(kSequential, with({}))["rolledBack"], 0.006);
  EXPECT_NEAR(json(kSequential, with({"--candidate-error", "0.5%"}))["rolledBack"].get<double>(), 0.89, 0.04);
  const auto one = json(kSequential, with({"--candidate-error", "1%"}));
  EXPECT_EQ(one["rolledBack"], 1);
  EXPECT_NEAR(one["candidateRequests"]["mean"].get<double>(), 923, 50);
  EXPECT_EQ(json(kThreshold, with({"--stable-error", "1%"}))["rolledBack"], 1);
  EXPECT_LE(json(kSequential, with({"--stable-error", "1%"}))["rolledBack"], 0.006);
  EXPECT_LE(json(kSequential, with({"--cluster", "5"}))["rolledBack"], 0.01);
}

TEST_F(Simulating, compares_durations) {
  EXPECT_LE(json(kDominance, {"--fixed-weight", "10", "--runs", "100"})["rolledBack"], 0.05);
  const auto slow =
      json(kDominance, {"--fixed-weight", "10", "--runs", "100", "--candidate-latency", "90ms"});
  EXPECT_EQ(slow["rolledBack"], 1);
  EXPECT_LT(slow["candidateRequests"]["mean"], 400);
}

TEST_F(Simulating, gives_the_same_runs_for_the_same_seed_and_others_for_another) {
  const auto first = json(kSequential, {"--runs", "50", "--candidate-error", "0.5%"});
  EXPECT_EQ(json(kSequential, {"--runs", "50", "--candidate-error", "0.5%"}), first);
  EXPECT_NE(json(kSequential, {"--runs", "50", "--candidate-error", "0.5%", "--seed", "2"}), first);
}

TEST_F(Simulating, shows_one_run_in_words) {
  EXPECT_EQ(run(canary_text(kSequential), {"--runs", "20", "--candidate-error", "5%"}), kFine);
  EXPECT_THAT(out_.str(), HasSubstr("taken back   100.0 %"));
  EXPECT_THAT(out_.str(), HasSubstr("one run: EvidenceAgainst"));
  EXPECT_THAT(out_.str(), HasSubstr("step 1/5: 10 % to checkout-v2"));
}

TEST_F(Simulating, sweeps_what_the_candidate_fails) {
  EXPECT_EQ(run(canary_text(kSequential), {"--sweep", "--runs", "20"}), kFine);
  EXPECT_THAT(out_.str(), HasSubstr("50 %"));
  const auto swept = json(kSequential, {"--sweep", "--runs", "20", "--stable-error", "1%"})["sweep"];
  EXPECT_EQ(swept.front()["candidateError"], 0.01);
  EXPECT_GE(swept.front()["promoted"], 0.9);
  EXPECT_EQ(swept.back()["rolledBack"], 1);
}

TEST_F(Simulating, warns_of_what_cannot_work) {
  EXPECT_EQ(run(canary_text(kThreshold), {"--runs", "1", "--rps", "1"}), kFine);
  EXPECT_THAT(err_.str(), HasSubstr("about 1 requests in 10 s (10 % of 1/s): too few to tell anything"));
  EXPECT_THAT(err_.str(), HasSubstr("spec.analysis.interval is 10 s, shorter than two scrapes of 15 s each: "
                                    "windows will be widened"));
  (void)run(canary_text(kThreshold) + "  progressDeadlineSeconds: 20\n", {"--runs", "1"});
  EXPECT_THAT(err_.str(), HasSubstr("shorter than two scrapes of 15 s each: no step will be judged, since "
                                    "spec.progressDeadlineSeconds, which is 20, ends it"));
  EXPECT_EQ(run(canary_text(kSequential), {"--runs", "1", "--rps", "10", "--scrape-interval", "5s"}), kFine);
  EXPECT_THAT(err_.str(), HasSubstr("which take 16 min; spec.progressDeadlineSeconds is 600"));
  EXPECT_EQ(run(canary_text(kSequential), {"--runs", "1", "--scrape-interval", "5s"}), kFine);
  EXPECT_EQ(err_.str(), "");
}

TEST_F(Simulating, counts_what_prometheus_has_scraped) {
  const auto scraped = [&](const std::string& text, const std::string& every) {
    EXPECT_EQ(run(text, {"--runs", "20", "--stable-error", "0", "-o", "json", "--scrape-interval", every}),
              kFine)
        << err_.str();
    return Json::parse(out_.str());
  };
  // Two scrapes of 10 s take two intervals at each of five steps.
  const auto fast = scraped(canary_text(kThreshold), "5s")["secondsToPromotion"]["median"].get<double>();
  const auto slow = scraped(canary_text(kThreshold), "10s")["secondsToPromotion"]["median"].get<double>();
  EXPECT_EQ(slow - fast, 50);

  const std::string query = "    metrics: [{name: own, thresholdRange: {max: 1}, query: ";
  for (const auto& analysis : {kThreshold, kSequential, query + "'up[{{ interval }}]'}]\n"}) {
    EXPECT_EQ(scraped(canary_text(analysis), "1h")["rolledBack"], 1) << analysis;
    EXPECT_THAT(err_.str(), HasSubstr("no step will be judged"));
  }
  EXPECT_EQ(scraped(canary_text(query + "up}]\n"), "1h")["promoted"], 1);

  auto text = canary_text(kThreshold);
  text.replace(text.find("10s"), 3, "5m");
  EXPECT_EQ(scraped(text, "1h")["rolledBack"], 1);
  EXPECT_THAT(err_.str(), HasSubstr("no window holds two scrapes, and requests can't be counted in it"));
  EXPECT_EQ(scraped(text, "30s")["promoted"], 1);
}

TEST_F(Simulating, refuses_flags_that_it_cannot_use) {
  for (const auto& [flags, says] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--candidate-error", "2"}, "--candidate-error 2: it takes a share such as 0.1% or 0.001"},
           {{"--rps", "many"}, "--rps many: it takes a number"},
           {{"--duration", "10"}, "--duration 10: it takes a duration such as 10m"},
           {{"--fixed-weight", "5", "--duration", "9s"},
            "--duration 9s: it takes at least one interval, and spec.analysis.interval is 10s"},
           {{"--duration", "5m"}, "--duration 5m: it needs --fixed-weight; "},
           {{"--fixed-weight", "0"}, "--fixed-weight 0: it takes a whole number from 1 to 100"},
           {{"--fixed-weight", "10.7"}, "--fixed-weight 10.7: it takes a whole number from 1 to 100"},
           {{"--runs", "1.5"}, "--runs 1.5: it takes a whole number from 1 to 1000000"},
           {{"--runs", ""}, "--runs \"\": it takes a whole number"},
           {{"--seed", "1.5"}, "--seed 1.5: it takes a whole number from 0 to 9000000000000000"},
           {{"--seed", "-1"}, "--seed -1: it takes a whole number"},
           {{"--latency", "11m"}, "--latency 11m: it takes a duration such as 10m or 30s, from 1ms to 10m"},
           {{"--scrape-interval", "1500ms"}, "--scrape-interval 1500ms: it takes a duration"},
           {{"--sweep", "--fixed-weight", "10"}, "--sweep and --fixed-weight: give one of them"},
           {{"--sweep", "--candidate-error", "1%"}, "--sweep and --candidate-error: give one of them"},
           {{"-o", "yaml"}, "simulate accepts json"}}) {
    EXPECT_EQ(run(canary_text(kSequential), flags), kRefused);
    EXPECT_THAT(err_.str(), HasSubstr(says));
  }
  EXPECT_EQ(run(canary_text(kThreshold) + "  routing: {provider: noop}\n", {}), kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("no user's request reaches the candidate"));
  EXPECT_EQ(run("apiVersion: v1\nkind: Service\nmetadata: {name: checkout}\n", {}), kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("there is no Canary"));
}

// Fails from the third interval on.
class FailingLater final : public analysis::Judge {
 public:
  analysis::Judgement judge(const analysis::Inquiry& inquiry) override {
    asked.push_back(inquiry);
    analysis::Judgement judgement{.message = "said", .evidence = inquiry.evidence + "|"};
    judgement.outcome = asked.size() > 2 ? analysis::Outcome::Fail : analysis::Outcome::Pass;
    return judgement;
  }
  std::vector<analysis::Inquiry> asked;
};

TEST(Replaying, judges_interval_after_interval_until_the_release_would_have_been_taken_back) {
  const auto canary = canary::parse(offline::parse_yaml(canary_text(kThreshold), "-").value().front().object);
  ASSERT_TRUE(canary);
  const analysis::TimePoint from{std::chrono::seconds{1'700'000'000}};
  FailingLater judge;
  std::size_t told = 0;
  const auto intervals = replay(judge,
                                {.canary = *canary,
                                 .stable = "checkout-v1",
                                 .weight = 10,
                                 .from = from,
                                 .to = from + std::chrono::seconds{600},
                                 .trusted = {"edge"}},
                                [&](const Replayed&) {
                                  ++told;
                                  EXPECT_EQ(judge.asked.size(), told)
                                      << "it is told before the next is asked";
                                });
  ASSERT_EQ(intervals.size(), 2U + 5U);
  EXPECT_EQ(told, intervals.size());
  EXPECT_EQ(intervals.front().at, from + std::chrono::seconds{10});
  EXPECT_EQ(intervals.back().failed_checks, 5);
  EXPECT_EQ(judge.asked[2].evidence, "||");
  EXPECT_EQ(judge.asked[2].window.earliest, from);
  EXPECT_EQ(judge.asked[2].subject.stable, "checkout-v1");
  EXPECT_TRUE(judge.asked[2].subject.trusted.contains("edge"));
}

// Answers every second time at first, and then no more.
class FallingSilent final : public analysis::Judge {
 public:
  analysis::Judgement judge(const analysis::Inquiry& /*inquiry*/) override {
    const bool answers = ++asked_ % 2 == 1 && asked_ < 6;
    return {.checks = {{.reason = answers ? "WithinRange" : "ProviderError"}}, .provider_available = answers};
  }

 private:
  int asked_ = 0;
};

TEST(Replaying, ends_when_the_provider_has_not_answered_three_times_in_a_row) {
  const auto canary = canary::parse(offline::parse_yaml(canary_text(kThreshold), "-").value().front().object);
  ASSERT_TRUE(canary);
  const analysis::TimePoint from{std::chrono::seconds{1'700'000'000}};
  FallingSilent judge;
  const auto intervals = replay(
      judge,
      {.canary = *canary, .stable = "checkout-v1", .from = from, .to = from + std::chrono::seconds{600}},
      [](const Replayed&) {});
  EXPECT_EQ(intervals.size(), 5U + 3U);
  EXPECT_EQ(judged(intervals), 3);
}

// Data of one metric, and no answer for another.
class HalfSilent final : public analysis::Judge {
 public:
  analysis::Judgement judge(const analysis::Inquiry& /*inquiry*/) override {
    return {.outcome = analysis::Outcome::Fail,
            .checks = {{.reason = "OutOfRange"}, {.reason = "ProviderError"}},
            .provider_available = false};
  }
};

TEST(Replaying, goes_on_while_some_metric_has_data) {
  const auto canary = canary::parse(offline::parse_yaml(canary_text(kThreshold), "-").value().front().object);
  ASSERT_TRUE(canary);
  const analysis::TimePoint from{std::chrono::seconds{1'700'000'000}};
  HalfSilent judge;
  const auto intervals = replay(
      judge,
      {.canary = *canary, .stable = "checkout-v1", .from = from, .to = from + std::chrono::seconds{600}},
      [](const Replayed&) {});
  EXPECT_EQ(intervals.back().failed_checks, canary->spec.threshold);
}

TEST_F(Simulating, as_a_backtest_fails_when_nothing_was_judged) {
  const std::vector<std::string> flags{
      "--prometheus", "http://127.0.0.1:1",   "--stable", "checkout-v1",
      "--from",       "2026-11-24T12:00:00Z", "--to",     "2026-11-24T12:10:00Z"};
  EXPECT_EQ(run(canary_text(kThreshold), flags, "backtest"), kFailed);
  EXPECT_THAT(out_.str(), HasSubstr("2026-11-24T12:00:30.000Z  hold  "));
  EXPECT_THAT(out_.str(), testing::Not(HasSubstr("2026-11-24T12:00:40"))) << "three are enough";
  EXPECT_THAT(out_.str(), HasSubstr("nothing was judged: none of 3 intervals had data. Of the last: "));
  auto as_json = flags;
  as_json.insert(as_json.end(), {"-o", "json"});
  EXPECT_EQ(run(canary_text(kThreshold), as_json, "backtest"), kFailed);
  EXPECT_EQ(Json::parse(out_.str())["judged"], 0);
}

TEST_F(Simulating, as_a_backtest_refuses_what_it_cannot_replay) {
  const std::vector<std::string> times{"--from", "2026-11-24T12:00:00Z", "--to", "2026-11-24T12:10:00Z"};
  const auto refused = [&](std::vector<std::string> flags) {
    EXPECT_EQ(run(canary_text(kThreshold), std::move(flags), "backtest"), kRefused);
    return err_.str();
  };
  EXPECT_THAT(refused({}), HasSubstr("--prometheus"));
  EXPECT_THAT(refused({"--prometheus", "http://p:9090"}), HasSubstr("--from \"\": it takes a time such as"));
  auto flags = times;
  flags.insert(flags.end(), {"--prometheus", "http://p:9090"});
  EXPECT_THAT(refused(flags), HasSubstr("give --stable NAME"));
  EXPECT_THAT(refused({"--prometheus", "http://p:9090", "--from", times[3], "--to", times[1]}),
              HasSubstr("--to 2026-11-24T12:00:00Z: it takes a time after --from 2026-11-24T12:10:00Z"));
  auto same = flags;
  same.insert(same.end(), {"--stable", "checkout-v2"});
  EXPECT_THAT(refused(same), HasSubstr("Deployment checkout-v2 is spec.targetRef, the candidate"));
  EXPECT_THAT(refused({"--prometheus", "http://p:9090", "--stable", "checkout-v1", "--from", times[1], "--to",
                       "2026-11-24T12:00:09Z"}),
              HasSubstr("no whole interval of 10s lies between"));
  flags.insert(flags.end(), {"--stable", "Checkout"});
  EXPECT_THAT(refused(flags), HasSubstr("--stable Checkout: it takes lower-case letters"));
  flags.back() = "";
  EXPECT_THAT(refused(flags), HasSubstr("--stable \"\": it takes lower-case letters"));
  flags.back() = "checkout-v1";
  flags.insert(flags.end(), {"--trusted-namespaces", "edge,Web"});
  EXPECT_THAT(refused(flags),
              HasSubstr("--trusted-namespaces edge,Web: it takes names of namespaces with commas"));
  flags.back() = "edge";
  flags.insert(flags.end(), {"--weight", "101"});
  EXPECT_THAT(refused(flags), HasSubstr("--weight 101: it takes a whole number from 1 to 100"));
  flags.back() = "";
  EXPECT_THAT(refused(flags), HasSubstr("--weight \"\": it takes a whole number from 1 to 100"));
  flags.resize(flags.size() - 2);
  const auto refused_canary = [&](const std::string& text) {
    EXPECT_EQ(run(text, flags, "backtest"), kRefused);
    return err_.str();
  };
  EXPECT_THAT(refused_canary(canary_text(
                  "    metrics: [{name: own, templateRef: {name: t}, thresholdRange: {min: 1}}]\n")),
              HasSubstr("spec.analysis.metrics has no metric that can be replayed"));
  EXPECT_THAT(refused_canary(canary_text(kThreshold) + "  routing: {provider: noop}\n"),
              HasSubstr("spec.routing.provider is \"noop\": no user's request reaches the candidate"));
}

}  // namespace
}  // namespace weir::cli
