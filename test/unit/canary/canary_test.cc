#include "operator/canary/canary.h"

#include <gmock/gmock.h>

#include "operator/base/time.h"
#include "operator/canary/strategy.h"
#include "support.h"

namespace weir::canary {
namespace {

using std::chrono::seconds;

Canary parsed(const Json& object) {
  auto canary = parse(object);
  EXPECT_TRUE(canary) << canary.error().message;
  return canary.value_or(Canary{});
}

std::string ladder_of(const Json& analysis) {
  return describe(parsed(canary_with({{"analysis", analysis}})).spec.program);
}

TEST(Canary, takes_defaults_for_all_that_it_does_not_say) {
  const auto canary = parsed(canary_with());
  EXPECT_EQ(canary.spec.target, (strategies::WorkloadRef{"apps/v1", "Deployment", "checkout-v2"}));
  EXPECT_FALSE(canary.spec.stable_ref);
  EXPECT_EQ(canary.spec.service.version_label, "version");
  EXPECT_EQ(canary.spec.service.mode, strategies::ServiceMode::Placeholder);
  EXPECT_EQ(canary.spec.routing.propagation_delay, seconds{5});
  EXPECT_EQ(canary.spec.interval, seconds{60});
  EXPECT_EQ(canary.spec.threshold, 5);
  EXPECT_EQ(canary.spec.breaker, seconds{30});
  EXPECT_EQ(canary.spec.progress_deadline, seconds{600});
  EXPECT_EQ(canary.spec.stable.after_promotion, strategies::AfterPromotion::Scale);
  EXPECT_EQ(canary.spec.stable.scale_down_delay, seconds{30});
  EXPECT_TRUE(canary.spec.revert_on_deletion);
  EXPECT_FALSE(canary.spec.suspend || canary.spec.supersede || canary.spec.skip_analysis ||
               canary.spec.guard_after_promotion || canary.spec.ttl_after_finished);
}

TEST(Canary, reads_every_field) {
  const auto canary = parsed(canary_with(Json::parse(R"({
    "stableRef": {"name": "checkout-v1"},
    "service": {"versionLabel": "app.kubernetes.io/version", "mode": "Dedicated"},
    "routing": {"provider": "istio", "propagationDelay": "250ms", "istio": {
      "virtualServices": [{"name": "web", "routes": ["main"]}, {"name": "inner"}],
      "destinationRule": "checkout", "subsets": {"stable": "blue", "candidate": "green"}}},
    "analysis": {"interval": "1m30s", "threshold": 2, "breakerSeconds": 7, "stepWeight": 25, "maxWeight": 75},
    "stable": {"afterPromotion": "Keep", "scaleDownDelay": "2m"},
    "progressDeadlineSeconds": 900, "skipAnalysis": true, "suspend": true, "supersede": true, "revertOnDeletion": false,
    "guardAfterPromotion": true, "ttlSecondsAfterFinished": 60})")));
  const auto& spec = canary.spec;
  ASSERT_TRUE(spec.stable_ref);
  EXPECT_EQ(spec.stable_ref->name, "checkout-v1");
  EXPECT_EQ(spec.service.version_label, "app.kubernetes.io/version");
  EXPECT_EQ(spec.service.mode, strategies::ServiceMode::Dedicated);
  EXPECT_EQ(spec.routing.provider, "istio");
  EXPECT_EQ(Json::parse(spec.routing.settings),
            Json::parse(
                R"({"virtualServices": [{"name": "web", "routes": ["main"]}, {"name": "inner", "routes": []}],
                            "destinationRule": "checkout",
                            "subsets": {"stable": "blue", "candidate": "green"}})"));
  EXPECT_EQ(spec.routing.propagation_delay, std::chrono::milliseconds{250});
  EXPECT_EQ(spec.interval, seconds{90});
  EXPECT_EQ(spec.threshold, 2);
  EXPECT_EQ(spec.breaker, seconds{7});
  EXPECT_EQ(describe(spec.program), "25,50,75 %");
  EXPECT_EQ(spec.stable.after_promotion, strategies::AfterPromotion::Keep);
  EXPECT_EQ(spec.stable.scale_down_delay, seconds{120});
  EXPECT_EQ(spec.progress_deadline, seconds{900});
  EXPECT_TRUE(spec.skip_analysis && spec.suspend && spec.supersede);
  EXPECT_FALSE(spec.revert_on_deletion);
  EXPECT_TRUE(spec.guard_after_promotion);
  EXPECT_EQ(spec.ttl_after_finished, seconds{60});
}

TEST(Canary, knows_what_the_api_server_says_of_it) {
  auto object = canary_with();
  object["metadata"].update(Json::parse(R"({"namespace": "shop", "uid": "u-1", "generation": 3,
    "creationTimestamp": "2026-11-24T11:58:23Z", "deletionTimestamp": "2026-11-24T12:00:00Z",
    "finalizers": ["other/one", "weir.dev/traffic"], "annotations": {"weir.dev/rollback": "too slow"}})"));
  object["status"] = {{"phase", "Progressing"}, {"canaryWeight", 20}};
  const auto canary = parsed(object);
  EXPECT_EQ(canary.name_space, "shop");
  EXPECT_EQ(canary.uid, "u-1");
  EXPECT_EQ(canary.generation, 3);
  EXPECT_EQ(base::format_time(canary.created), "2026-11-24T11:58:23.000Z");
  EXPECT_TRUE(canary.deleting);
  EXPECT_TRUE(canary.has_finalizer);
  EXPECT_EQ(canary.rollback_requested, "too slow");
  EXPECT_EQ(canary.status.phase, strategies::Phase::Progressing);
  EXPECT_EQ(canary.status.canary_weight.percent(), 20);
}

TEST(Canary, of_a_release_that_has_begun_is_what_its_record_says) {
  auto object = canary_with();
  object["spec"]["service"]["versionLabel"] = "release";
  object["status"] = {{"phase", "Progressing"},
                      {"identity",
                       {{"service", "checkout"},
                        {"provider", "istio"},
                        {"versionLabel", "version"},
                        {"mode", "Dedicated"},
                        {"routing", R"({"destinationRule":"another"})"},
                        {"stableVersion", "v1"},
                        {"candidateVersion", "v2"}}}};
  const auto canary = parsed(object);
  EXPECT_EQ(canary.spec.service.version_label, "version");
  EXPECT_EQ(canary.spec.service.mode, strategies::ServiceMode::Dedicated);
  EXPECT_THAT(canary.spec.routing.settings, testing::HasSubstr(R"("destinationRule":"another")"));
  EXPECT_THAT(canary.departures,
              testing::ElementsAre(
                  "spec.service.versionLabel is \"release\" now, and this release began with \"version\"",
                  "spec.service.mode is \"Placeholder\" now, and this release began with \"Dedicated\"",
                  "spec.routing.istio is another one than this release began with"));
  object["status"]["phase"] = "Succeeded";
  EXPECT_EQ(parsed(object).spec.service.version_label, "release");
  EXPECT_TRUE(parsed(object).departures.empty());
}

// An operator that recorded none began it.
TEST(Canary, of_a_release_without_a_record_is_what_its_status_knows) {
  auto object = canary_with();
  object["status"] = {{"phase", "Progressing"},
                      {"stable", {{"name", "checkout-v1"}, {"version", "v1"}}},
                      {"candidate", {{"name", "checkout-v2"}, {"version", "v2"}, {"templateHash", "h"}}}};
  const auto identity = parsed(object).status.identity;
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->service, "checkout");
  EXPECT_EQ(identity->candidate_version, "v2");
  object["status"]["candidate"].erase("version");
  EXPECT_FALSE(parsed(object).status.identity);
  object["status"]["phase"] = "Pending";
  object["status"].erase("candidate");
  EXPECT_FALSE(parsed(object).status.identity);
}

TEST(Canary, that_cannot_be_read_is_its_record_and_the_rest_of_its_spec) {
  auto object = canary_with();
  object["spec"]["analysis"]["stepWeights"] = "steep";
  object["spec"]["revertOnDeletion"] = false;
  object["spec"]["routing"]["propagationDelay"] = "60s";
  const auto error = parse(object).error();
  EXPECT_FALSE(from_record(object, error));
  object["status"] = {{"phase", "Progressing"},
                      {"target", "checkout-v2"},
                      {"stable", {{"name", "checkout-v1"}, {"version", "v1"}}},
                      {"candidate", {{"name", "checkout-v2"}, {"version", "v2"}, {"templateHash", "h"}}}};
  const auto recorded = from_record(object, error);
  ASSERT_TRUE(recorded);
  EXPECT_THAT(recorded->departures, testing::ElementsAre(error.message));
  EXPECT_FALSE(recorded->spec.revert_on_deletion);
  EXPECT_EQ(recorded->spec.routing.propagation_delay, std::chrono::seconds{60});
  EXPECT_EQ(recorded->spec.service.name, "checkout");
  object["spec"]["service"] = "checkout";
  EXPECT_FALSE(from_record(object, error));
}

// An operator of another version recorded it, which read less of the spec.
TEST(Canary, does_not_depart_from_a_record_that_says_less) {
  auto object = canary_with();
  object["status"] = {{"phase", "Progressing"},
                      {"identity",
                       {{"service", "checkout"},
                        {"provider", "istio"},
                        {"versionLabel", "version"},
                        {"mode", "Placeholder"},
                        {"routing", R"({"destinationRule":""})"},
                        {"stableVersion", "v1"},
                        {"candidateVersion", "v2"}}}};
  EXPECT_TRUE(parsed(object).departures.empty());
  EXPECT_THAT(parsed(object).spec.routing.settings, testing::HasSubstr("virtualServices"));
}

TEST(Canary, as_a_user_wrote_it_is_in_namespace_default_and_at_its_beginning) {
  auto object = canary_with();
  object["metadata"].erase("namespace");
  const auto canary = parsed(object);
  EXPECT_EQ(canary.name_space, "default");
  EXPECT_FALSE(canary.deleting || canary.has_finalizer);
  EXPECT_EQ(canary.rollback_requested, "");
  EXPECT_EQ(canary.status, strategies::Status{});
}

TEST(Canary, is_wanted_back_even_if_the_annotation_gives_no_reason) {
  auto object = canary_with();
  object["metadata"]["annotations"] = {{"weir.dev/rollback", ""}};
  EXPECT_EQ(parsed(object).rollback_requested, "no reason given");
}

TEST(Canary, needs_no_metric_if_it_skips_the_analysis) {
  const auto canary = parsed(canary_with({{"skipAnalysis", true}, {"analysis", nullptr}}));
  EXPECT_TRUE(canary.metrics.empty());
}

TEST(Canary, takes_whole_numbers_whatever_way_they_are_written) {
  EXPECT_EQ(parsed(canary_with({{"analysis", {{"threshold", 3.0}}}})).spec.threshold, 3);
}

TEST(Ladder, rises_evenly_and_ends_at_the_maximum) {
  EXPECT_EQ(ladder_of({{"stepWeight", 20}}), "20,40,50 %");
  EXPECT_EQ(ladder_of({{"maxWeight", 5}}), "5 %");
  EXPECT_EQ(ladder_of({{"stepWeight", 50}, {"maxWeight", 100}}), "50,100 %");
  EXPECT_EQ(ladder_of({{"stepWeight", 100}, {"maxWeight", 100}}), "100 %");
}

TEST(Ladder, is_as_given) {
  EXPECT_EQ(ladder_of({{"stepWeights", {1, 5, 80}}}), "1,5,80 %");
  EXPECT_EQ(ladder_of({{"stepWeights", {1, 5, 80}}, {"maxWeight", 80}}), "1,5,80 %");
}

TEST(Ladder, is_promoted_in_steps_where_asked) {
  EXPECT_EQ(ladder_of({{"stepWeightPromotion", 20}}), "10,20,30,40,50 %, then 70,90,100 %");
  EXPECT_EQ(ladder_of({{"stepWeightPromotion", 100}}), "10,20,30,40,50 %");
  EXPECT_EQ(ladder_of({{"stepWeights", {50, 100}}, {"stepWeightPromotion", 10}}), "50,100 %");
  EXPECT_EQ(parsed(canary_with()).spec.program.promotion.back().candidate, strategies::Weight::all());
}

TEST(Metric, takes_its_policies_from_the_analysis_unless_it_has_its_own) {
  const auto canary =
      parsed(canary_with(Json::parse(R"({"analysis": {"onNoData": "Fail", "onProviderError": "Pass",
    "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}},
                {"name": "404s of guests", "query": "up", "thresholdRange": {"max": 1}, "interval": "5m",
                 "onNoData": "Pass", "onProviderError": "Hold", "templateVariables": {"a": "b"}}]}})")));
  ASSERT_EQ(canary.metrics.size(), 2U);
  EXPECT_EQ(canary.metrics[0].metric.on_no_data, analysis::Policy::Fail);
  EXPECT_EQ(canary.metrics[0].metric.on_provider_error, analysis::Policy::Pass);
  const auto& own = canary.metrics[1].metric;
  EXPECT_EQ(own.name, "404s of guests");
  EXPECT_EQ(own.query, "up");
  EXPECT_EQ(own.range.max, 1);
  EXPECT_FALSE(own.range.min);
  EXPECT_EQ(own.interval, seconds{300});
  EXPECT_EQ(own.on_no_data, analysis::Policy::Pass);
  EXPECT_EQ(own.on_provider_error, analysis::Policy::Hold);
  EXPECT_EQ(own.template_variables.at("a"), "b");
}

TEST(Metric, names_its_template) {
  const auto canary = parsed(canary_with(Json::parse(R"({"analysis": {"metrics": [
    {"name": "a", "templateRef": {"name": "p99"}, "thresholdRange": {"max": 1}},
    {"name": "b", "templateRef": {"name": "p99", "namespace": "monitoring"}, "thresholdRange": {"max": 1}}]}})")));
  ASSERT_EQ(canary.metrics.size(), 2U);
  EXPECT_EQ(canary.metrics[0].template_name, "p99");
  EXPECT_EQ(canary.metrics[0].template_namespace, "");
  EXPECT_EQ(canary.metrics[1].template_namespace, "monitoring");
}

Json template_with(const Json& provider) {
  return {{"apiVersion", "weir.dev/v1alpha1"},
          {"kind", "MetricTemplate"},
          {"metadata", {{"name", "p99"}}},
          {"spec", {{"provider", provider}, {"query", "up"}}}};
}

std::string template_refusal(const Json& provider) {
  const auto parsed_template = parse_template(template_with(provider), UnknownFields::Refuse);
  return parsed_template ? "" : parsed_template.error().message;
}

TEST(MetricTemplate, reads_every_field) {
  const auto read =
      parse_template(template_with(Json::parse(R"({"type": "prometheus", "address": "https://p:9090",
    "secretRef": {"name": "login"}, "insecureSkipVerify": true, "headers": {"X-Scope-OrgID": ["a", "b"]}})")));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->provider, "prometheus");
  EXPECT_EQ(read->address, "https://p:9090");
  EXPECT_EQ(read->query, "up");
  EXPECT_EQ(read->secret, "login");
  EXPECT_TRUE(read->insecure_skip_verify);
  EXPECT_EQ(read->headers.at("X-Scope-OrgID"), "a, b");
}

TEST(MetricTemplate, needs_only_a_query_and_a_provider) {
  const auto read = parse_template(template_with(Json::object()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->provider, "prometheus");
  EXPECT_EQ(read->address, "");
  EXPECT_FALSE(read->insecure_skip_verify);
}

TEST(MetricTemplate, refuses_what_cannot_work) {
  EXPECT_EQ(template_refusal({{"type", "datadog"}}),
            "spec.provider.type is \"datadog\"; supported values: \"prometheus\"");
  EXPECT_EQ(template_refusal({{"address", "prometheus:9090"}}),
            "spec.provider.address is \"prometheus:9090\"; it must begin with http:// or https://");
  EXPECT_EQ(template_refusal({{"address", "http://user:s3cret@prometheus"}}),
            "spec.provider.address must hold no user and no password: they belong in a Secret that a "
            "MetricTemplate names");
  EXPECT_EQ(template_refusal({{"address", "http://prometheus?a=b"}}),
            "spec.provider.address is \"http://prometheus?a=b\"; it must hold no query and no fragment");
  EXPECT_EQ(template_refusal({{"headers", {{"Evil:", {"x"}}}}}),
            "spec.provider.headers has a name with other characters than letters, digits, -, _ and .");
  EXPECT_EQ(template_refusal({{"headers", {{"Good", {"a\r\nEvil: b"}}}}}),
            "spec.provider.headers has a value with control characters");
  EXPECT_EQ(template_refusal({{"secretRef", Json::object()}}), "spec.provider.secretRef.name is required");
  EXPECT_EQ(template_refusal({{"region", "eu"}}), "spec.provider.region is not a field of this version");
  EXPECT_EQ(parse_template(Json::object()).error().message, "spec is required");
}

// As the definition has it, for `kubectl weir plan` as well.
TEST(MetricTemplate, has_texts_of_the_lengths_that_the_definition_gives) {
  EXPECT_EQ(template_refusal({{"address", "http://" + std::string(2042, 'a')}}),
            "spec.provider.address has 2049 characters; it must have 0 to 2048");
  EXPECT_EQ(template_refusal({{"headers", {{"A", {std::string(1025, 'a')}}}}}),
            "spec.provider.headers.A[0] has 1025 characters; it must have at most 1024");
  Json headers = Json::object();
  for (int i = 0; i < 17; ++i) headers["H" + std::to_string(i)] = Json::array({"a"});
  EXPECT_EQ(template_refusal({{"headers", headers}}),
            "spec.provider.headers has 17 entries; it must have at most 16");
}

TEST(CanaryParse, refuses_texts_that_are_longer_than_the_definition_has_them) {
  const auto with_variables = [](Json variables) {
    return canary_with({{"analysis",
                         {{"metrics",
                           {{{"name", "m"},
                             {"query", "up"},
                             {"thresholdRange", {{"min", 1}}},
                             {"templateVariables", std::move(variables)}}}}}}});
  };
  EXPECT_EQ(refusal_of(with_variables({{"a", std::string(1024, 'a')}})), "");
  EXPECT_EQ(refusal_of(with_variables({{"a", std::string(1025, 'a')}})),
            "spec.analysis.metrics[0].templateVariables.a has 1025 characters; it must have at most 1024");
  Json many = Json::object();
  for (int i = 0; i < 33; ++i) many["v" + std::to_string(i)] = "x";
  EXPECT_EQ(refusal_of(with_variables(many)),
            "spec.analysis.metrics[0].templateVariables has 33 entries; it must have at most 32");
}

TEST(CanaryParse, goes_on_past_a_field_of_a_newer_definition) {
  const auto object = canary_with({{"fromTheFuture", true}});
  EXPECT_TRUE(parse(object));
  EXPECT_THAT(refusal_of(object), ::testing::HasSubstr("fromTheFuture is not a field of this version"));
}

}  // namespace
}  // namespace weir::canary
