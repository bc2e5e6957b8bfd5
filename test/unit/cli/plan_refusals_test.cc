// What `kubectl weir plan` refuses, and how it says so.
#include <gmock/gmock.h>

#include "test/unit/cli/plan_files.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(PlanRefusals, says_why_a_release_can_not_work) {
  EXPECT_THAT(refusal_of(replaced(good(), "destination: {host: checkout}", "destination: {host: other}")),
              HasSubstr("checkout"));
  const std::string no_target = std::string(kCanary) + deployment("checkout-v1", "v1", 1) + kService + kRoute;
  EXPECT_THAT(
      refusal_of(no_target),
      testing::AllOf(
          HasSubstr("Deployment checkout-v2"),
          HasSubstr("; seen in stdin: Canary shop/checkout-v2, Deployment shop/checkout-v1, Service")));
  const std::string alike = std::string(kCanary) + deployment("checkout-v1", "v1", 1) +
                            deployment("checkout-v2", "v1", 1) + kService + kRoute;
  EXPECT_THAT(refusal_of(alike), HasSubstr("checkout-v1"));
  EXPECT_THAT(refusal_of(replaced(good(), "  analysis:", "  suspend: true\n  analysis:")),
              HasSubstr("suspend"));
}

TEST(PlanRefusals, refuses_what_the_api_server_would_not_take) {
  const auto refused = [](const std::string& what, const std::string& by) {
    return refusal_of(replaced(good(), what, by));
  };
  EXPECT_THAT(refused("  selector: {app: checkout, version: v1}", "  selector: 5"),
              HasSubstr(": spec.selector of Service checkout is 5; accepted is an object"));
  EXPECT_THAT(refused("  ports: [", "  ports: [5, "),
              HasSubstr(": spec.ports[0] of Service checkout is 5; accepted is an object"));
  EXPECT_THAT(refused("  replicas: ", "  replicas: many # "),
              HasSubstr(": spec.replicas of Deployment checkout-v1 is \"many\"; accepted is a whole number"));
  EXPECT_THAT(
      refused("  replicas: ", "  replicas: -3 # "),
      HasSubstr("spec.replicas of Deployment checkout-v1 is -3; accepted is a whole number from 0 to"));
  EXPECT_THAT(refused("metadata: {name: checkout, namespace: shop}\nspec:\n  selector",
                      "metadata: {name: 7, namespace: shop}\nspec:\n  selector"),
              StartsWith("stdin:37: metadata.name of Service is 7; accepted is a string"));
  EXPECT_THAT(refused("{name: checkout-v1, namespace: shop}", "{name: checkout-v1, namespace: 7}"),
              HasSubstr("metadata.namespace of Deployment checkout-v1 is 7; accepted is a string"));
  EXPECT_THAT(
      refused("  template:\n    metadata: {labels: {", "  template:\n    metadata: {labels: {tier: 5, "),
      HasSubstr(": spec.template.metadata.labels.tier of Deployment checkout-v1 is 5; accepted is a string"));
  EXPECT_THAT(refused("metadata: {name: checkout-v2", "metadata: {annotations: [], name: checkout-v2"),
              HasSubstr("metadata.annotations"));
}

TEST(PlanRefusals, takes_a_field_that_is_null_for_one_that_is_not_there) {
  const auto documents =
      replaced(good(), "metadata: {name: checkout,", "metadata: {annotations: , name: checkout,");
  EXPECT_EQ(plan_of(documents).code, 0);
}

TEST(PlanRefusals, names_file_and_line_of_a_field_that_can_not_be_used) {
  EXPECT_THAT(refusal_of(replaced(good(), "stepWeight: 20\n    maxWeight: 40", "stepWeights: [20, 10]")),
              StartsWith("stdin:10: "));
  EXPECT_THAT(refusal_of("apiVersion: v1\nkind: [\n"), StartsWith("stdin:3: not YAML: "));
  EXPECT_THAT(refusal_of(good() + kService), HasSubstr("Service shop/checkout is there twice"));
  EXPECT_THAT(refusal_of("apiVersion: apps/v1\nkind: Deployment\n" + ("---\n" + good())),
              StartsWith("stdin:1: Deployment has no metadata.name"));
}

TEST(PlanRefusals, refuses_a_query_that_nobody_could_be_asked) {
  const std::string metric = "{name: request-success-rate, thresholdRange: {min: 99}}";
  EXPECT_THAT(
      refusal_of(replaced(good(), metric, "{name: own, query: 'up{{ nope }}', thresholdRange: {max: 1}}")),
      StartsWith("stdin:13: metric own: unknown variable {{ nope }} in the query; known are"));
  const auto named =
      replaced(good(), metric, "{name: m, templateRef: {name: t}, thresholdRange: {max: 1}}") +
      "---\napiVersion: weir.dev/v1alpha1\nkind: MetricTemplate\nmetadata: {name: t, namespace: shop}\n"
      "spec:\n  provider: {type: prometheus}\n  query: up{a='{{ variables.nope }}'}\n";
  EXPECT_THAT(refusal_of(named),
              HasSubstr(": MetricTemplate t of metric m: unknown variable {{ variables.nope }}"));
  EXPECT_EQ(plan_of(replaced(named, "templateRef", "templateVariables: {nope: x}, templateRef")).code, kFine);
}

TEST(PlanRefusals, names_the_canary_of_flagger_as_such_with_the_way_over) {
  EXPECT_THAT(
      refusal_of("apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: podinfo}\n"),
      StartsWith("stdin:1: apiVersion of Canary podinfo is \"flagger.app/v1beta1\", Flagger's; accepted is "
                 "\"weir.dev/v1alpha1\": write one for each release"));
}

}  // namespace
}  // namespace weir::cli
