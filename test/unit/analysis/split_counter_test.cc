// What Prometheus is asked of the division of requests, and what is made of its answers.
#include <gmock/gmock.h>

#include "analysis/providers/prometheus/queries.h"
#include "test/unit/analysis/scripted_prometheus.h"

namespace weir::analysis {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* kSplit = "source_workload";
const TimePoint kNow{std::chrono::milliseconds{1'700'000'000'250}};

Point sent(const std::string& workload, const std::string& instance, const std::string& count,
           const std::string& service = "checkout", const std::string& name_space = "istio-system") {
  return {{{"destination_workload", workload},
           {"destination_service_name", service},
           {"source_workload", "gateway"},
           {"source_workload_namespace", name_space},
           {"instance", instance}},
          count};
}

class Splitting : public testing::Test {
 protected:
  Split split(int weight = 50, const std::string& traffic_service = {}, bool direct = false,
              bool only_trusted = false) {
    const Subject subject{.name_space = "shop",
                          .name = "checkout-v2",
                          .target = "checkout-v2",
                          .stable = "checkout-v1",
                          .service = "checkout",
                          .weight = weight,
                          .traffic_service = traffic_service,
                          .trusted = {"istio-system"}};
    return judge_
        ->judge({.metrics = {},
                 .subject = subject,
                 .window = window_,
                 .counts_split = true,
                 .counts_direct = direct,
                 .counts_only_trusted = only_trusted})
        .split;
  }

  ScriptedPrometheus prometheus_;
  std::unique_ptr<Judge> judge_ = make_prometheus_judge("http://prometheus:9090", prometheus_.fetch());
  Window window_{.end = kNow, .length = Seconds{30}};
};

TEST_F(Splitting, asks_for_the_growth_between_scrapes_by_workload_service_and_proxy) {
  const std::string counter =
      R"(istio_request_duration_milliseconds_bucket{reporter="source",le=~"5000|5000[.]0",)"
      R"(response_code!="101",destination_workload_namespace="shop"})";
  (void)split();
  ASSERT_THAT(prometheus_.asked(kSplit), SizeIs(1));
  EXPECT_EQ(
      prometheus_.asked(kSplit).front().query,
      "sum by (destination_workload, destination_service_name, source_workload, source_workload_namespace, "
      "pod, instance) (((" +
          counter + " unless " + counter +
          " offset 30s) and on (job, instance) (up offset 30s == 1)) or ((max_over_time(" + counter +
          "[30s]) - min_over_time(" + counter + "[30s])) unless resets(" + counter + "[30s]) > 0))");
}

// A counter that is new is counted from 0, and an old one from its first scrape: both from the same time on.
TEST_F(Splitting, counts_what_is_new_since_the_first_scrape_of_the_window) {
  prometheus_.answers("count_over_time", vector_answer({{{}, "8"}}));
  (void)split();
  ASSERT_THAT(prometheus_.asked(kSplit), SizeIs(1));
  EXPECT_THAT(prometheus_.asked(kSplit).front().query, HasSubstr(" offset 15s) and on"));
}

TEST_F(Splitting, names_the_series_where_it_has_no_requests) {
  prometheus_.answers(kSplit, vector_answer({}));
  EXPECT_EQ(split().message,
            "no requests from proxies to Service checkout were counted in the last 30s "
            "(istio_request_duration_milliseconds_bucket, le 5000)");
}

TEST_F(Splitting, tells_by_proxy_whether_the_weight_is_followed) {
  prometheus_.answers(kSplit, vector_answer({sent("checkout-v1", "10.0.0.1:15020", "150"),
                                             sent("checkout-v2", "10.0.0.1:15020", "150"),
                                             sent("checkout-v1", "10.0.0.2:15020", "90"),
                                             sent("checkout-v2", "10.0.0.2:15020", "10")}));
  const auto found = split();
  EXPECT_EQ(found.division, Division::Differs);
  EXPECT_THAT(found.message,
              HasSubstr("not followed by 10.0.0.2:15020 (gateway.istio-system) with 10 of 100"));
}

// Callers of the Service itself go past the divided routes, to whom its selector selects.
TEST_F(Splitting, counts_requests_to_the_service_that_divided_routes_name_alone) {
  const std::vector<Point> points{
      sent("checkout-v1", "a", "100"), sent("checkout-v2", "a", "100", "checkout-weir"),
      sent("checkout-v1", "a", "5000", "checkout-v1"), sent("cart-v1", "a", "700")};
  prometheus_.answers(kSplit, vector_answer(points));
  EXPECT_THAT(split(50, "checkout-weir").message, HasSubstr("100 of 100"));
  EXPECT_THAT(split(50, "checkout-weir", /*direct=*/true).message, HasSubstr("100 of 200"));
  EXPECT_THAT(split(0).message, HasSubstr("0 of 100"));
}

TEST_F(Splitting, trusts_proxies_of_the_own_namespace_and_of_those_that_are_named_or_unknown) {
  for (const char* name_space : {"shop", "istio-system", "unknown", "", "web"}) {
    window_.end += Seconds{60};
    prometheus_.answers(kSplit, vector_answer({sent("checkout-v1", "a", "300", "checkout", "shop"),
                                               sent("checkout-v2", "a", "300", "checkout", "shop"),
                                               sent("checkout-v1", "b", "90", "checkout", name_space)}));
    const auto found = split();
    const bool trusted = std::string_view(name_space) != "web";
    EXPECT_EQ(found.division, trusted ? Division::Differs : Division::UntrustedDiffers) << name_space;
  }
  const auto others = split(50, {}, /*direct=*/false, /*only_trusted=*/true);
  EXPECT_EQ(others.division, Division::Agrees);
  EXPECT_THAT(others.message, HasSubstr("300 of 600 requests"));
  EXPECT_THAT(others.message, HasSubstr("1 of the proxies, of namespaces that are not trusted, is left out"));
}

TEST_F(Splitting, knows_nothing_without_requests_or_without_an_answer) {
  const auto none = split();
  EXPECT_EQ(none.division, Division::NotCounted);
  EXPECT_TRUE(none.server_answers);
  prometheus_.is_down("Connection refused");
  window_.end += Seconds{60};
  const auto down = split();
  EXPECT_EQ(down.division, Division::NotCounted);
  EXPECT_FALSE(down.server_answers);
  EXPECT_THAT(down.message, HasSubstr("Connection refused"));
}

TEST_F(Splitting, takes_what_is_no_number_of_requests_for_no_answer) {
  prometheus_.answers(kSplit, vector_answer({sent("checkout-v2", "a", "NaN")}));
  EXPECT_EQ(split().division, Division::NotCounted);
  EXPECT_FALSE(split().server_answers);
}

TEST_F(Splitting, of_a_window_without_two_scrapes_is_not_counted) {
  prometheus_.answers("count_over_time", vector_answer({{{}, "4"}}));
  window_.earliest = kNow - Seconds{30};
  const auto found = split();
  EXPECT_EQ(found.division, Division::NotCounted);
  EXPECT_TRUE(found.too_early);
  EXPECT_THAT(found.message, HasSubstr("shorter than two scrapes"));
  EXPECT_TRUE(prometheus_.asked(kSplit).empty());
}

TEST_F(Splitting, is_asked_once_for_all_releases_of_a_namespace_that_look_at_the_same_time) {
  prometheus_.answers(kSplit, vector_answer({sent("checkout-v1", "a", "100")}));
  (void)split(10);
  (void)split(20);
  EXPECT_THAT(prometheus_.asked(kSplit), SizeIs(1));
}

TEST_F(Splitting, of_a_namespace_that_is_too_much_is_asked_of_the_release_s_own_workloads) {
  prometheus_.answers(kSplit, std::string(kMaxAnswerBytes + 1, ' '));
  prometheus_.answers("checkout-v1|checkout-v2",
                      vector_answer({sent("checkout-v1", "", "150"), sent("checkout-v2", "", "150")}));
  const auto found = split();
  EXPECT_EQ(found.division, Division::Agrees) << found.message;
  ASSERT_THAT(prometheus_.asked(kSplit), SizeIs(2));
  EXPECT_THAT(prometheus_.asked(kSplit).back().query,
              HasSubstr("source_workload, source_workload_namespace) ("));
}

TEST_F(Splitting, leaves_the_verdict_as_it_is) {
  prometheus_.answers(kSplit, vector_answer({sent("checkout-v1", "a", "1000")}));
  const Subject subject{.name_space = "shop", .target = "checkout-v2", .stable = "checkout-v1", .weight = 50};
  const Metric queue{.name = "queue", .query = "queue_length", .range = {.max = 10}};
  prometheus_.answers("queue_length", vector_answer({{{}, "3"}}));
  const auto judgement =
      judge_->judge({.metrics = {queue}, .subject = subject, .window = window_, .counts_split = true});
  EXPECT_EQ(judgement.outcome, Outcome::Pass);
}

TEST(OneOf, matches_the_names_and_nothing_else) {
  EXPECT_EQ(one_of({"web.v2", "web-v1"}), R"(web\.v2|web-v1)");
  EXPECT_EQ(one_of({}), "");
}

TEST(SentOf, leaves_out_proxies_that_sent_nothing_and_names_those_without_a_name) {
  const Subject subject{.target = "checkout-v2", .stable = "checkout-v1", .service = "checkout"};
  const auto series = [](const std::string& instance, double value) {
    Series made{.labels = {{"destination_workload", "checkout-v2"}, {"destination_service_name", "checkout"}},
                .value = value};
    if (!instance.empty()) made.labels["instance"] = instance;
    return made;
  };
  const auto found = sent_of({.series = {series("a", 0), series("", 3)}}, subject, /*direct=*/false);
  ASSERT_TRUE(found);
  ASSERT_THAT(*found, SizeIs(1));
  EXPECT_EQ(found->front().proxy, "a proxy without a name");
  EXPECT_EQ(found->front().candidate, 3);
}

}  // namespace
}  // namespace weir::analysis
