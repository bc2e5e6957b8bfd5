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
  const std::string none = std::string(kCanary) + deployment("checkout-v1", "v1", 1) +
                           deployment("checkout-v2", "v2", 0) + kService + kRoute;
  EXPECT_THAT(refusal_of(none),
              StartsWith("waiting for checkout-v2: 0 of 0 pods ready, since spec.replicas is 0: "
                         "scale it up; seen in"));
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

TEST(PlanRefusals, refuses_routes_that_the_api_server_would_not_take) {
  const auto refused = [](const std::string& what, const std::string& by) {
    return refusal_of(replaced(good(), what, by));
  };
  EXPECT_THAT(refused("hosts: [checkout]", "hosts: checkout"),
              testing::AllOf(
                  StartsWith("stdin:"),
                  HasSubstr(": spec.hosts of VirtualService checkout is \"checkout\"; accepted is a list")));
  EXPECT_THAT(refused("hosts: [checkout]", "hosts: [7]"),
              HasSubstr(": spec.hosts[0] of VirtualService checkout is 7; accepted is a string"));
  EXPECT_THAT(refused("hosts: [checkout]", "hosts: [checkout]\n  gateways: gw"),
              HasSubstr(": spec.gateways of VirtualService checkout is \"gw\"; accepted is a list"));
  EXPECT_THAT(refused("hosts: [checkout]", "hosts: [checkout]\n  exportTo: '.'"),
              HasSubstr(": spec.exportTo of VirtualService checkout is \".\"; accepted is a list"));
  EXPECT_THAT(refused("match: [{uri: {prefix: /images}}]", "match: x"),
              HasSubstr(": spec.http[0].match of VirtualService checkout is \"x\"; accepted is a list"));
  EXPECT_THAT(refused("destination: {host: images}", "destination: images"),
              HasSubstr(": spec.http[0].route[0].destination of VirtualService checkout is \"images\"; "
                        "accepted is an object"));
  const std::string rule =
      "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: checkout, "
      "namespace: shop}\nspec: {host: checkout, ";
  EXPECT_THAT(refusal_of(good() + rule + "exportTo: '.'}\n"),
              HasSubstr(": spec.exportTo of DestinationRule checkout is \".\"; accepted is a list"));
  EXPECT_THAT(refusal_of(good() + rule + "subsets: [{name: v1, labels: [version]}]}\n"),
              HasSubstr(": spec.subsets[0].labels of DestinationRule checkout is [\"version\"]; accepted is "
                        "an object"));
}

TEST(PlanRefusals, refuses_a_deployment_without_a_selector) {
  const auto selector = "  selector: {matchLabels: {app: checkout, version: v1}}\n";
  EXPECT_THAT(refusal_of(replaced(good(), selector, "")),
              HasSubstr(": spec.selector of Deployment checkout-v1 is not there; accepted is an object with "
                        "matchLabels or matchExpressions"));
  EXPECT_THAT(refusal_of(replaced(good(), selector, "  selector: {}\n")),
              HasSubstr(": spec.selector of Deployment checkout-v1 is {}; accepted is"));
}

TEST(PlanRefusals, names_the_annotation_that_takes_the_release_back) {
  EXPECT_THAT(
      refusal_of(replaced(good(), "metadata: {name: checkout-v2, namespace: shop}\nspec:\n  targetRef",
                          "metadata: {name: checkout-v2, namespace: shop, annotations: "
                          "{weir.dev/rollback: too slow}}\nspec:\n  targetRef")),
      StartsWith("stdin:3: metadata.annotations[\"weir.dev/rollback\"] of Canary checkout-v2 is \"too "
                 "slow\": the operator takes a release back whose Canary has this annotation; accepted "
                 "is a Canary without it"));
}

TEST(PlanRefusals, refuses_names_that_the_api_server_would_not_take) {
  const auto refused = [](const std::string& what, const std::string& by) {
    return refusal_of(replaced(good(), what, by));
  };
  EXPECT_THAT(
      refused("metadata: {name: checkout, namespace: shop, labels", "metadata: {name: Über vs, labels"),
      HasSubstr(": metadata.name of VirtualService Über vs is \"Über vs\"; accepted is lower-case"));
  EXPECT_THAT(refused("{name: checkout-v1, namespace: shop}", "{name: checkout-v1, namespace: a/b}"),
              HasSubstr("metadata.namespace of Deployment checkout-v1 is \"a/b\"; accepted is lower-case"));
  EXPECT_THAT(
      refused("metadata: {name: checkout, namespace: shop}\nspec:\n  selector",
              "metadata: {name: 2.checkout, namespace: shop}\nspec:\n  selector"),
      StartsWith("stdin:37: metadata.name of Service 2.checkout is \"2.checkout\"; accepted is "
                 "lower-case letters, digits and -, 1 to 63 of them, with a letter at the beginning"));
  EXPECT_THAT(refused("{name: checkout-v2, namespace: shop}\nspec:\n  targetRef",
                      "{name: checkout-v2, namespace: Shop}\nspec:\n  targetRef"),
              StartsWith("stdin:3: metadata.namespace of Canary checkout-v2 is \"Shop\"; accepted is"));
}

TEST(PlanRefusals, refuses_labels_that_the_api_server_would_not_take) {
  for (const auto& version : {std::string("v 2"), std::string("é2"), std::string("-"), std::string("a/b"),
                              std::string("v1."), std::string(64, 'v')}) {
    const auto quoted = "\"" + version + "\"";
    EXPECT_THAT(refusal_of(replaced(good(), "labels: {app: checkout, version: v2}",
                                    "labels: {app: checkout, version: " + quoted + "}")),
                HasSubstr(": spec.template.metadata.labels.version of Deployment checkout-v2 is " + quoted +
                          "; accepted is nothing, or letters, digits, -, _ and ., at most 63 of them"));
    EXPECT_THAT(refusal_of(replaced(good(), "  selector: {app: checkout, version: v1}",
                                    "  selector: {app: checkout, version: " + quoted + "}")),
                HasSubstr(": spec.selector.version of Service checkout is " + quoted));
    EXPECT_THAT(refusal_of(replaced(good(), "labels: {team: shop}", "labels: {team: " + quoted + "}")),
                HasSubstr(": metadata.labels.team of VirtualService checkout is " + quoted));
  }
  EXPECT_THAT(refusal_of(replaced(good(), "labels: {team: shop}", "labels: {a b: shop}")),
              HasSubstr(": a key of metadata.labels of VirtualService checkout is \"a b\"; accepted is"));
  EXPECT_THAT(refusal_of(replaced(good(), "labels: {team: shop}", "annotations: {a/b/c: shop}")),
              HasSubstr(": a key of metadata.annotations of VirtualService checkout is \"a/b/c\""));
}

TEST(PlanRefusals, takes_whole_numbers_however_they_are_written) {
  const auto plain = plan_of(replaced(good(), "replicas: ", "replicas: 3 # "));
  const auto decimal = plan_of(replaced(replaced(good(), "replicas: ", "replicas: 3.0 # "),
                                        "port: 80, targetPort: 8080", "port: 80.0, targetPort: 8080.0"));
  EXPECT_EQ(decimal.err, plain.err);
  EXPECT_EQ(decimal.out, plain.out);
  EXPECT_THAT(refusal_of(replaced(good(), "replicas: ", "replicas: 2.5 # ")),
              HasSubstr("spec.replicas of Deployment checkout-v1 is 2.5; accepted is a whole number"));
  EXPECT_THAT(refusal_of(replaced(good(), "labels: {team: shop}", "labels: {team: 2.0}")),
              HasSubstr("metadata.labels.team of VirtualService checkout is 2.0; accepted is a string"));
}

TEST(PlanRefusals, refuses_ports_that_the_api_server_would_not_take) {
  const auto with = [](const std::string& ports) {
    return replaced(good(), "  ports: [{name: http, port: 80, targetPort: 8080}]\n", ports);
  };
  for (const auto& [ports, says] : std::vector<std::pair<std::string, std::string>>{
           {"", "spec.ports of Service checkout is not there; accepted is a list of one port or more"},
           {"[]", "spec.ports of Service checkout is []; accepted is a list of one port or more"},
           {"[{name: http}]", "spec.ports[0].port of Service checkout is not there; accepted is a whole"},
           {"[{port: x}]", "spec.ports[0].port of Service checkout is \"x\"; accepted is a whole number"},
           {"[{port: 0}]", "spec.ports[0].port of Service checkout is 0; accepted is a whole number from 1"},
           {"[{port: 65536}]", "spec.ports[0].port of Service checkout is 65536"},
           {"[{port: 80, targetPort: \"80\"}]", "spec.ports[0].targetPort of Service checkout is \"80\""},
           {"[{port: 80, targetPort: 65536}]", "spec.ports[0].targetPort of Service checkout is 65536"},
           {"[{port: 80, protocol: tcp}]",
            "spec.ports[0].protocol of Service checkout is \"tcp\"; accepted "
            "is TCP, UDP or SCTP"},
           {"[{port: 80, appProtocol: a b}]", "spec.ports[0].appProtocol of Service checkout is \"a b\""},
           {"[{name: HTTP, port: 80}]", "spec.ports[0].name of Service checkout is \"HTTP\""},
           {"[{name: http, port: 80}, {port: 81}]", "spec.ports[1].name of Service checkout is not there"},
           {"[{name: http, port: 80}, {name: http, port: 81}]",
            "spec.ports[1].name of Service checkout is \"http\"; accepted is a name that no other port has"},
           {"[{name: http, port: 80}, {name: web, port: 80}]",
            "spec.ports[1].port of Service checkout is 80; accepted is a number that no other port of the"}})
    EXPECT_THAT(refusal_of(with(ports.empty() ? "" : "  ports: " + ports + "\n")), HasSubstr(": " + says));
  const auto plain =
      plan_of(with("  ports: [{name: http, port: 80, targetPort: web, protocol: TCP}, "
                   "{name: http-udp, port: 80, protocol: UDP}]\n"));
  EXPECT_THAT(plain.err, testing::Not(HasSubstr("accepted is a number")));
}

TEST(PlanRefusals, checks_the_namespace_that_objects_get_by_the_flag) {
  for (const auto& name : {std::string(), std::string("a/b"), std::string("../x"), std::string("ünï"),
                           std::string("a.b"), std::string(300, 'a')}) {
    const auto answer = run_plan({"-f", "-", "-n", name}, good());
    EXPECT_EQ(answer.code, kRefused) << name;
    EXPECT_THAT(answer.err, StartsWith("--namespace " + (name.empty() ? "\"\"" : name) +
                                       ": it takes lower-case letters, digits and -, 1 to 63 of them"));
  }
  EXPECT_EQ(run_plan({"-f", "-", "-n", "shop"}, good()).code, kFine);
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
  EXPECT_THAT(
      refusal_of("apiVersion: apps/v1\nkind: Deployment\nspec: {selector: {matchLabels: {a: b}}}\n---\n" +
                 good()),
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
