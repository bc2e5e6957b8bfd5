#include "analysis/judge.h"

#include "test/unit/analysis/judging.h"

namespace weir::analysis {
namespace {

constexpr const char* kByWorkload = "sum by (destination_workload,";

TEST_F(Judging, success_rate_compares_candidate_and_stable_from_one_answer) {
  requests_are({requests("checkout-v1", "200", "900"), requests("checkout-v2", "200", "95"),
                requests("checkout-v2", "500", "5")});
  const auto result = check(success_rate());
  EXPECT_EQ(result.outcome, Outcome::Fail);
  EXPECT_EQ(result.reason, "OutOfRange");
  EXPECT_EQ(result.value, 95);
  EXPECT_EQ(result.stable, 100);
  EXPECT_EQ(result.samples, 100);
  EXPECT_EQ(result.message, "request-success-rate 95 % < 99 %");
  EXPECT_EQ(prometheus_.asked(kByWorkload).size(), 1U);
}

TEST_F(Judging, asks_for_the_namespace_and_tells_built_in_queries_from_those_that_somebody_wrote) {
  requests_are({});
  auto elsewhere = success_rate();
  elsewhere.address = "http://stranger:9090";
  (void)judge({success_rate(), custom(), elsewhere});
  const auto is = [&](const ScriptedPrometheus::Asked& asked, bool built_in) {
    EXPECT_EQ(asked.asker, (Asker{.name_space = "shop", .built_in = built_in})) << asked.url;
    EXPECT_EQ(asked.max_body, built_in ? kMaxAnswerBytes : kMaxOwnAnswerBytes) << asked.url;
  };
  for (const auto& asked : prometheus_.asked("istio")) is(asked, asked.url.contains("prometheus"));
  is(prometheus_.asked("queue_length").at(0), false);
  EXPECT_EQ(prometheus_.asked(kByWorkload).size(), 2U);
}

TEST_F(Judging, a_provider_that_cannot_be_asked_is_an_error_of_its_own_and_is_not_asked) {
  auto metric = custom();
  metric.problem = "Secret shop/prometheus of MetricTemplate queue cannot be read: not found";
  const auto judgement = judge({metric});
  EXPECT_EQ(judgement.checks.at(0).reason, "ProviderError");
  EXPECT_EQ(judgement.message, metric.problem);
  EXPECT_FALSE(judgement.provider_available);
  EXPECT_TRUE(prometheus_.asked().empty());
}

TEST_F(Judging, all_requests_failing_is_a_success_rate_of_zero_and_said_so) {
  requests_are({requests("checkout-v2", "503", "40.4")});
  const auto judgement = judge({success_rate()});
  EXPECT_EQ(judgement.checks[0].value, 0);
  EXPECT_EQ(judgement.checks[0].samples, 40);
  EXPECT_EQ(judgement.checks[0].stable, std::nullopt);
  EXPECT_EQ(judgement.outcome, Outcome::Fail);
  EXPECT_TRUE(judgement.all_failed);
}

TEST_F(Judging, one_success_is_not_all_failed) {
  requests_are({requests("checkout-v2", "503", "40"), requests("checkout-v2", "200", "1")});
  EXPECT_FALSE(judge({success_rate()}).all_failed);
}

TEST_F(Judging, no_request_of_the_candidate_is_no_data) {
  requests_are({requests("checkout-v1", "200", "900"), requests("checkout-v2", "200", "0")});
  for (const auto& metric : {success_rate(), latency()}) {
    const auto judgement = judge({metric});
    EXPECT_EQ(judgement.outcome, Outcome::Inconclusive);
    EXPECT_EQ(judgement.checks[0].reason, "NoData");
    EXPECT_EQ(judgement.checks[0].value, std::nullopt);
    EXPECT_EQ(judgement.message,
              "no requests reached checkout-v2 in the last 30s, and 900 reached checkout-v1");
    EXPECT_FALSE(judgement.all_failed);
    EXPECT_TRUE(judgement.provider_available);
  }
}

TEST_F(Judging, requests_that_are_not_counted_decide_nothing) {
  for (const std::string count : {"NaN", "+Inf", "-40"}) {
    requests_are({requests("checkout-v2", "200", "1000"), requests("checkout-v2", "503", count)});
    window_.end += Seconds{1};
    for (const auto& metric : {success_rate(), latency()}) {
      const auto judgement = judge({metric});
      EXPECT_EQ(judgement.outcome, Outcome::Inconclusive) << count;
      EXPECT_EQ(judgement.checks[0].reason, "NotANumber");
      EXPECT_FALSE(judgement.all_failed);
    }
  }
}

TEST_F(Judging, a_stable_that_is_not_counted_has_no_rate) {
  requests_are({requests("checkout-v2", "200", "10"), requests("checkout-v1", "200", "-1"),
                requests("checkout-v1", "503", "10")});
  const auto judgement = judge({success_rate()});
  EXPECT_EQ(judgement.outcome, Outcome::Pass);
  EXPECT_EQ(judgement.checks[0].stable, std::nullopt);
}

TEST_F(Judging, latency_compares_the_99th_percentiles) {
  requests_are({requests("checkout-v2", "200", "100")});
  prometheus_.answers(kBuckets,
                      vector_answer({duration("checkout-v1", "240"), duration("checkout-v2", "612.3")}));
  const auto result = check(latency());
  EXPECT_EQ(result.outcome, Outcome::Fail);
  EXPECT_EQ(result.value, 612.3);
  EXPECT_EQ(result.stable, 240);
  EXPECT_EQ(result.samples, 100);
  EXPECT_EQ(result.message, "request-duration p99 612 ms > 500 ms");
}

TEST_F(Judging, latency_without_a_duration_series_is_no_data) {
  requests_are({requests("checkout-v2", "200", "100")});
  prometheus_.answers(kBuckets, vector_answer({duration("checkout-v2", "NaN")}));
  const auto result = check(latency());
  EXPECT_EQ(result.outcome, Outcome::Inconclusive);
  EXPECT_EQ(result.reason, "NoData");
  EXPECT_EQ(result.samples, 100);
  EXPECT_EQ(result.message,
            "requests reached checkout-v2 in the last 30s, but no duration of theirs is known");
}

TEST_F(Judging, all_failed_is_seen_through_the_latency_metric_too) {
  requests_are({requests("checkout-v2", "503", "40")});
  prometheus_.answers(kBuckets, vector_answer({duration("checkout-v2", "2")}));
  const auto judgement = judge({latency()});
  EXPECT_EQ(judgement.outcome, Outcome::Pass);
  EXPECT_TRUE(judgement.all_failed);
}

TEST_F(Judging, policies_say_what_no_data_means) {
  requests_are({});
  auto metric = success_rate();
  metric.on_no_data = Policy::Fail;
  EXPECT_EQ(check(metric).outcome, Outcome::Fail);
  EXPECT_EQ(check(metric).reason, "NoData");
  EXPECT_EQ(
      check(metric).message,
      "Prometheus has no requests to any workload of namespace shop in the last 30s: either none were sent, "
      "or it has not got them (failed as onNoData says)");
  metric.on_no_data = Policy::Pass;
  EXPECT_EQ(check(metric).outcome, Outcome::Pass);
}

TEST_F(Judging, a_provider_that_is_down_holds_the_release_and_is_named) {
  prometheus_.is_down("connection refused");
  const auto judgement = judge({success_rate(), latency()});
  EXPECT_EQ(judgement.outcome, Outcome::Inconclusive);
  EXPECT_FALSE(judgement.provider_available);
  EXPECT_EQ(judgement.checks[0].reason, "ProviderError");
  EXPECT_EQ(judgement.checks[1].reason, "ProviderError");
  EXPECT_EQ(judgement.message, "Prometheus at http://prometheus:9090 did not answer: connection refused");
}

TEST_F(Judging, policies_say_what_a_provider_error_means) {
  prometheus_.is_down("connection refused");
  auto metric = success_rate();
  metric.on_no_data = Policy::Pass;
  metric.on_provider_error = Policy::Fail;
  EXPECT_EQ(check(metric).outcome, Outcome::Fail);
  metric.on_provider_error = Policy::Pass;
  EXPECT_EQ(check(metric).outcome, Outcome::Pass);
  EXPECT_FALSE(judge({metric}).provider_available);
}

TEST_F(Judging, is_well_again_when_the_provider_is_back) {
  prometheus_.is_down("connection refused");
  (void)judge({success_rate()});
  prometheus_.is_back();
  requests_are({requests("checkout-v2", "200", "100")});
  EXPECT_EQ(judge({success_rate()}).outcome, Outcome::Pass);
}

TEST_F(Judging, a_custom_query_is_rendered_and_judged) {
  prometheus_.answers("queue_length", vector_answer({{{{"app", "x"}}, "12"}}));
  const auto result = check(custom());
  EXPECT_EQ(result.outcome, Outcome::Fail);
  EXPECT_EQ(result.message, "queue 12 > 10");
  EXPECT_EQ(result.samples, std::nullopt);
  EXPECT_EQ(prometheus_.asked().at(0).query, "queue_length{app=\"checkout-v2\"}");
}

TEST_F(Judging, a_built_in_name_with_a_query_of_its_own_uses_the_query) {
  prometheus_.answers("my_rate", vector_answer({{{}, "99.5"}}));
  auto metric = success_rate();
  metric.query = "my_rate";
  EXPECT_EQ(check(metric).value, 99.5);
}

TEST_F(Judging, a_scalar_is_accepted) {
  prometheus_.answers("queue_length",
                      R"({"status":"success","data":{"resultType":"scalar","result":[1,"3"]}})");
  EXPECT_EQ(check(custom()).value, 3);
}

TEST_F(Judging, several_series_are_inconclusive_whatever_the_policies_are) {
  prometheus_.answers("queue_length", vector_answer({{{{"a", "1"}}, "1"}, {{{"a", "2"}}, "2"}}));
  auto metric = custom();
  metric.on_no_data = metric.on_provider_error = Policy::Pass;
  const auto result = check(metric);
  EXPECT_EQ(result.outcome, Outcome::Inconclusive);
  EXPECT_EQ(result.reason, "ManySeries");
  EXPECT_EQ(result.message,
            "queue: the query answered 2 series, one is needed: aggregate it, with sum() for example");
}

TEST_F(Judging, an_empty_vector_is_no_data) {
  const auto result = check(custom());
  EXPECT_EQ(result.outcome, Outcome::Inconclusive);
  EXPECT_EQ(result.reason, "NoData");
  EXPECT_EQ(result.message, "queue: the query answered no series");
}

TEST_F(Judging, what_is_not_a_finite_number_never_passes) {
  for (const std::string value : {"NaN", "+Inf", "-Inf"}) {
    prometheus_.answers("queue_length", vector_answer({{{}, value}}));
    window_.end += Seconds{1};
    const auto result = check(custom());
    EXPECT_EQ(result.outcome, Outcome::Inconclusive);
    EXPECT_EQ(result.reason, "NotANumber");
    EXPECT_EQ(result.value, std::nullopt);
    EXPECT_EQ(result.message, "queue: the query answered " + value);
  }
}

TEST_F(Judging, a_query_that_prometheus_rejects_holds_with_its_words) {
  prometheus_.answers("queue_length", error_answer("bad_data", "parse error"), 400);
  const auto judgement = judge({custom()});
  EXPECT_EQ(judgement.outcome, Outcome::Inconclusive);
  EXPECT_EQ(judgement.checks[0].reason, "QueryRejected");
  EXPECT_TRUE(judgement.message.ends_with("cannot evaluate the query: bad_data: parse error"));
  EXPECT_TRUE(judgement.provider_available);
}

TEST_F(Judging, a_query_that_cannot_be_rendered_is_rejected_unasked) {
  auto metric = custom();
  metric.query = "{{ nobody }}";
  const auto result = check(metric);
  EXPECT_EQ(result.reason, "QueryRejected");
  EXPECT_TRUE(result.message.starts_with("queue: unknown variable {{ nobody }}"));
  EXPECT_TRUE(prometheus_.asked().empty());
}

TEST_F(Judging, a_name_without_query_that_is_not_built_in_is_rejected) {
  const auto result = check({.name = "error-rate", .range = {.max = 1}});
  EXPECT_EQ(result.reason, "QueryRejected");
  EXPECT_EQ(result.message, "no metric error-rate is built in: it needs a query or a template");
}

TEST_F(Judging, a_metric_asks_its_own_server_with_its_headers) {
  auto metric = custom();
  metric.address = "https://thanos/";
  metric.headers = {{"X-Scope-OrgID", "a"}};
  metric.tls.insecure_skip_verify = true;
  (void)check(metric);
  const auto asked = prometheus_.asked().at(0);
  EXPECT_TRUE(asked.url.starts_with("https://thanos/api/v1/query?"));
  EXPECT_TRUE(asked.url.ends_with("&time=1700000000&partial_response=false"));
  EXPECT_EQ(asked.headers, metric.headers);
  EXPECT_TRUE(asked.tls.insecure_skip_verify);
}

TEST_F(Judging, a_metric_asks_with_the_token_of_its_secret_or_with_its_user_and_password) {
  auto metric = custom();
  metric.secret = {{"token", "s3cret"}, {"username", "weir"}, {"password", "a:b"}, {"ca.crt", "PEM"}};
  (void)check(metric);
  EXPECT_EQ(prometheus_.asked().back().headers.at("Authorization"), "Bearer s3cret");
  EXPECT_FALSE(prometheus_.asked().back().basic_auth);
  metric.secret.erase("token");
  (void)check(metric);
  EXPECT_FALSE(prometheus_.asked().back().headers.contains("Authorization"));
  EXPECT_EQ(prometheus_.asked().back().basic_auth, (BasicAuth{.username = "weir", .password = "a:b"}));
  metric.secret = {{"ca.crt", "PEM"}};
  (void)check(metric);
  EXPECT_FALSE(prometheus_.asked().back().headers.contains("Authorization"));
  EXPECT_FALSE(prometheus_.asked().back().basic_auth);
}

TEST_F(Judging, a_failed_check_outweighs_an_inconclusive_one_and_that_a_passed_one) {
  requests_are({requests("checkout-v2", "500", "5"), requests("checkout-v2", "200", "5")});
  auto passing = custom();
  passing.name = "passing";
  passing.query = "passing";
  prometheus_.answers("passing", vector_answer({{{}, "1"}}));

  auto judgement = judge({passing, custom(), success_rate()});
  EXPECT_EQ(judgement.outcome, Outcome::Fail);
  EXPECT_EQ(judgement.message, "request-success-rate 50 % < 99 %");
  EXPECT_EQ(judgement.checks.size(), 3U);

  judgement = judge({passing, custom()});
  EXPECT_EQ(judgement.outcome, Outcome::Inconclusive);
  EXPECT_EQ(judgement.message, "queue: the query answered no series");

  judgement = judge({passing});
  EXPECT_EQ(judgement.outcome, Outcome::Pass);
  EXPECT_EQ(judgement.message, "every metric passed");
}

TEST_F(Judging, nothing_to_judge_passes) {
  const auto judgement = judge({});
  EXPECT_EQ(judgement.outcome, Outcome::Pass);
  EXPECT_EQ(judgement.message, "no metric to judge");
}

TEST_F(Judging, releases_of_a_namespace_share_the_answer_of_a_second) {
  requests_are({requests("checkout-v2", "200", "100"), requests("cart-v2", "200", "100")});
  (void)judge({success_rate()});
  subject_.name = subject_.target = "cart-v2";
  window_.end += std::chrono::milliseconds{500};
  EXPECT_EQ(judge({success_rate()}).outcome, Outcome::Pass);
  EXPECT_EQ(prometheus_.asked(kByWorkload).size(), 1U);
}

TEST_F(Judging, remarks_of_prometheus_are_handed_on_once) {
  constexpr const char* kRemark = "PromQL info: metric might not be a counter";
  prometheus_.answers(kBuckets, vector_answer({duration("checkout-v2", "1")}, {kRemark}));
  prometheus_.answers(kRequests, vector_answer({requests("checkout-v2", "200", "1")}, {kRemark}));
  scraped_every(1);
  EXPECT_EQ(judge({success_rate(), latency()}).warnings,
            std::vector<std::string>{std::string("Prometheus warns: ") + kRemark});
}

}  // namespace
}  // namespace weir::analysis
