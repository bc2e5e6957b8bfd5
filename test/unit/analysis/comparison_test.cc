// The sequential judge as Judge::judge answers it, over the raw samples of a Prometheus.
#include <gmock/gmock.h>

#include <cmath>

#include "analysis/providers/prometheus/api.h"
#include "analysis/sequential.h"
#include "test/unit/analysis/scripted_prometheus.h"

namespace weir::analysis {
namespace {

using testing::HasSubstr;

constexpr const char* kRequests = "istio_requests_total";
constexpr const char* kBuckets = "istio_request_duration_milliseconds_bucket";
constexpr int kNow = 1'700'000'000;

TimePoint at(int second) { return TimePoint{std::chrono::seconds{kNow + second}}; }

Line requests_of(const std::string& workload, const std::string& code, double per_second) {
  Line line{{{"destination_workload", workload},
             {"response_code", code},
             {"job", "envoy"},
             {"instance", "gateway"}},
            {}};
  for (int second = -1000; second <= 200; second += 5) {
    line.samples.emplace_back(kNow + second, std::round(per_second * (second + 1000)));
  }
  return line;
}

Line bucket_of(const std::string& workload, const std::string& edge, double per_second) {
  auto line = requests_of(workload, "200", per_second);
  line.labels["le"] = edge;
  return line;
}

Point of_service(const std::string& workload, const std::string& code, const std::string& count) {
  return {{{"destination_service", "checkout.shop.svc.cluster.local"},
           {"destination_workload", workload},
           {"response_code", code},
           {"response_flags", code == "200" ? "-" : "UH"}},
          count};
}
Point answered(const std::string& workload, const std::string& count) {
  return of_service(workload, "200", count);
}
Point hostless(const std::string& count) { return of_service("unknown", "503", count); }

class Comparing : public testing::Test {
 protected:
  Comparing() {
    prometheus_.answers("count_over_time", vector_answer({{{}, "24"}}));  // a scrape every 5 s
    traffic(90, 0.1, 10, 0);
  }

  // Requests a second of each version, and how many of them fail.
  void traffic(double stable, double stable_fails, double candidate, double candidate_fails) {
    prometheus_.answers(kRequests,
                        samples_answer({requests_of("checkout-v1", "200", stable - stable_fails),
                                        requests_of("checkout-v1", "503", stable_fails),
                                        requests_of("checkout-v2", "200", candidate - candidate_fails),
                                        requests_of("checkout-v2", "503", candidate_fails)}));
    without_host({});
  }

  // What is told of the Service's requests in one interval; before the release there were some, with success.
  void without_host(std::vector<Point> points) {
    if (!points.empty()) points.push_back(answered("checkout-v1", "900"));
    prometheus_.answers("destination_service=~", vector_answer(points));
    prometheus_.answers("[300s]", vector_answer({answered("checkout-v1", "27000")}));
  }

  // Judges the interval that ends so many seconds after the step's weight was everywhere.
  Judgement judge(int second) {
    inquiry_.window.end = at(second);
    auto judgement = judge_->judge(inquiry_);
    if (!judgement.evidence.empty()) inquiry_.evidence = judgement.evidence;
    return judgement;
  }

  ScriptedPrometheus prometheus_;
  std::unique_ptr<Judge> judge_ = make_prometheus_judge("http://prometheus:9090", prometheus_.fetch());
  Inquiry inquiry_{.metrics = {{.name = "request-success-rate"}},
                   .subject = {.name_space = "shop",
                               .name = "checkout-v2",
                               .target = "checkout-v2",
                               .stable = "checkout-v1",
                               .service = "checkout",
                               .weight = 10},
                   .window = {.end = at(10), .length = Seconds{10}, .earliest = at(0)},
                   .judge = {.sequential = true, .min_samples = 30},
                   .step = 1,
                   .steps = 5};
};

TEST_F(Comparing, gathers_evidence_over_the_intervals_and_certifies_an_equal_candidate) {
  auto judgement = judge(10);
  EXPECT_EQ(judgement.outcome, Outcome::Inconclusive);
  EXPECT_TRUE(judgement.undecided);
  EXPECT_THAT(judgement.message,
              HasSubstr("candidate fails 0 % against 0.111 %, evidence 0 of 100, needs about"));
  int second = 20;
  for (; judgement.outcome == Outcome::Inconclusive && second < 200; second += 10) judgement = judge(second);
  EXPECT_EQ(judgement.outcome, Outcome::Pass) << judgement.message;
  EXPECT_EQ(judgement.checks.at(0).reason, "NonInferior");
  const auto trial = trial_from(inquiry_.evidence);
  EXPECT_EQ(trial.until, at(second - 10));
  EXPECT_EQ(trial.streams.at(0).candidate.requests, 10 * (second - 10));
}

TEST_F(Comparing, finds_against_a_candidate_that_fails_and_is_conclusive) {
  traffic(90, 0.1, 10, 0.8);
  auto judgement = judge(10);
  for (int second = 20; !judgement.conclusive && second < 200; second += 10) judgement = judge(second);
  EXPECT_TRUE(judgement.conclusive);
  EXPECT_EQ(judgement.outcome, Outcome::Fail);
  EXPECT_EQ(judgement.checks.at(0).reason, "EvidenceAgainst");
  EXPECT_EQ(judgement.checks.at(0).value, 92);
  EXPECT_THAT(judgement.message, HasSubstr("candidate fails 8 % against 0.111 %, evidence 100 of 100"));
}

TEST_F(Comparing, finds_against_a_candidate_for_whose_requests_no_host_was_left) {
  inquiry_.subject.divided = true;
  inquiry_.subject.began = at(-100);
  traffic(90, 0.1, 0, 0);
  without_host({hostless("100")});
  auto judgement = judge(10);
  EXPECT_TRUE(judgement.all_failed);
  EXPECT_EQ(trial_from(inquiry_.evidence).streams.at(0).candidate,
            (Counts{.requests = 100, .failures = 100}));
  for (int second = 20; !judgement.conclusive && second < 200; second += 10) judgement = judge(second);
  EXPECT_TRUE(judgement.conclusive);
  EXPECT_EQ(judgement.checks.at(0).reason, "EvidenceAgainst");
  EXPECT_THAT(judgement.message, HasSubstr("response_flags UH 100"));
}

TEST_F(Comparing, decides_nothing_by_failures_without_a_host_that_are_no_number_of_requests) {
  inquiry_.subject.divided = true;
  inquiry_.subject.began = at(-100);
  without_host({hostless("NaN")});
  const auto judgement = judge(10);
  EXPECT_EQ(judgement.outcome, Outcome::Inconclusive);
  EXPECT_THAT(judgement.message, HasSubstr("requests of Service checkout since the last interval are counted "
                                           "with a value that is no number of requests"));
  EXPECT_EQ(judgement.evidence, "");
}

TEST_F(Comparing, looks_back_at_stable_once_a_release) {
  (void)judge(10);
  const auto trial = trial_from(inquiry_.evidence);
  // 600 s of 90 a second, and the interval.
  EXPECT_EQ(trial.streams.at(0).test.baseline.requests, 54'000 + 900);
  EXPECT_EQ(prometheus_.asked("destination_workload=~").size(), 1U);
  (void)judge(20);
  EXPECT_EQ(prometheus_.asked("destination_workload=~").size(), 1U);
}

TEST_F(Comparing, counts_each_interval_once_however_late_it_looks) {
  (void)judge(10);
  (void)judge(10);
  (void)judge(55);
  EXPECT_EQ(trial_from(inquiry_.evidence).streams.at(0).candidate.requests, 550);
}

TEST_F(Comparing, goes_on_from_its_memory_in_another_process) {
  (void)judge(10);
  const auto memory = inquiry_.evidence;
  const auto first = judge(20).evidence;
  judge_ = make_prometheus_judge("http://prometheus:9090", prometheus_.fetch());
  inquiry_.evidence = memory;
  EXPECT_EQ(judge(20).evidence, first);
}

TEST_F(Comparing, begins_a_step_where_its_weight_is_everywhere) {
  (void)judge(10);
  inquiry_.step = 2;
  inquiry_.window.earliest = at(30);
  (void)judge(40);
  const auto trial = trial_from(inquiry_.evidence);
  EXPECT_EQ(trial.step, 2);
  EXPECT_EQ(trial.step_requests, 100);
  EXPECT_EQ(trial.streams.at(0).candidate.requests, 200);
}

TEST_F(Comparing, checks_a_range_too_and_either_may_fail_the_interval) {
  inquiry_.metrics[0].range.min = 99;
  prometheus_.answers(
      "sum by", vector_answer({requests("checkout-v2", "200", "95"), requests("checkout-v2", "500", "5")}));
  const auto judgement = judge(10);
  ASSERT_EQ(judgement.checks.size(), 2U);
  EXPECT_EQ(judgement.outcome, Outcome::Fail);
  EXPECT_FALSE(judgement.conclusive);
  EXPECT_FALSE(judgement.undecided);
  EXPECT_EQ(judgement.message, "request-success-rate 95 % < 99 %");
  EXPECT_FALSE(judgement.evidence.empty());
}

TEST_F(Comparing, has_no_data_while_a_version_has_no_requests) {
  traffic(90, 0.1, 0, 0);
  auto judgement = judge(10);
  EXPECT_EQ(judgement.outcome, Outcome::Inconclusive);
  EXPECT_FALSE(judgement.undecided);
  EXPECT_EQ(judgement.checks.at(0).reason, "NoData");
  EXPECT_THAT(judgement.message, HasSubstr("no requests reached checkout-v2"));
  EXPECT_EQ(judgement.evidence, "");
  judge_ = make_prometheus_judge("http://prometheus:9090", prometheus_.fetch());
  traffic(0, 0, 10, 0);
  judgement = judge(10);
  EXPECT_THAT(judgement.message, HasSubstr("no requests reached checkout-v1"));
}

TEST_F(Comparing, keeps_its_memory_while_the_provider_is_away) {
  (void)judge(10);
  prometheus_.is_down("connection refused");
  const auto judgement = judge(20);
  EXPECT_FALSE(judgement.provider_available);
  EXPECT_EQ(judgement.evidence, "");
  prometheus_.is_back();
  (void)judge(30);
  EXPECT_EQ(trial_from(inquiry_.evidence).streams.at(0).candidate.requests, 300);
}

TEST_F(Comparing, asks_for_its_own_workloads_where_the_namespace_is_too_large) {
  prometheus_.answers("namespace=\"shop\"}[", std::string(kMaxAnswerBytes + 1, ' '));
  const auto judgement = judge(10);
  EXPECT_TRUE(judgement.undecided) << judgement.message;
  EXPECT_EQ(prometheus_.asked("destination_workload=~\"checkout-v1|checkout-v2\"").size(), 1U);
}

TEST_F(Comparing, compares_durations_at_the_edge_of_their_objective) {
  inquiry_.metrics = {{.name = "request-duration", .range = {.max = 400}}};
  prometheus_.answers("sum by (destination_workload, response_code",
                      vector_answer({requests("checkout-v2", "200", "100")}));
  prometheus_.answers(
      std::string(kBuckets) + "{reporter=\"source\",destination_workload_namespace=\"shop\"",
      samples_answer({bucket_of("checkout-v1", "100", 80), bucket_of("checkout-v1", "500", 89),
                      bucket_of("checkout-v1", "+Inf", 90), bucket_of("checkout-v2", "100", 2),
                      bucket_of("checkout-v2", "500", 4), bucket_of("checkout-v2", "+Inf", 10)}));
  prometheus_.answers("histogram_quantile", vector_answer({duration("checkout-v2", "300")}));
  auto judgement = judge(10);
  EXPECT_THAT(
      judgement.warnings,
      testing::ElementsAre("request-duration: 400 ms is no edge of the histogram's buckets; the next one, "
                           "500 ms, is compared instead"));
  for (int second = 20; !judgement.conclusive && second < 200; second += 10) judgement = judge(second);
  EXPECT_TRUE(judgement.conclusive);
  EXPECT_THAT(judgement.message,
              HasSubstr("candidate is slower than 500 ms in 60 % of requests against 1.11 %"));
}

TEST_F(Comparing, compares_whole_distributions_without_an_objective) {
  inquiry_.metrics = {{.name = "request-duration"}};
  prometheus_.answers(
      kBuckets, samples_answer({bucket_of("checkout-v1", "50", 45), bucket_of("checkout-v1", "100", 80),
                                bucket_of("checkout-v1", "5000", 90), bucket_of("checkout-v1", "+Inf", 90),
                                bucket_of("checkout-v2", "50", 1), bucket_of("checkout-v2", "100", 7),
                                bucket_of("checkout-v2", "5000", 10), bucket_of("checkout-v2", "+Inf", 10)}));
  auto judgement = judge(10);
  EXPECT_EQ(trial_from(inquiry_.evidence).streams.size(), 2U);
  for (int second = 20; !judgement.conclusive && second < 200; second += 10) judgement = judge(second);
  EXPECT_TRUE(judgement.conclusive);
  EXPECT_THAT(judgement.message, HasSubstr("slower than 50 ms in 90 % of requests against 50 %"));
}

TEST_F(Comparing, has_no_data_where_no_duration_of_what_the_pods_answered_is_known) {
  inquiry_.metrics.push_back({.name = "request-duration"});
  inquiry_.subject.divided = true;
  inquiry_.subject.began = at(-100);
  prometheus_.answers(
      kBuckets, samples_answer({bucket_of("checkout-v1", "100", 80), bucket_of("checkout-v1", "500", 89),
                                bucket_of("checkout-v1", "+Inf", 90)}));
  without_host({hostless("90")});
  EXPECT_THAT(judge(10).message,
              HasSubstr("requests reached checkout-v2, but no duration of theirs is known"));
  traffic(90, 0.1, 0, 0);
  without_host({hostless("100")});
  EXPECT_FALSE(judge(20).message.contains("no duration of theirs is known"));
  EXPECT_EQ(trial_from(inquiry_.evidence).streams.at(0).candidate.failures, 100)
      << "what had no host has no duration either";
}

TEST_F(Comparing, needs_samples_for_a_range_as_many_as_the_judge_says) {
  inquiry_.judge = {.min_samples = 50};
  inquiry_.metrics[0].range.min = 99;
  prometheus_.answers("sum by", vector_answer({requests("checkout-v2", "200", "49")}));
  const auto check = judge(10).checks.at(0);
  EXPECT_EQ(check.outcome, Outcome::Inconclusive);
  EXPECT_EQ(check.reason, "TooFewSamples");
  EXPECT_EQ(check.message, "49 requests reached checkout-v2 in the last 10s, 50 are needed");
}

}  // namespace
}  // namespace weir::analysis
