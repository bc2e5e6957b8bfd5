#include "analysis/providers/prometheus/counters.h"

#include <gtest/gtest.h>

#include <limits>

namespace weir::analysis {
namespace {

TimePoint at(int second) { return TimePoint{std::chrono::seconds{1'700'000'000 + second}}; }
Period period(int from, int to) { return {at(from), at(to)}; }

using Samples = std::vector<std::pair<int, double>>;

Series series(const Samples& samples, std::map<std::string, std::string> labels) {
  Series made{.labels = std::move(labels)};
  for (const auto& [second, value] : samples) made.samples.push_back({at(second), value});
  return made;
}

Series requests(const std::string& workload, const std::string& code, const Samples& samples,
                const std::string& instance = "gateway") {
  return series(samples, {{"destination_workload", workload},
                          {"response_code", code},
                          {"job", "envoy"},
                          {"instance", instance}});
}

Series bucket(const std::string& edge, const Samples& samples) {
  auto made = requests("v2", "200", samples);
  made.labels["le"] = edge;
  return made;
}

Counts counted(std::vector<Series> all, const Period& within) {
  const Vector answer{std::move(all), {}};
  return Counters(answer).requests("v2", within);
}

TEST(RequestCounts, add_up_what_each_series_of_the_workload_grew) {
  EXPECT_EQ(counted({requests("v2", "200", {{0, 10}, {5, 20}, {10, 45}}),
                     requests("v2", "503", {{0, 1}, {5, 1}, {10, 4}}),
                     requests("v1", "200", {{0, 500}, {10, 900}})},
                    period(0, 10)),
            (Counts{38, 3}));
}

TEST(RequestCounts, of_periods_that_follow_each_other_count_every_scrape_once) {
  const auto one = requests("v2", "200", {{0, 10}, {4, 20}, {9, 45}, {13, 50}, {18, 70}});
  double sum = 0;
  for (int from = 0; from < 20; from += 5) sum += counted({one}, period(from, from + 5)).requests;
  EXPECT_EQ(sum, 60);
}

TEST(RequestCounts, go_on_from_zero_after_a_reset) {
  EXPECT_EQ(counted({requests("v2", "200", {{0, 100}, {5, 130}, {10, 7}, {15, 20}})}, period(0, 15)).requests,
            50);
}

TEST(RequestCounts, of_a_missed_scrape_come_with_the_next_one) {
  const auto gap = requests("v2", "200", {{0, 100}, {20, 180}});
  EXPECT_EQ(counted({gap}, period(0, 10)).requests, 0);
  EXPECT_EQ(counted({gap}, period(10, 20)).requests, 80);
}

// The first errors of a candidate make a series that did not exist before.
TEST(RequestCounts, of_a_new_series_count_from_zero_if_its_source_was_scraped_before) {
  const auto old = requests("v2", "200", {{0, 100}, {10, 150}});
  EXPECT_EQ(counted({old, requests("v2", "500", {{10, 6}})}, period(0, 10)), (Counts{56, 6}));
}

TEST(RequestCounts, of_a_source_that_was_not_scraped_before_count_from_its_first_sample) {
  EXPECT_EQ(counted({requests("v2", "200", {{5, 40'000}, {10, 40'010}}, "new")}, period(0, 10)).requests, 10);
}

TEST(RequestCounts, of_a_series_that_went_are_kept) {
  EXPECT_EQ(counted({requests("v2", "200", {{0, 10}, {3, 25}})}, period(0, 10)).requests, 15);
}

TEST(RequestCounts, take_no_value_that_is_no_count) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(counted({requests("v2", "200", {{0, 10}, {3, nan}, {5, -1}, {10, 25}})}, period(0, 10)).requests,
            15);
}

TEST(SlowerCounts, are_those_above_an_edge) {
  const Vector answer{{bucket("100", {{0, 0}, {10, 70}}), bucket("500.0", {{0, 0}, {10, 97}}),
                       bucket("+Inf", {{0, 0}, {10, 100}})},
                      {}};
  const Counters counters(answer);
  EXPECT_EQ(counters.edges(), (std::vector<double>{100, 500}));
  EXPECT_EQ(counters.slower("v2", 500, period(0, 10)), (Counts{100, 3}));
  EXPECT_EQ(counters.slower("v2", 100, period(0, 10)), (Counts{100, 30}));
}

TEST(SamplesQuery, asks_for_the_raw_samples_of_the_namespace_or_of_some_workloads) {
  EXPECT_EQ(request_samples_query("shop", Seconds{120}),
            R"(istio_requests_total{reporter="source",destination_workload_namespace="shop"}[120s])");
  EXPECT_EQ(duration_samples_query("shop", Seconds{60}, {"checkout.v1", "v2"}),
            R"(istio_request_duration_milliseconds_bucket{reporter="source",)"
            R"(destination_workload_namespace="shop",destination_workload=~"checkout\\.v1|v2"}[60s])");
}

}  // namespace
}  // namespace weir::analysis
