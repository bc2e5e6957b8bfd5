#include "test/simulation/prometheus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/providers/prometheus/hostless.h"
#include "analysis/providers/prometheus/queries.h"
#include "test/unit/simulation/shop.h"

namespace weir::simulation {
namespace {

using analysis::Seconds;

constexpr const char* kAddress = "http://prometheus.monitoring:9090";

struct Monitored : Shop {
  explicit Monitored(Millis scrape_interval = 1s) : prometheus(executor, clock, mesh, scrape_interval, 1) {}

  // As the operator asks, at the clock's time `later`.
  analysis::QueryResult ask(const std::string& query, Millis later = 0ms) {
    const analysis::Fetch fetch = [this](const analysis::Request& request) {
      return prometheus.fetch(request.url);
    };
    return analysis::ask(fetch, {.address = kAddress}, query, clock.wall() + later);
  }
  analysis::Requests requests(const std::string& workload, Seconds window) {
    return analysis::requests_of(ask(analysis::requests_query("shop", window)).value(), workload);
  }
  std::string refusal() {
    const auto answer = ask(analysis::requests_query("shop", 10s));
    return answer ? "" : answer.error().message;
  }

  Prometheus prometheus;
};

TEST(Prometheus, counts_the_requests_of_a_window_within_the_error_of_extrapolation) {
  Monitored shop;
  shop.split(70, 30);
  shop.mesh.start();
  shop.pass(60s);
  EXPECT_NEAR(shop.requests("checkout-v1", 20s).succeeded, 0.7 * 120 * 20, 20);
  EXPECT_NEAR(shop.requests("checkout-v2", 20s).succeeded, 0.3 * 120 * 20, 10);
  EXPECT_EQ(shop.requests("checkout-v2", 20s).failed, 0);
}

TEST(Prometheus, counts_a_series_that_is_new_in_the_window_from_zero) {
  Monitored shop;
  shop.split(100, 0);
  shop.mesh.start();
  shop.pass(30s);
  shop.cluster.set_behaviour("checkout-v1", {.error_rate = 1});
  shop.pass(1'250ms);
  const double failed = shop.mesh.total("checkout-v1").failed;
  shop.cluster.set_behaviour("checkout-v1", {});
  shop.pass(3s);
  EXPECT_NEAR(shop.requests("checkout-v1", 10s).failed, failed, 1e-6);
}

TEST(Prometheus, counts_a_series_as_increase_does_where_its_source_was_not_scraped_before) {
  Monitored shop;
  shop.split(100, 0);
  shop.mesh.start();
  shop.pass(3s);
  const double all = shop.mesh.total("checkout-v1").answered;
  EXPECT_LT(shop.requests("checkout-v1", 100s).succeeded, all + 1);
}

TEST(Prometheus, answers_durations_from_the_histogram) {
  Monitored shop;
  shop.cluster.set_behaviour("checkout-v2", {.latency = 600ms});
  shop.split(50, 50);
  shop.mesh.start();
  shop.pass(20s);
  const auto answer = shop.ask(analysis::duration_query("shop", 10s)).value();
  EXPECT_NEAR(analysis::value_of(answer, "checkout-v2").value(), 985, 15);
  EXPECT_LT(analysis::value_of(answer, "checkout-v1").value(), 50);
}

TEST(Prometheus, tells_its_scrape_interval_once_a_series_is_old_enough) {
  Monitored shop(5s);
  shop.split(100, 0);
  shop.mesh.start();
  shop.pass(100s);
  EXPECT_TRUE(shop.ask(analysis::scrapes_query("shop")).value().series.empty());
  shop.pass(60s);
  EXPECT_EQ(analysis::scrape_interval_of(shop.ask(analysis::scrapes_query("shop")).value()), Seconds(5));
}

TEST(Prometheus, answers_for_the_time_that_is_asked_for) {
  Monitored shop;
  shop.split(100, 0);
  shop.mesh.start();
  shop.pass(30s);
  shop.mesh.stop();
  shop.pass(60s);
  const std::string query = analysis::requests_query("shop", 10s);
  EXPECT_NEAR(analysis::requests_of(shop.ask(query).value(), "checkout-v1").total(), 0, 1e-6);
  EXPECT_GT(analysis::requests_of(shop.ask(query, -65s).value(), "checkout-v1").total(), 1000);
  EXPECT_TRUE(shop.ask(query, 3'600s).value().series.empty());
}

TEST(Prometheus, refuses_queries_that_it_does_not_know) {
  Monitored shop;
  const auto answer = shop.ask("up");
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, analysis::QueryError::Kind::Rejected);
  EXPECT_EQ(shop.prometheus.fetch(std::string(kAddress) + "/api/v1/query?query=up&time=0")->status, 422);
}

TEST(Prometheus, knows_nothing_of_other_namespaces) {
  Monitored shop;
  shop.split(100, 0);
  shop.mesh.start();
  shop.pass(30s);
  EXPECT_TRUE(shop.ask(analysis::requests_query("other", 10s)).value().series.empty());
}

TEST(Prometheus, has_weather) {
  Monitored shop;
  shop.split(50, 50);
  shop.mesh.start();
  shop.pass(30s);
  shop.prometheus.set(Weather::Down);
  EXPECT_THAT(shop.refusal(), testing::HasSubstr("did not answer: GET http://prometheus.monitoring:9090: "));
  shop.prometheus.set(Weather::Huge);
  EXPECT_THAT(shop.refusal(), testing::HasSubstr("the answer is longer than 8388608 bytes"));
  shop.prometheus.set(Weather::Malformed);
  EXPECT_THAT(shop.refusal(), testing::HasSubstr("which is not an answer of the query API"));
  shop.prometheus.set(Weather::Rejected);
  EXPECT_THAT(shop.refusal(), testing::HasSubstr("answered HTTP 503"));
  const Millis before = shop.executor.now();
  shop.prometheus.set(Weather::Slow);
  EXPECT_THAT(shop.refusal(), testing::HasSubstr("no answer in time"));
  EXPECT_GE(shop.executor.now() - before, 10s);

  const std::string durations = analysis::duration_query("shop", 10s);
  shop.prometheus.set(Weather::NotANumber);
  EXPECT_FALSE(shop.ask(durations).value().series.empty());
  EXPECT_FALSE(analysis::value_of(shop.ask(durations).value(), "checkout-v1"));
  shop.prometheus.set(Weather::Empty);
  EXPECT_TRUE(shop.ask(durations).value().series.empty());
  shop.prometheus.set(Weather::Partial);
  EXPECT_THAT(shop.refusal(),
              testing::HasSubstr("answered with a warning: a part of the data could not be read"));
  EXPECT_EQ(shop.prometheus.tally().fair, 0U);
  EXPECT_EQ(shop.prometheus.tally().foul, 9U);
  shop.prometheus.set(Weather::Fair);
  EXPECT_TRUE(analysis::value_of(shop.ask(durations).value(), "checkout-v2"));
  EXPECT_EQ(shop.prometheus.tally().fair, 1U);
}

TEST(Prometheus, tells_failures_without_a_host_by_their_service_and_by_no_workload) {
  Monitored shop;
  shop.split(50, 50);
  shop.mesh.start();
  shop.pass(30s);
  shop.put(kube::kDestinationRules, destination_rule(std::vector<Json>{subset("v1")}));
  shop.pass(30s);
  const analysis::Subject subject{.name_space = "shop",
                                  .target = "checkout-v2",
                                  .stable = "checkout-v1",
                                  .service = "checkout",
                                  .weight = 50,
                                  .trusted = {"istio-system", "web"}};
  const auto asked = [&](analysis::Named named) {
    return analysis::service_requests_of(
        shop.ask(analysis::service_query(subject, Seconds(10), named)).value(), subject);
  };
  const auto all = asked(analysis::Named::All);
  EXPECT_NEAR(all.hostless, 600, 60);
  EXPECT_NEAR(all.stable, 600, 60);
  EXPECT_NEAR(all.flags.at("NC"), all.hostless, 1e-6);
  EXPECT_EQ(asked(analysis::Named::Hostless).stable, 0);
  EXPECT_EQ(shop.requests("unknown", 10s).total(), 0) << "nor is their namespace known";
}

TEST(Prometheus, lets_time_pass_while_the_answer_is_on_its_way) {
  Monitored shop;
  const Millis before = shop.executor.now();
  (void)shop.ask(analysis::scrapes_query("shop"));
  EXPECT_GE(shop.executor.now() - before, 5ms);
  EXPECT_LE(shop.executor.now() - before, 50ms);
}

TEST(Prometheus, tells_what_each_proxy_has_sent_to_either_version) {
  Monitored shop;
  const analysis::Subject subject{
      .target = "checkout-v2", .stable = "checkout-v1", .service = "checkout", .weight = 0};
  const auto sent = [&] {
    const auto query = analysis::split_query("shop", Seconds(10), Seconds(1));
    return analysis::sent_of(shop.ask(query).value(), subject, /*direct=*/false).value();
  };
  shop.split(50, 50);
  shop.mesh.start();
  shop.pass(30s);
  ASSERT_EQ(sent().size(), 3U);
  for (const auto& proxy : sent()) EXPECT_NEAR(proxy.candidate, proxy.stable, 1) << proxy.proxy;
  shop.mesh.stand(1, 60s);
  shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", 100), to("v2", 0)}}}}));
  shop.pass(20s);
  for (const auto& proxy : sent()) {
    const bool stands = proxy.proxy.starts_with("1 ");
    EXPECT_EQ(proxy.candidate > 0, stands) << proxy.proxy << ": " << proxy.candidate;
  }
}

}  // namespace
}  // namespace weir::simulation
