#include "operator/reconcile/admission.h"

#include <gmock/gmock.h>

namespace weir::reconcile {
namespace {

using routing::Router;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json service(const Json& selector, const char* type = "ClusterIP") {
  return {{"metadata", {{"name", "checkout"}, {"namespace", "shop"}}},
          {"spec", {{"type", type}, {"selector", selector}}}};
}
Json deployment(const char* name, const Json& labels) {
  return {{"metadata", {{"name", name}, {"namespace", "shop"}}},
          {"spec", {{"template", {{"metadata", {{"labels", labels}}}}}}}};
}
const Json kV1 = {{"app", "checkout"}, {"version", "v1"}};
const Json kV2 = {{"app", "checkout"}, {"version", "v2"}};

std::string reason(const std::optional<strategies::Obstacle>& obstacle) {
  return obstacle ? obstacle->reason : "";
}

TEST(Admission, refuses_a_service_behind_which_no_selector_tells_versions_apart) {
  EXPECT_EQ(reason(cannot_divide(service(kV1), "version", true)), "");
  EXPECT_EQ(reason(cannot_divide(service(kV1, "ExternalName"), "version", true)), "ExternalNameService");
  EXPECT_EQ(reason(cannot_divide(service(nullptr), "version", true)), "ServiceWithoutSelector");
  EXPECT_EQ(reason(cannot_divide(service(Json::object()), "version", true)), "ServiceWithoutSelector");
}

TEST(Admission, refuses_a_selector_of_the_version_alone_only_where_it_would_be_widened) {
  const auto alone = service({{"version", "v1"}});
  EXPECT_EQ(reason(cannot_divide(alone, "version", true)), "SelectorOfVersionAlone");
  EXPECT_EQ(reason(cannot_divide(alone, "version", false)), "");
  EXPECT_EQ(reason(cannot_divide(alone, "release", true)), "");
}

TEST(Admission, refuses_a_stable_that_the_service_does_not_select) {
  EXPECT_EQ(reason(not_selected(service(kV1), deployment("checkout-v1", kV1))), "");
  const auto refused = not_selected(service(kV1), deployment("checkout-v0", kV2));
  EXPECT_EQ(reason(refused), "StableNotSelected");
  EXPECT_THAT(refused->message, HasSubstr("spec.stableRef.name is checkout-v0"));
}

TEST(Admission, knows_services_that_lead_to_stable_alone) {
  const auto stable = deployment("checkout-v1", kV1);
  const auto candidate = deployment("checkout-v2", kV2);
  EXPECT_TRUE(selects_only(service(kV1), stable, candidate));
  EXPECT_FALSE(selects_only(service(kV2), stable, candidate));
  EXPECT_FALSE(selects_only(service({{"app", "checkout"}}), stable, candidate)) << "it selects both";
  EXPECT_FALSE(selects_only(service(Json::object()), stable, candidate)) << "it selects nothing";
  auto made = service(kV1);
  made["metadata"]["name"] = "checkout-v1";
  routing::sign(made, {.canary = "checkout-v2", .uid = "1", .service = "checkout"});
  EXPECT_FALSE(selects_only(made, stable, candidate)) << "it goes with its release";
}

TEST(Admission, tells_what_routes_to_stable_alone_do_to_the_release_by_their_effect) {
  const auto fixed = [](Router::Fixed::Effect effect) {
    return std::vector<Router::Fixed>{{.reason = "Pinned",
                                       .message = "route a leads to v1",
                                       .remedy = "name the Service",
                                       .effect = effect}};
  };
  const auto holds = effects_of(fixed(Router::Fixed::Effect::HoldsRelease), false);
  ASSERT_EQ(holds.obstacles.size(), 1U);
  EXPECT_EQ(holds.obstacles[0].reason, "Pinned");
  EXPECT_THAT(holds.obstacles[0].message, HasSubstr("name the Service"));
  EXPECT_THAT(holds.keep_stable, ElementsAre("route a leads to v1"));

  const auto keeps = effects_of(fixed(Router::Fixed::Effect::KeepsPods), false);
  EXPECT_THAT(keeps.obstacles, IsEmpty());
  EXPECT_THAT(keeps.not_isolated, ElementsAre("route a leads to v1: these pods stay; name the Service"));
  EXPECT_THAT(keeps.keep_stable, ElementsAre("route a leads to v1"));

  const auto warns = effects_of(fixed(Router::Fixed::Effect::Warns), false);
  EXPECT_THAT(warns.obstacles, IsEmpty());
  EXPECT_EQ(warns.not_isolated_untrusted.size(), 1U);
  EXPECT_THAT(warns.keep_stable, IsEmpty()) << "whoever isn't trusted keeps no pods";
}

TEST(Admission, only_warns_of_routes_to_stable_where_its_pods_stay_anyway) {
  const auto found = effects_of(
      {{.reason = "Pinned", .message = "route a leads to v1", .remedy = "name the Service"}}, true);
  EXPECT_THAT(found.obstacles, IsEmpty());
  ASSERT_EQ(found.warnings.size(), 1U);
  EXPECT_EQ(found.warnings[0].message, "route a leads to v1");
}

TEST(Admission, warns_of_metrics_that_count_requests_where_nothing_is_divided) {
  canary::Canary canary;
  canary.spec.routing.provider = "noop";
  canary.metrics = {{.metric = {.name = "errors", .query = "sum(errors)"}, .template_name = "errors"}};
  EXPECT_FALSE(nothing_to_judge(canary));
  canary.metrics.push_back({.metric = {.name = "request-success-rate"}});
  const auto warning = nothing_to_judge(canary);
  ASSERT_TRUE(warning);
  EXPECT_THAT(warning->message, HasSubstr("metric request-success-rate counts users' requests"));
  canary.spec.skip_analysis = true;
  EXPECT_FALSE(nothing_to_judge(canary)) << "nothing is judged";
}

}  // namespace
}  // namespace weir::reconcile
