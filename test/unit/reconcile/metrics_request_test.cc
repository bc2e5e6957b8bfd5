#include "operator/reconcile/metrics_request.h"

#include <gmock/gmock.h>

#include "operator/kube/object.h"

namespace weir::reconcile {
namespace {

using kube::Json;

Json template_with(const std::string& space, const Json& provider) {
  return {{"metadata", {{"name", "errors"}, {"namespace", space}, {"resourceVersion", "1"}}},
          {"spec", {{"query", "sum(errors)"}, {"provider", provider}}}};
}

class MetricsRequestTest : public testing::Test {
 protected:
  MetricsRequestTest() {
    canary.name_space = "shop";
    canary.metrics = {{.metric = {.name = "errors", .range = {.max = 1}}, .template_name = "errors"}};
  }

  // About the only metric.
  Question question(bool cross_namespace = true) {
    Question question;
    add_metrics(question, canary, templates, cross_namespace);
    EXPECT_EQ(question.metrics.size(), 1U);
    return question;
  }
  analysis::Metric metric() { return question().metrics.at(0); }

  canary::Canary canary;
  kube::Store templates;
};

// Edited in mid-release: neither its query nor its Secret is used.
TEST_F(MetricsRequestTest, asks_nothing_of_a_template_that_may_not_be_named) {
  canary.metrics.front().template_namespace = "other";
  (void)templates.put(template_with("other", {{"type", "prometheus"}, {"secretRef", {{"name", "login"}}}}),
                      {});
  const auto asked = question(/*cross_namespace=*/false);
  EXPECT_EQ(asked.metrics.at(0).query, "");
  EXPECT_THAT(asked.metrics.at(0).problem, testing::HasSubstr("of namespace other"));
  EXPECT_THAT(asked.credentials, testing::IsEmpty());
}

TEST_F(MetricsRequestTest, of_a_template_that_is_gone_says_so_and_is_not_taken_for_a_built_in_one) {
  EXPECT_THAT(metric().problem, testing::HasSubstr("does not exist"));
}

TEST_F(MetricsRequestTest, takes_query_and_provider_from_the_template) {
  templates.put(template_with("shop", {{"address", "http://p:9090"},
                                       {"insecureSkipVerify", true},
                                       {"headers", {{"X-Scope-OrgID", {"a"}}}}}),
                {});
  const auto found = metric();
  EXPECT_EQ(found.provider, "prometheus");
  EXPECT_EQ(found.query, "sum(errors)");
  EXPECT_EQ(found.address, "http://p:9090");
  EXPECT_TRUE(found.tls.insecure_skip_verify);
  EXPECT_EQ(found.headers.at("X-Scope-OrgID"), "a");
  EXPECT_EQ(found.range.max, 1);
  EXPECT_THAT(question().credentials, testing::IsEmpty());
}

TEST_F(MetricsRequestTest, names_the_secret_where_the_template_is) {
  canary.metrics[0].template_namespace = "monitoring";
  templates.put(template_with("monitoring", {{"secretRef", {{"name", "login"}}}}), {});
  EXPECT_THAT(question().credentials,
              testing::ElementsAre(
                  CredentialsRef{.metric = 0, .secret = {"monitoring", "login"}, .template_name = "errors"}));
  EXPECT_EQ(metric().problem, "");
}

TEST_F(MetricsRequestTest, says_what_keeps_a_metric_from_being_asked) {
  const auto says = [&](const canary::MetricSpec& spec) {
    const auto obstacle = obstacle_to(spec, "shop", templates, /*cross_namespace=*/false);
    return obstacle ? obstacle->reason + ": " + obstacle->message : "nothing";
  };
  auto spec = canary.metrics[0];
  EXPECT_EQ(
      says(spec),
      "MetricTemplateNotFound: MetricTemplate errors of metric errors does not exist in namespace shop");
  auto object = template_with("shop", Json::object());
  templates.put(object, {});
  EXPECT_EQ(says(spec), "nothing");
  object["spec"]["query"] = "sum({{ nope }})";
  object["metadata"]["resourceVersion"] = "2";
  templates.put(object, {});
  EXPECT_THAT(says(spec),
              testing::StartsWith("MetricTemplateNotUsable: MetricTemplate errors of metric errors: "
                                  "unknown variable {{ nope }} in the query; known are interval"));
  spec.metric.template_variables = {{"nope", "1"}};
  EXPECT_EQ(says(spec), "nothing");
  spec.template_namespace = "monitoring";
  EXPECT_THAT(says(spec), testing::StartsWith("CrossNamespaceReference: "));
  EXPECT_THAT(says({.metric = {.name = "own", .query = "sum({{ nope"}}),
              testing::StartsWith("QueryNotUsable: metric own: the query has a {{ without its }}"));
}

TEST_F(MetricsRequestTest, leaves_a_metric_as_it_is_whose_template_is_not_there) {
  EXPECT_EQ(metric().query, "");
}

TEST_F(MetricsRequestTest, counts_requests_where_a_metric_does_and_the_router_divides_them) {
  canary.metrics = {{.metric = {.name = "request-duration"}}};
  EXPECT_EQ(why_uncountable(canary, {.divides = true}), "");
  EXPECT_EQ(why_uncountable(canary, {.divides = false}), "the router divides no requests");
  canary.metrics = {{.metric = {.name = "errors", .query = "sum(errors)"}},
                    {.metric = {.name = "queue"}, .template_name = "queue"}};
  EXPECT_EQ(why_uncountable(canary, {.divides = true}),
            "no metric of the release counts requests as request-success-rate and request-duration do");
}

TEST_F(MetricsRequestTest, counts_requests_to_the_service_that_divided_routes_name) {
  canary.spec.service = {.name = "checkout", .mode = strategies::ServiceMode::Dedicated};
  canary.status.stable.version = "v1";
  canary.status.candidate.version = "v2";
  EXPECT_EQ(question_of(canary, {}, {}).subject.traffic_service, "checkout-weir");
  canary.spec.service.mode = strategies::ServiceMode::Placeholder;
  EXPECT_EQ(question_of(canary, {}, {}).subject.traffic_service, "checkout");
}

TEST_F(MetricsRequestTest, says_whose_proxies_are_trusted) {
  EXPECT_THAT(question_of(canary, {}, {"istio-system"}).subject.trusted,
              ::testing::ElementsAre("istio-system"));
}

TEST_F(MetricsRequestTest, says_since_when_the_release_runs_and_whether_its_requests_are_divided) {
  canary.spec.service = {.name = "checkout"};
  canary.status.stable.version = "v1";
  canary.status.candidate.version = "v2";
  canary.status.started_at = strategies::TimePoint{strategies::Seconds{100}};
  for (const bool counts : {false, true}) {
    const auto subject = question_of(canary, {.counts = counts}, {}).subject;
    EXPECT_EQ(subject.began, canary.status.started_at);
    EXPECT_EQ(subject.divided, counts);
    EXPECT_EQ(question_of(canary, {.counts = counts, .only_trusted = true}, {}).subject.divided, counts);
    EXPECT_EQ(subject.candidate_service, "checkout-v2");
  }
}

}  // namespace
}  // namespace weir::reconcile
