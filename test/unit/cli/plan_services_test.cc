// Services that no release can divide, and who else has to do with their pods, as `kubectl weir plan` says
// it.
#include <gmock/gmock.h>

#include "test/unit/cli/plan_files.h"

namespace weir::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSelector = "  selector: {app: checkout, version: v1}\n  ports";

std::string with_service(const std::string& fields) {
  return replaced(good(), kSelector, fields + "\n  ports");
}

std::string with_port(const std::string& port) {
  return replaced(good(), "ports: [{name: http, port: 80, targetPort: 8080}]", "ports: [" + port + "]");
}

std::string another_service(const std::string& name, const std::string& selector) {
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name +
         ", namespace: shop}\nspec: {selector: " + selector + ", ports: [{name: grpc, port: 90}]}\n";
}

TEST(PlanServices, refuses_an_alias) {
  EXPECT_THAT(refusal_of(with_service("  type: ExternalName\n  externalName: example.org")),
              HasSubstr("Service checkout has spec.type ExternalName"));
}

TEST(PlanServices, refuses_a_service_without_a_selector_whoever_is_called_stable) {
  for (const auto* fields : {"  type: ClusterIP", "  selector: {}"}) {
    const auto documents = with_service(fields);
    EXPECT_THAT(refusal_of(documents), HasSubstr("Service checkout has no spec.selector"));
    EXPECT_THAT(refusal_of(replaced(documents, "  service: {name: checkout}",
                                    "  service: {name: checkout}\n  stableRef: {name: checkout-v1}")),
                HasSubstr("Service checkout has no spec.selector"));
  }
}

TEST(PlanServices, refuses_a_selector_that_is_the_version_alone_where_it_would_be_widened) {
  const auto documents = with_service("  selector: {version: v1}");
  EXPECT_THAT(refusal_of(documents),
              HasSubstr("spec.selector of Service checkout is {\"version\":\"v1\"}, the version alone"));
  EXPECT_THAT(refusal_of(replaced(documents, "{name: checkout}", "{name: checkout, mode: Dedicated}")),
              HasSubstr("the version alone"));
  EXPECT_EQ(plan_of(replaced(documents, "  analysis:", "  routing: {provider: noop}\n  analysis:")).code,
            kFine);
}

TEST(PlanServices, refuses_a_headless_service_whose_routes_apply_to_sidecars) {
  const auto documents = with_service("  clusterIP: None\n  selector: {app: checkout, version: v1}");
  EXPECT_THAT(refusal_of(documents), HasSubstr("Service checkout has spec.clusterIP None"));
  const auto gateway =
      replaced(documents, "  hosts: [checkout]", "  hosts: [example.org]\n  gateways: [web]");
  EXPECT_EQ(plan_of(gateway).code, kFine) << plan_of(gateway).err;
  EXPECT_EQ(plan_of(replaced(documents, "  analysis:", "  routing: {provider: noop}\n  analysis:")).code,
            kFine);
}

TEST(PlanServices, refuses_http_routes_to_a_port_that_is_not_http) {
  for (const auto* port : {"{name: tcp-web, port: 80}", "{name: https, port: 80}",
                           "{name: http, port: 80, appProtocol: tcp}", "{name: web, port: 3306}",
                           "{name: http, port: 80, protocol: UDP}", "{name: web, port: 80, appProtocol: TLS}",
                           "{name: http, port: 80, appProtocol: kubernetes.io/wss}"}) {
    EXPECT_THAT(refusal_of(with_port(port)),
                AllOf(HasSubstr("spec.ports of Service checkout: port "), HasSubstr("is not HTTP to Istio"),
                      HasSubstr("accepted is a name that begins with http")))
        << port;
    const auto gateway =
        replaced(with_port(port), "  hosts: [checkout]", "  hosts: [example.org]\n  gateways: [web]");
    EXPECT_EQ(plan_of(gateway).code, kFine) << port;
  }
  EXPECT_THAT(refusal_of(replaced(with_port("{name: http, port: 80}, {name: tcp, port: 81}"),
                                  "{host: checkout}", "{host: checkout, port: {number: 81}}")),
              HasSubstr("port 81 (\"tcp\")"));
}

TEST(PlanServices, takes_ports_that_are_http_and_warns_of_those_that_are_guessed) {
  for (const auto* port :
       {"{name: http-web, port: 80}", "{name: grpc, port: 80}",
        "{name: web, port: 80, appProtocol: GRPC-web-x}", "{name: tcp, port: 80, appProtocol: http2}",
        "{name: web, port: 80, appProtocol: kubernetes.io/h2c}",
        "{name: http, port: 80}, {name: tcp-admin, port: 81}"}) {
    const auto answer = plan_of(with_port(port));
    EXPECT_EQ(answer.code, kFine) << port << answer.err;
    EXPECT_THAT(answer.err, Not(HasSubstr("guesses"))) << port;
  }
  for (const auto* port : {"{port: 80}", "{name: web, port: 80}"}) {
    const auto answer = plan_of(with_port(port));
    EXPECT_EQ(answer.code, kFine) << answer.err;
    EXPECT_THAT(answer.err,
                HasSubstr("warning: spec.ports of Service checkout: nothing says the protocol of"))
        << port;
  }
}

TEST(PlanServices, refuses_tcp_routes_to_a_port_that_is_http) {
  const auto tcp = replaced(good().substr(0, good().find("  http:\n")), "  hosts: [checkout]",
                            "  hosts: [checkout]\n  tcp:\n  - route: [{destination: {host: checkout}}]");
  EXPECT_THAT(refusal_of(tcp), HasSubstr("port 80 (\"http\") is HTTP to Istio"));
  EXPECT_EQ(plan_of(replaced(tcp, "{name: http, port: 80", "{name: tcp, port: 80")).code, kFine);
}

TEST(PlanServices, refuses_a_stable_workload_that_the_service_does_not_select) {
  const auto documents = replaced(good(), "  service: {name: checkout}",
                                  "  service: {name: checkout}\n  stableRef: {name: checkout-v0}") +
                         deployment("checkout-v0", "v0", 1);
  EXPECT_THAT(refusal_of(documents),
              HasSubstr("spec.stableRef.name is checkout-v0, whose pods Service checkout does not select"));
}

TEST(PlanServices, refuses_a_third_deployment_that_the_widened_selector_would_match) {
  const auto third =
      good() + replaced(deployment("checkout-worker", "v1", 2), "labels: {app: checkout, version: v1}",
                        "labels: {app: checkout, component: worker}");
  EXPECT_THAT(refusal_of(third), AllOf(HasSubstr("matches the pods of checkout-worker"),
                                       HasSubstr("set spec.service.mode to Dedicated")));
  EXPECT_EQ(plan_of(replaced(third, "{name: checkout}", "{name: checkout, mode: Dedicated}")).code, kFine);
  EXPECT_EQ(plan_of(good() + replaced(third.substr(good().size()), "replicas: 2", "replicas: 0")).code, kFine)
      << "it has no pods";
}

TEST(PlanServices, names_another_version_that_the_widened_selector_would_match) {
  const auto answer = plan_of(good() + deployment("checkout-v3", "v3", 2));
  EXPECT_EQ(answer.code, kFine) << answer.err;
  EXPECT_THAT(answer.out + answer.err, HasSubstr("also matches the pods of checkout-v3"));

  // Labels in which the versions differ say nothing of what is a version, and those in which they agree do.
  std::string labelled = good() + deployment("checkout-v3", "v3", 2);
  for (const std::string version : {"v1", "v2", "v3"})
    labelled =
        replaced(labelled, "labels: {app: checkout, version: " + version + "}",
                 "labels: {app: checkout, instance: i" + version + ", tier: web, version: " + version + "}");
  EXPECT_EQ(plan_of(labelled).code, kFine) << plan_of(labelled).err;
  EXPECT_THAT(refusal_of(replaced(labelled, "iv3, tier: web", "iv3, tier: batch")),
              HasSubstr("matches the pods of checkout-v3"));
}

TEST(PlanServices, warns_of_metrics_that_have_no_data_where_nothing_is_divided) {
  const auto noop = replaced(good(), "  analysis:", "  routing: {provider: noop}\n  analysis:");
  const auto answer = plan_of(noop);
  EXPECT_EQ(answer.code, kFine) << answer.err;
  EXPECT_THAT(answer.err,
              HasSubstr("warning: spec.routing.provider is \"noop\": no user's request reaches the "
                        "candidate before the promotion, and metric request-success-rate counts"));
  EXPECT_THAT(plan_of(replaced(noop, "  analysis:", "  skipAnalysis: true\n  analysis:")).err,
              Not(HasSubstr("NothingDivided")));
  EXPECT_THAT(plan_of(replaced(noop, "{name: request-success-rate,", "{name: up, query: up,")).err,
              Not(HasSubstr("counts")));
}

TEST(PlanServices, warns_of_routes_that_give_the_service_nothing) {
  const std::string only = "    - destination: {host: checkout}\n";
  const auto idle = replaced(good(), only,
                             "    - {destination: {host: legacy}, weight: 100}\n"
                             "    - weight: 0\n      destination: {host: checkout}\n");
  const auto answer = plan_of(idle);
  EXPECT_EQ(answer.code, kFine) << answer.err;
  EXPECT_THAT(
      answer.err,
      HasSubstr("warning: VirtualService \"checkout\" spec.http[1].route gives Service checkout weight 0, "
                "and no other route is the release's to divide: no step sends the candidate a "
                "request, and metric request-success-rate counts users' requests"));
  EXPECT_THAT(plan_of(replaced(idle, "  analysis:", "  skipAnalysis: true\n  analysis:")).err,
              AllOf(HasSubstr("sends the candidate a request; give the Service a weight there\n"),
                    Not(HasSubstr("counts"))));
  const auto some = plan_of(replaced(idle, "  - match: [{uri: {prefix: /images}}]",
                                     "  - match: [{uri: {prefix: /api}}]\n"
                                     "    route: [{destination: {host: checkout}}]\n"
                                     "  - match: [{uri: {prefix: /images}}]"));
  EXPECT_EQ(some.code, kFine) << some.err;
  EXPECT_THAT(some.err,
              HasSubstr("warning: VirtualService \"checkout\" spec.http[2].route gives Service checkout "
                        "weight 0: no step sends the candidate a request by it; give the"));
  EXPECT_THAT(plan_of(good()).err, Not(HasSubstr("weight 0")));
}

TEST(PlanServices, keeps_stables_pods_that_another_service_has_no_others_than) {
  const auto answer = plan_of(good() + another_service("checkout-grpc", "{app: checkout, version: v1}"));
  EXPECT_EQ(answer.code, kFine);
  EXPECT_THAT(answer.err, HasSubstr("warning: Service checkout-grpc selects pods of checkout-v1 and none of "
                                    "checkout-v2: checkout-v1 keeps its pods"));
  EXPECT_THAT(answer.out, Not(HasSubstr("scale checkout-v1 to 0")));
  const auto both = plan_of(good() + another_service("checkout-grpc", "{app: checkout}"));
  EXPECT_THAT(both.err, Not(HasSubstr("checkout-grpc")));
  EXPECT_THAT(both.out, HasSubstr("scale checkout-v1 to 0"));
}

TEST(PlanServices, says_that_the_selector_is_guarded_afterwards) {
  EXPECT_THAT(plan_of(good()).err, Not(HasSubstr("afterwards")));
  const auto guarded = plan_of(replaced(good(), "  analysis:", "  guardAfterPromotion: true\n  analysis:"));
  EXPECT_EQ(guarded.code, kFine);
  EXPECT_THAT(guarded.err,
              HasSubstr("afterwards: a selector of Service checkout that leads to no ready pod is "
                        "moved back to v2\n"));
}

}  // namespace
}  // namespace weir::cli
