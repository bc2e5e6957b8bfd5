#include "operator/report/metrics.h"

#include <gmock/gmock.h>

namespace weir::report {
namespace {

using strategies::Phase;
using strategies::Weight;
using testing::HasSubstr;
using testing::Not;

CanaryFigures checkout(Phase phase, int weight) {
  return {.name_space = "shop",
          .name = "checkout-v2",
          .target = "checkout-v2",
          .stable = "checkout-v1",
          .phase = phase,
          .weight = *Weight::of(weight)};
}

strategies::Check latency(std::optional<double> value,
                          strategies::Outcome outcome = strategies::Outcome::Pass) {
  return {.name = "request-duration", .outcome = outcome, .value = value};
}

TEST(Metrics, show_version_leadership_and_queue) {
  Metrics metrics("1.2.3");
  metrics.set_leader(true);
  metrics.set_queue_depth(7);
  EXPECT_THAT(metrics.text(), HasSubstr("weir_info{version=\"1.2.3\"} 1\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("weir_leader 1\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("weir_queue_depth 7\n"));
  metrics.set_leader(false);
  EXPECT_THAT(metrics.text(), HasSubstr("weir_leader 0\n"));
}

TEST(Metrics, show_shards_once_there_are_some) {
  Metrics metrics("1");
  EXPECT_THAT(metrics.text(), ::testing::Not(HasSubstr("weir_shards")));
  metrics.set_shards(5, 1);
  EXPECT_THAT(metrics.text(), HasSubstr("weir_shards{state=\"held\"} 5\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("weir_shards{state=\"leaving\"} 1\n"));
}

TEST(Metrics, show_a_release_with_the_share_of_both_versions) {
  Metrics metrics("1");
  metrics.set_canary(checkout(Phase::Progressing, 10));
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("weir_canary_total{namespace=\"shop\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_canary_status{name=\"checkout-v2\",namespace=\"shop\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("weir_canary_weight{namespace=\"shop\",workload=\"checkout-v2\"} 10\n"));
  EXPECT_THAT(text, HasSubstr("weir_canary_weight{namespace=\"shop\",workload=\"checkout-v1\"} 90\n"));
}

TEST(Metrics, show_how_a_release_ended) {
  Metrics metrics("1");
  const std::string status = "weir_canary_status{name=\"checkout-v2\",namespace=\"shop\"} ";
  metrics.set_canary(checkout(Phase::Succeeded, 100));
  EXPECT_THAT(metrics.text(), HasSubstr(status + "1\n"));
  metrics.set_canary(checkout(Phase::RollingBack, 0));
  EXPECT_THAT(metrics.text(), HasSubstr(status + "2\n"));
  metrics.set_canary(checkout(Phase::Failed, 0));
  EXPECT_THAT(metrics.text(), HasSubstr(status + "2\n"));
}

TEST(Metrics, show_a_promotion_that_is_undone_for_as_long_as_it_is) {
  Metrics metrics("1");
  const std::string series = "weir_release_undone{name=\"checkout-v2\",namespace=\"shop\"} 1\n";
  auto figures = checkout(Phase::Succeeded, 100);
  metrics.set_canary(figures);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("weir_release_undone{")));
  figures.undone = true;
  metrics.set_canary(figures);
  metrics.set_canary(figures);
  EXPECT_THAT(metrics.text(), HasSubstr(series));
  figures.undone = false;
  metrics.set_canary(figures);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("weir_release_undone{")));
  figures.undone = true;
  metrics.set_canary(figures);
  metrics.forget_canary("shop", "checkout-v2");
  EXPECT_THAT(metrics.text(), Not(HasSubstr("\"shop\"")));
}

TEST(Metrics, count_a_release_once_however_often_it_is_set) {
  Metrics metrics("1");
  metrics.set_canary(checkout(Phase::Progressing, 10));
  metrics.set_canary(checkout(Phase::Progressing, 20));
  EXPECT_THAT(metrics.text(), HasSubstr("weir_canary_total{namespace=\"shop\"} 1\n"));
}

TEST(Metrics, drop_every_series_of_a_release_that_is_gone) {
  Metrics metrics("1");
  metrics.set_canary(checkout(Phase::Progressing, 10));
  metrics.count_check("shop", "checkout-v2", latency(120));
  metrics.forget_canary("shop", "checkout-v2");
  metrics.forget_canary("shop", "checkout-v2");
  metrics.count_check("shop", "checkout-v2", latency(120));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("\"shop\"")));
}

TEST(Metrics, drop_the_weight_of_a_workload_that_the_release_names_no_longer) {
  Metrics metrics("1");
  metrics.set_canary(checkout(Phase::Progressing, 10));
  auto figures = checkout(Phase::Pending, 0);
  figures.target = "checkout-v3";
  metrics.set_canary(figures);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("workload=\"checkout-v2\"")));
  EXPECT_THAT(metrics.text(), HasSubstr("workload=\"checkout-v3\"} 0\n"));
}

TEST(Metrics, show_the_weight_of_the_release_that_is_running_when_two_name_a_workload) {
  const auto finished = checkout(Phase::Succeeded, 100);
  auto running = checkout(Phase::Progressing, 30);
  running.name = running.target = "checkout-v3";
  running.stable = "checkout-v2";
  for (const bool finished_first : {true, false}) {
    Metrics metrics("1");
    metrics.set_canary(finished_first ? finished : running);
    metrics.set_canary(finished_first ? running : finished);
    EXPECT_THAT(metrics.text(), HasSubstr("workload=\"checkout-v2\"} 70\n"));
    metrics.forget_canary("shop", "checkout-v2");
    EXPECT_THAT(metrics.text(), HasSubstr("workload=\"checkout-v2\"} 70\n"));
    EXPECT_THAT(metrics.text(), HasSubstr("weir_canary_total{namespace=\"shop\"} 1\n"));
  }
}

TEST(Metrics, leave_out_a_stable_version_that_is_not_known_yet) {
  Metrics metrics("1");
  auto figures = checkout(Phase::Pending, 0);
  figures.stable.clear();
  metrics.set_canary(figures);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("workload=\"\"")));
}

TEST(Metrics, show_checks_by_outcome_and_their_last_value) {
  Metrics metrics("1");
  metrics.set_canary(checkout(Phase::Progressing, 10));
  metrics.count_check("shop", "checkout-v2", latency(120));
  metrics.count_check("shop", "checkout-v2", latency(612, strategies::Outcome::Fail));
  metrics.count_check("shop", "checkout-v2", latency(std::nullopt, strategies::Outcome::Inconclusive));
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("weir_canary_metric_analysis{metric=\"request-duration\",name=\"checkout-v2\","
                              "namespace=\"shop\"} 612\n"));
  for (const auto* outcome : {"pass", "fail", "inconclusive"}) {
    EXPECT_THAT(text, HasSubstr(std::string("weir_checks_total{outcome=\"") + outcome + "\"} 1\n"));
  }
}

TEST(Metrics, count_releases_and_how_long_they_took) {
  Metrics metrics("1");
  metrics.count_release("shop", true, Duration{90});
  metrics.count_release("shop", false, Duration{10});
  metrics.count_release("shop", true, Duration{90});
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("weir_canary_successes_total{namespace=\"shop\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("weir_canary_failures_total{namespace=\"shop\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_canary_duration_seconds_sum{namespace=\"shop\"} 190\n"));
  EXPECT_THAT(text, HasSubstr("weir_canary_duration_seconds_bucket{namespace=\"shop\",le=\"60\"} 1\n"));
}

TEST(Metrics, count_rounds_requests_and_queries) {
  Metrics metrics("1");
  metrics.count_reconcile(true, Duration{0.002});
  metrics.count_reconcile(false, Duration{0.2});
  metrics.count_api_request("patch", "virtualservices", 409, Duration{0.004});
  metrics.count_prometheus_query(true, Duration{0.01});
  metrics.count_prometheus_query(false, Duration{10});
  metrics.observe_step_lateness(Duration{0.3});
  const auto text = metrics.text();
  for (const auto* line : {
           "weir_reconcile_total{result=\"success\"} 1\n",
           "weir_reconcile_total{result=\"error\"} 1\n",
           "weir_reconcile_duration_seconds_count 2\n",
           "weir_api_requests_total{code=\"409\",resource=\"virtualservices\",verb=\"patch\"} 1\n",
           "weir_api_request_duration_seconds_count{verb=\"patch\"} 1\n",
           "weir_prometheus_queries_total{result=\"success\"} 1\n",
           "weir_prometheus_queries_total{result=\"error\"} 1\n",
           "weir_prometheus_query_duration_seconds_count 2\n",
           "weir_step_lateness_seconds_bucket{le=\"0.25\"} 0\n",
           "weir_step_lateness_seconds_bucket{le=\"0.5\"} 1\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace weir::report
