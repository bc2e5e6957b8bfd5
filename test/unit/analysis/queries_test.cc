#include "analysis/providers/prometheus/queries.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/built_in.h"

namespace weir::analysis {
namespace {

Series count(const std::string& workload, const std::string& code, double value,
             const std::string& grpc = "") {
  return {{{"destination_workload", workload}, {"response_code", code}, {"grpc_response_status", grpc}},
          value};
}

TEST(RequestsQuery, groups_all_workloads_of_the_namespace_as_the_source_saw_them) {
  EXPECT_EQ(
      requests_query("shop", Seconds{30}),
      "sum by (destination_workload, response_code, grpc_response_status) ("
      "((istio_requests_total{reporter=\"source\",destination_workload_namespace=\"shop\"} unless "
      "istio_requests_total{reporter=\"source\",destination_workload_namespace=\"shop\"} offset 30s) and on "
      "(job, instance) (up offset 30s == 1)) or "
      "increase(istio_requests_total{reporter=\"source\",destination_workload_namespace=\"shop\"}[30s]))");
}

TEST(RequestsQuery, escapes_the_namespace) {
  EXPECT_TRUE(requests_query("a\"b\\c\nd", Seconds{30}).contains(R"(namespace="a\"b\\c\nd")"));
}

TEST(DurationQuery, asks_for_the_99th_percentile_of_every_workload) {
  const auto query = duration_query("shop", Seconds{60});
  EXPECT_TRUE(query.starts_with("histogram_quantile(0.99, sum by (destination_workload, le) ("));
  EXPECT_TRUE(
      query.contains("increase(istio_request_duration_milliseconds_bucket{reporter=\"source\","
                     "destination_workload_namespace=\"shop\"}[60s])"));
}

TEST(Requests, are_those_of_the_workload_alone) {
  const Vector answer{{count("v1", "200", 90), count("v2", "200", 8), count("v2", "503", 2)}, {}};
  const auto requests = requests_of(answer, "v2");
  EXPECT_EQ(requests.succeeded, 8);
  EXPECT_EQ(requests.failed, 2);
  EXPECT_EQ(requests_of(answer, "v3").total(), 0);
}

TEST(Requests, fail_with_any_5xx_and_with_nothing_else_of_http) {
  for (const auto* code : {"500", "503", "599"}) {
    EXPECT_EQ(requests_of({{count("v2", code, 1)}, {}}, "v2").failed, 1) << code;
  }
  for (const auto* code : {"200", "301", "404", "429", "0", "", "5"}) {
    EXPECT_EQ(requests_of({{count("v2", code, 1)}, {}}, "v2").succeeded, 1) << code;
  }
}

TEST(Requests, fail_with_a_grpc_status_that_is_the_servers_fault) {
  for (const auto* status : {"2", "4", "12", "13", "14", "15"}) {
    EXPECT_EQ(requests_of({{count("v2", "200", 1, status)}, {}}, "v2").failed, 1) << status;
  }
  for (const auto* status : {"", "0", "1", "3", "5", "7", "8", "16"}) {
    EXPECT_EQ(requests_of({{count("v2", "200", 1, status)}, {}}, "v2").succeeded, 1) << status;
  }
}

TEST(Requests, are_not_usable_if_one_count_is_no_number_of_requests) {
  for (const double value : {double{NAN}, double{INFINITY}, 1e300, -1.0}) {
    const Vector answer{{count("v1", "200", 90), count("v2", "200", 8), count("v2", "503", value)}, {}};
    EXPECT_FALSE(requests_of(answer, "v2").usable) << value;
    EXPECT_TRUE(requests_of(answer, "v1").usable) << value;
  }
}

TEST(Value, of_a_workload_without_a_finite_one_is_missing) {
  const Vector answer{{{{{"destination_workload", "v1"}}, NAN}, {{{"destination_workload", "v2"}}, 42}}, {}};
  EXPECT_EQ(value_of(answer, "v2"), 42);
  EXPECT_EQ(value_of(answer, "v1"), std::nullopt);
  EXPECT_EQ(value_of(answer, "v3"), std::nullopt);
}

TEST(ScrapeInterval, counts_only_series_that_are_older_than_the_range) {
  EXPECT_EQ(
      scrapes_query("shop"),
      "max(count_over_time(istio_requests_total{reporter=\"source\",destination_workload_namespace=\"shop\"}"
      "[120s]) and istio_requests_total{reporter=\"source\",destination_workload_namespace=\"shop\"} offset "
      "120s)");
}

TEST(ScrapeInterval, is_the_range_over_the_samples_in_it) {
  EXPECT_EQ(scrape_interval_of({{{{}, 8}}, {}}), Seconds{15});
  EXPECT_EQ(scrape_interval_of({{{{}, 9}}, {}}), Seconds{14});
  EXPECT_EQ(scrape_interval_of({{{{}, 120}}, {}}), Seconds{1});
}

TEST(ScrapeInterval, is_unknown_without_a_sensible_count) {
  EXPECT_EQ(scrape_interval_of({}), std::nullopt);
  EXPECT_EQ(scrape_interval_of({{{{}, 0}}, {}}), std::nullopt);
  EXPECT_EQ(scrape_interval_of({{{{}, NAN}}, {}}), std::nullopt);
}

TEST(BuiltIn, are_the_two_metrics_of_istio) {
  EXPECT_TRUE(is_built_in("request-success-rate"));
  EXPECT_TRUE(is_built_in("request-duration"));
  EXPECT_FALSE(is_built_in("error-rate"));
}

}  // namespace
}  // namespace weir::analysis
