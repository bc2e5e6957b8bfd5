// Failures without an upstream host: whose they are, and what a verdict makes of them.
#include "analysis/providers/prometheus/hostless.h"

#include <gmock/gmock.h>

#include "analysis/providers/prometheus/queries.h"
#include "test/unit/analysis/judging.h"

namespace weir::analysis {
namespace {

using testing::HasSubstr;

constexpr const char* kOfService = "destination_service=~";
constexpr const char* kBefore = "[300s]";
const std::string kCheckout = "checkout.shop.svc.cluster.local";

Labels labels_of(const std::string& host, const std::string& workload, const std::string& code,
                 const std::string& flags) {
  return {{"destination_service", host},
          {"destination_workload", workload},
          {"response_code", code},
          {"response_flags", flags},
          {"source_workload_namespace", "shop"}};
}

Point answered(const std::string& workload, const std::string& count) {
  return {labels_of(kCheckout, workload, "200", "-"), count};
}

Point hostless(const std::string& count, const std::string& flags = "UH", const std::string& code = "503",
               const std::string& host = kCheckout) {
  return {labels_of(host, "unknown", code, flags), count};
}

class WithoutHost : public Judging {
 protected:
  WithoutHost() {
    subject_.candidate_service = "checkout-v2";
    subject_.began = kNow - Seconds{600};
    subject_.divided = true;
    before_are({answered("checkout-v1", "9000")});
  }
  // By workload, as requests_query answers it; and by Service.
  void service_is(const std::vector<Point>& points) {
    prometheus_.answers(kOfService, vector_answer(points));
    before_are(before_);
  }
  void before_are(const std::vector<Point>& points) {
    before_ = points;
    prometheus_.answers(kBefore, vector_answer(points));
  }
  // 900 requests of stable; the candidate's 100 found no host.
  void breaker_trips() {
    requests_are({requests("checkout-v1", "200", "900")});
    service_is({answered("checkout-v1", "900"), hostless("100")});
  }

  std::vector<Point> before_;
};

TEST_F(WithoutHost, a_breaker_that_ejects_all_of_the_candidate_fails_it_and_its_flags_are_named) {
  breaker_trips();
  const auto judgement = judge({success_rate()});
  EXPECT_EQ(judgement.outcome, Outcome::Fail);
  EXPECT_TRUE(judgement.all_failed);
  EXPECT_EQ(judgement.checks[0].value, 0);
  EXPECT_EQ(judgement.checks[0].samples, 100);
  EXPECT_EQ(judgement.message,
            "request-success-rate 0 % < 99 %; 100 requests to Service checkout found no upstream host "
            "(response_flags UH 100), more than before the release: they count against checkout-v2");
}

TEST_F(WithoutHost, failures_are_added_to_those_of_the_pods) {
  requests_are({requests("checkout-v1", "200", "900"), requests("checkout-v2", "200", "40"),
                requests("checkout-v2", "500", "10")});
  service_is(
      {answered("checkout-v1", "900"), answered("checkout-v2", "50"), hostless("40"), hostless("10", "NC")});
  const auto result = check(success_rate());
  EXPECT_EQ(result.value, 40);
  EXPECT_EQ(result.samples, 100);
  EXPECT_THAT(result.message, HasSubstr("(response_flags UH 40, NC 10)"));
}

TEST_F(WithoutHost, failures_that_were_there_before_are_no_fault_of_the_candidate) {
  requests_are({requests("checkout-v1", "200", "890"), requests("checkout-v2", "200", "99")});
  service_is({answered("checkout-v1", "890"), answered("checkout-v2", "99"), hostless("11")});
  before_are({answered("checkout-v1", "9900"), hostless("100")});
  const auto result = check(success_rate());
  EXPECT_EQ(result.outcome, Outcome::Pass);
  EXPECT_EQ(result.value, 100);
  EXPECT_EQ(result.message, "request-success-rate 100 % >= 99 %");
}

TEST_F(WithoutHost, only_what_is_beyond_the_old_share_counts) {
  requests_are({requests("checkout-v1", "200", "900"), requests("checkout-v2", "200", "40")});
  service_is({answered("checkout-v1", "900"), answered("checkout-v2", "40"), hostless("60")});
  before_are({answered("checkout-v1", "9900"), hostless("100")});
  EXPECT_EQ(check(success_rate()).samples, 90);
}

TEST_F(WithoutHost, the_past_ends_where_the_release_begins) {
  breaker_trips();
  (void)judge({success_rate()});
  const auto asked = prometheus_.asked(kBefore);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_THAT(asked[0].url, HasSubstr("&time=1699999400&"));
}

TEST_F(WithoutHost, the_past_is_asked_for_once_a_release) {
  breaker_trips();
  (void)judge({success_rate()});
  window_.end += Seconds{600};
  EXPECT_EQ(check(success_rate()).outcome, Outcome::Fail);
  EXPECT_EQ(prometheus_.asked(kBefore).size(), 1U);
  *subject_.began += Seconds{1};
  (void)judge({success_rate()});
  EXPECT_EQ(prometheus_.asked(kBefore).size(), 2U);
}

TEST_F(WithoutHost, the_past_is_that_of_each_service) {
  requests_are({requests("checkout-v1", "200", "900")});
  service_is({answered("checkout-v1", "900"), hostless("100"),
              hostless("100", "UH", "503", "cart.shop.svc.cluster.local")});
  EXPECT_EQ(check(success_rate()).outcome, Outcome::Fail);
  subject_.service = "cart";
  EXPECT_EQ(check(success_rate()).reason, "NoData") << "nothing is known of this one's";
}

TEST_F(WithoutHost, a_past_of_which_nothing_is_known_is_asked_for_again) {
  breaker_trips();
  before_are({});
  (void)judge({success_rate()});
  before_are({answered("checkout-v1", "9000")});
  window_.end += Seconds{600};
  EXPECT_EQ(check(success_rate()).outcome, Outcome::Fail);
}

TEST_F(WithoutHost, nothing_more_is_asked_where_there_are_none) {
  requests_are({requests("checkout-v2", "200", "100")});
  EXPECT_EQ(check(success_rate()).outcome, Outcome::Pass);
  EXPECT_EQ(prometheus_.asked(kOfService).size(), 1U);
  EXPECT_TRUE(prometheus_.asked(kBefore).empty());
}

TEST_F(WithoutHost, the_trouble_of_both_versions_holds_the_release) {
  requests_are({requests("checkout-v1", "200", "450"), requests("checkout-v2", "200", "100")});
  service_is({answered("checkout-v1", "450"), answered("checkout-v2", "100"), hostless("450")});
  const auto result = check(success_rate());
  EXPECT_EQ(result.outcome, Outcome::Inconclusive);
  EXPECT_EQ(result.reason, "FailuresWithoutHost");
  EXPECT_EQ(result.message,
            "450 requests to Service checkout found no upstream host (response_flags UH 450), more than "
            "before the release, and it cannot be told whose they are");
}

TEST_F(WithoutHost, what_hits_both_versions_alike_holds_the_release_though_stable_may_miss_none_for_sure) {
  requests_are({requests("checkout-v1", "200", "882"), requests("checkout-v2", "200", "98")});
  service_is({answered("checkout-v1", "882"), answered("checkout-v2", "98"), hostless("20")});
  const auto result = check(success_rate());
  EXPECT_EQ(result.reason, "FailuresWithoutHost");
  EXPECT_THAT(result.message, HasSubstr("it cannot be told whose they are"));
}

TEST_F(WithoutHost, a_service_that_nothing_answers_for_holds_the_release) {
  requests_are({});
  service_is({hostless("1000", "NC")});
  EXPECT_EQ(check(success_rate()).reason, "FailuresWithoutHost");
}

TEST_F(WithoutHost, without_a_past_they_are_only_told_of) {
  requests_are({requests("checkout-v1", "200", "900"), requests("checkout-v2", "200", "50")});
  service_is({answered("checkout-v1", "900"), answered("checkout-v2", "50"), hostless("50")});
  before_are({});
  const auto result = check(success_rate());
  EXPECT_EQ(result.outcome, Outcome::Pass);
  EXPECT_THAT(result.message,
              HasSubstr("50 requests to Service checkout found no upstream host (response_flags UH 50), and "
                        "nothing is known of the time before the release: they do not count against"));
}

TEST_F(WithoutHost, without_a_past_silence_is_silence_and_they_are_told_of) {
  requests_are({requests("checkout-v1", "200", "18")});
  service_is({answered("checkout-v1", "18"), hostless("2")});
  before_are({});
  auto metric = success_rate();
  metric.on_no_data = Policy::Pass;
  const auto result = check(metric);
  EXPECT_EQ(result.outcome, Outcome::Pass);
  EXPECT_EQ(result.reason, "NoData");
  EXPECT_THAT(result.message, HasSubstr("2 requests to Service checkout found no upstream host"));
}

TEST_F(WithoutHost, the_past_of_a_service_of_the_releases_own_is_that_of_the_service) {
  subject_.traffic_service = "checkout-weir";
  const std::string traffic = "checkout-weir.shop.svc.cluster.local";
  requests_are({requests("checkout-v1", "200", "900")});
  service_is({{labels_of(traffic, "checkout-v1", "200", "-"), "900"}, hostless("100", "UH", "503", traffic)});
  EXPECT_EQ(check(success_rate()).outcome, Outcome::Fail);
}

TEST_F(WithoutHost, a_past_in_which_no_workload_was_known_is_one) {
  breaker_trips();
  before_are({answered("unknown", "9000")});
  EXPECT_EQ(check(success_rate()).outcome, Outcome::Fail);
}

TEST_F(WithoutHost, few_failures_are_no_news_for_sure_beside_a_thin_past) {
  before_are({answered("checkout-v1", "60")});
  requests_are({requests("checkout-v1", "200", "18")});
  service_is({answered("checkout-v1", "18"), hostless("2")});
  const auto result = check(success_rate());
  EXPECT_EQ(result.reason, "FailuresWithoutHost");
  EXPECT_THAT(result.message,
              HasSubstr("too little is known of those before the release to tell whether this is new"));
  before_are({answered("checkout-v1", "180"), hostless("20")});
  *subject_.began += Seconds{1};
  window_.end += Seconds{1};
  EXPECT_EQ(check(success_rate()).reason, "NoData");
}

TEST_F(WithoutHost, requests_that_are_not_divided_are_nobodys_for_sure) {
  breaker_trips();
  subject_.divided = false;
  const auto result = check(success_rate());
  EXPECT_EQ(result.outcome, Outcome::Inconclusive);
  EXPECT_THAT(result.message, HasSubstr("not all requests to it are divided"));
}

TEST_F(WithoutHost, no_policy_lets_doubtful_failures_pass) {
  breaker_trips();
  subject_.divided = false;
  auto metric = success_rate();
  metric.on_no_data = Policy::Pass;
  EXPECT_EQ(check(metric).outcome, Outcome::Inconclusive);
}

TEST_F(WithoutHost, doubtful_failures_that_would_change_nothing_hold_nothing) {
  requests_are({requests("checkout-v1", "200", "9000"), requests("checkout-v2", "200", "1000")});
  service_is({answered("checkout-v1", "9000"), answered("checkout-v2", "1000"), hostless("5")});
  subject_.divided = false;
  EXPECT_EQ(check(success_rate()).outcome, Outcome::Pass);
}

TEST_F(WithoutHost, a_candidate_that_fails_by_its_own_answers_fails_beside_doubtful_failures) {
  requests_are({requests("checkout-v1", "200", "900"), requests("checkout-v2", "500", "50")});
  service_is({answered("checkout-v1", "900"), answered("checkout-v2", "50"), hostless("50")});
  subject_.divided = false;
  EXPECT_EQ(check(success_rate()).message, "request-success-rate 0 % < 99 %");
}

TEST_F(WithoutHost, at_weight_0_nothing_is_looked_for) {
  breaker_trips();
  subject_.weight = 0;
  EXPECT_EQ(check(success_rate()).reason, "NoData");
  EXPECT_TRUE(prometheus_.asked(kOfService).empty());
}

TEST_F(WithoutHost, at_all_traffic_they_are_the_candidates) {
  requests_are({});
  service_is({hostless("500")});
  subject_.weight = 100;
  EXPECT_EQ(check(success_rate()).outcome, Outcome::Fail);
}

TEST_F(WithoutHost, what_its_own_service_has_no_host_for_is_the_candidates) {
  requests_are({requests("checkout-v2", "200", "50")});
  service_is({answered("checkout-v1", "900"), answered("checkout-v2", "50"),
              hostless("50", "UH", "503", "checkout-v2.shop.svc.cluster.local")});
  before_are({});
  const auto result = check(success_rate());
  EXPECT_EQ(result.value, 50);
  EXPECT_THAT(
      result.message,
      HasSubstr("50 requests to Service checkout-v2 found no upstream host (response_flags UH 50), and "
                "this Service leads to checkout-v2 alone: they count against it"));
}

TEST_F(WithoutHost, those_of_its_own_service_are_told_of_apart_from_usual_ones) {
  const Point own = hostless("50", "NC", "503", "checkout-v2.shop.svc.cluster.local");
  requests_are({requests("checkout-v1", "200", "890"), requests("checkout-v2", "200", "50")});
  service_is({answered("checkout-v1", "890"), answered("checkout-v2", "99"), hostless("11"), own});
  before_are({answered("checkout-v1", "9900"), hostless("100")});
  EXPECT_THAT(
      check(success_rate()).message,
      HasSubstr("; 50 requests to Service checkout-v2 found no upstream host (response_flags NC 50), and"));
  requests_are({requests("checkout-v1", "200", "900"), requests("checkout-v2", "200", "50")});
  service_is({answered("checkout-v1", "900"), hostless("100"), own});
  before_are({answered("checkout-v1", "9000")});
  *subject_.began += Seconds{1};
  window_.end += Seconds{1};
  EXPECT_THAT(check(success_rate()).message,
              HasSubstr("; 150 requests to Services checkout and checkout-v2 found no upstream host "
                        "(response_flags UH 100, NC 50), more than before the release"));
}

TEST_F(WithoutHost, of_a_namespace_that_is_too_much_the_releases_own_services_are_asked_for) {
  breaker_trips();
  prometheus_.answers(kOfService, std::string(kMaxAnswerBytes + 1, ' '));
  prometheus_.answers("\"(checkout|checkout-v2)([.]shop(",
                      vector_answer({answered("checkout-v1", "900"), hostless("100")}));
  prometheus_.answers(kBefore, vector_answer({answered("checkout-v1", "9000")}));
  EXPECT_EQ(check(success_rate()).outcome, Outcome::Fail);
  EXPECT_EQ(prometheus_.asked(kOfService).size(), 5U);
}

TEST_F(WithoutHost, a_count_that_is_no_number_of_requests_decides_nothing) {
  requests_are({requests("checkout-v2", "200", "100")});
  service_is({hostless("NaN")});
  EXPECT_EQ(check(success_rate()).reason, "NotANumber");
}

TEST_F(WithoutHost, requests_that_all_pass_the_candidate_by_are_no_silence) {
  requests_are({requests("checkout-v1", "200", "412")});
  service_is({answered("checkout-v1", "412")});
  auto metric = success_rate();
  metric.on_no_data = Policy::Pass;
  for (const auto& each : {metric, latency()}) {
    const auto result = check(each);
    EXPECT_EQ(result.outcome, Outcome::Inconclusive);
    EXPECT_EQ(result.reason, "NoData");
    EXPECT_EQ(result.message,
              "412 requests reached Service checkout in the last 30s, and none of them checkout-v2, at "
              "weight 10 %");
  }
  metric.on_no_data = Policy::Fail;
  EXPECT_EQ(check(metric).outcome, Outcome::Fail);
}

TEST_F(WithoutHost, few_requests_may_pass_the_candidate_by_by_chance) {
  requests_are({requests("checkout-v1", "200", "40")});
  service_is({answered("checkout-v1", "40")});
  auto metric = success_rate();
  metric.on_no_data = Policy::Pass;
  EXPECT_EQ(check(metric).outcome, Outcome::Pass);
}

ServiceRequests of(const Series& series, const Subject& subject) {
  return service_requests_of({.series = {series}, .warnings = {}}, subject);
}

TEST(ServiceRequests, are_known_by_each_name_that_a_client_may_have_written) {
  const Subject subject{.name_space = "shop", .target = "checkout-v2", .service = "checkout"};
  const auto count = [&](const std::string& host, const std::string& source = "shop") {
    auto labels = labels_of(host, "unknown", "503", "NC");
    labels["source_workload_namespace"] = source;
    return of({.labels = labels, .value = 1}, subject).hostless;
  };
  for (const auto* host : {"checkout", "checkout:80", "checkout.shop", "checkout.shop:80",
                           "checkout.shop.svc", "checkout.shop.svc.cluster.local:80"}) {
    EXPECT_EQ(count(host), 1) << host;
  }
  for (const auto* host : {"cart", "checkout.shopping", "checkout.shop.example.com", "unknown", ""}) {
    EXPECT_EQ(count(host), 0) << host;
  }
  EXPECT_EQ(count("checkout", "front"), 0);
}

TEST(ServiceRequests, of_proxies_that_are_not_trusted_do_not_count) {
  const Subject subject{
      .name_space = "shop", .target = "checkout-v2", .service = "checkout", .trusted = {"istio-system"}};
  const auto count = [&](const std::string& source) {
    auto labels = labels_of(kCheckout, "unknown", "503", "UH");
    labels["source_workload_namespace"] = source;
    return of({.labels = labels, .value = 1}, subject).hostless;
  };
  for (const auto* source : {"shop", "istio-system", "unknown", ""}) EXPECT_EQ(count(source), 1) << source;
  EXPECT_EQ(count("stranger"), 0);
}

TEST(ServiceRequests, without_a_host_are_failures_only) {
  const Subject subject{.name_space = "shop", .target = "checkout-v2", .service = "checkout"};
  const auto count = [&](const std::string& code, const std::string& grpc = "") {
    auto labels = labels_of(kCheckout, "unknown", code, "UH");
    labels["grpc_response_status"] = grpc;
    return of({.labels = labels, .value = 1}, subject).hostless;
  };
  EXPECT_EQ(count("503"), 1);
  EXPECT_EQ(count("200", "14"), 1);
  EXPECT_EQ(count("404"), 0);
  EXPECT_EQ(count("0"), 0);
}

TEST(ServiceRequests, of_dedicated_mode_are_those_that_routes_divide) {
  const Subject subject{.name_space = "shop",
                        .target = "checkout-v2",
                        .stable = "checkout-v1",
                        .service = "checkout",
                        .traffic_service = "checkout-weir"};
  EXPECT_EQ(of({.labels = labels_of(kCheckout, "unknown", "503", "UH"), .value = 1}, subject).hostless, 0);
  const auto traffic = "checkout-weir.shop.svc.cluster.local";
  EXPECT_EQ(of({.labels = labels_of(traffic, "unknown", "503", "UH"), .value = 1}, subject).hostless, 1);
  EXPECT_EQ(of({.labels = labels_of(traffic, "checkout-v1", "200", "-"), .value = 1}, subject).stable, 1);
}

TEST(ServiceQuery, asks_for_every_name_of_every_service_of_the_namespace) {
  const std::string counter =
      "istio_requests_total{reporter=\"source\",destination_service=~\"[^.:]+([.]shop([.]svc([.][^:]*)?)?)?"
      "(:[0-9]+)?\",source_workload_namespace=~\"shop|unknown|istio-system|web|\","
      "destination_workload=\"unknown\"}";
  const Subject subject{.name_space = "shop", .trusted = {"istio-system", "web"}};
  EXPECT_EQ(service_query(subject, Seconds{30}, Named::Hostless),
            "sum by (destination_service, source_workload_namespace, destination_workload, response_code, "
            "response_flags, grpc_response_status) (((" +
                counter + " unless " + counter +
                " offset 30s) and on (job, instance) (up offset 30s == 1)) or "
                "increase(" +
                counter + "[30s]))");
  EXPECT_FALSE(service_query(subject, Seconds{30}, Named::All).contains("\"unknown\""));
}

}  // namespace
}  // namespace weir::analysis
