// Routes and mirrors that a release does not divide and that lead to stable alone, as `kubectl weir plan`
// says it.
#include <gmock/gmock.h>

#include "test/unit/cli/plan_files.h"

namespace weir::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string virtual_service(const std::string& name, const std::string& http) {
  return "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " + name +
         ", namespace: shop}\nspec:\n  hosts: [" + name + "]\n  http:\n" + http;
}

std::string rule(const std::string& subset) {
  return "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
         "metadata: {name: checkout, namespace: shop}\nspec:\n  host: checkout\n  subsets: [" +
         subset + "]\n";
}

std::string shop_with(const std::string& routes) {
  return std::string(kCanary) + deployment("checkout-v1", "v1", 3) + deployment("checkout-v2", "v2", 1) +
         kService + routes;
}

constexpr const char* kV1 = "{name: v1, labels: {version: v1}}";
constexpr const char* kPinned = "  - route: [{destination: {host: checkout, subset: v1}}]\n";

// Route admin, which spec does not list, and route main.
std::string with_unlisted_route() {
  const auto documents =
      shop_with(virtual_service("checkout",
                                "  - name: admin\n    match: [{uri: {prefix: /admin}}]\n"
                                "    route: [{destination: {host: checkout, subset: v1}}]\n"
                                "  - name: main\n"
                                "    route: [{destination: {host: checkout, subset: v1}}]\n") +
                rule(kV1));
  return replaced(documents, "  analysis:",
                  "  routing: {istio: {virtualServices: [{name: checkout, routes: [main]}]}}\n  analysis:");
}

std::string keeping_stable(const std::string& documents) {
  return replaced(documents, "  analysis:", "  stable: {afterPromotion: Keep}\n  analysis:");
}

TEST(PlanUndivided, says_that_nothing_counts_what_routes_for_connections_divide) {
  const std::string routes =
      "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: checkout, namespace: "
      "shop}\nspec:\n  hosts: [checkout]\n  tcp:\n  - route: [{destination: {host: checkout}}]\n";
  const auto documents = replaced(shop_with(routes), "name: http, port: 80", "name: tcp, port: 80");
  const auto counted = plan_of(documents);
  EXPECT_EQ(counted.code, kFine) << counted.err;
  EXPECT_THAT(
      counted.err,
      HasSubstr("warning: spec.analysis.metrics has request-success-rate, which counts HTTP requests, "
                "and the release divides connections alone, by VirtualService \"checkout\" "
                "spec.tcp[0].route: it would wait for data until its deadline; accepted are metrics "
                "with a query or templateRef of your own, or spec.skipAnalysis"));
  const auto silent = Not(HasSubstr("counts HTTP requests"));
  EXPECT_THAT(plan_of(replaced(documents, "{name: request-success-rate, thresholdRange: {min: 99}}",
                               "{name: own, query: up, thresholdRange: {max: 1}}"))
                  .err,
              silent);
  EXPECT_THAT(
      plan_of(replaced(documents, "  tcp:", "  http: [{route: [{destination: {host: checkout}}]}]\n  tcp:"))
          .err,
      silent);
}

TEST(PlanUndivided, says_that_nothing_counts_connections_beside_a_route_that_gives_the_service_no_request) {
  const std::string routes =
      "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: checkout, namespace: "
      "shop}\nspec:\n  hosts: [checkout]\n"
      "  http: [{route: [{destination: {host: checkout}, weight: 0}, {destination: {host: cart}, weight: "
      "100}]}]\n"
      "  tcp: [{route: [{destination: {host: checkout}}]}]\n";
  const auto counted = plan_of(
      replaced(shop_with(routes), "{name: http, port: 80", "{name: tcp, port: 81}, {name: http, port: 80"));
  EXPECT_EQ(counted.code, kFine) << counted.err;
  EXPECT_THAT(counted.err, HasSubstr("spec.http[0].route gives Service checkout weight 0"));
  EXPECT_THAT(counted.err, HasSubstr("the release divides connections alone, by VirtualService \"checkout\" "
                                     "spec.tcp[0].route"));
}

TEST(PlanUndivided, refuses_a_listed_route_to_a_subset_with_more_labels_than_the_version) {
  const auto documents =
      shop_with(virtual_service("checkout",
                                "  - name: cart\n    match: [{uri: {prefix: /cart}}]\n"
                                "    route: [{destination: {host: checkout, subset: live}}]\n"
                                "  - name: default\n    route: [{destination: {host: checkout}}]\n") +
                rule("{name: live, labels: {app: checkout, version: v1}}"));
  EXPECT_THAT(
      refusal_of(documents),
      HasSubstr("VirtualService \"checkout\" spec.http[0] (\"cart\").route[0].destination names subset "
                "\"live\" of Service checkout, whose labels {\"app\":\"checkout\",\"version\":\"v1\"} "
                "select pods of version v1 alone, and a release moves subsets of {\"version\":\"v1\"} "
                "only: after the promotion no pod answers there; give the subset that label alone, or "
                "name no subset there, or set spec.stable.afterPromotion to Keep"));
  const auto mended = plan_of(replaced(documents, "{app: checkout, version: v1}}]", "{version: v1}}]"));
  EXPECT_EQ(mended.code, kFine) << mended.err;
}

TEST(PlanUndivided, refuses_a_mirror_of_another_route_to_stables_subset) {
  const std::string orders =
      "  - route: [{destination: {host: orders}}]\n    mirror: {host: checkout, subset: v1}\n"
      "    mirrorPercentage: {value: 10}\n";
  const auto documents =
      shop_with(virtual_service("checkout", kPinned) + virtual_service("orders", orders) + rule(kV1));
  EXPECT_THAT(
      refusal_of(documents),
      HasSubstr("VirtualService \"orders\" spec.http[0].mirror names subset \"v1\" of Service checkout, "
                "which has pods of version v1 alone, and the release does not move it: after the "
                "promotion no pod answers there; name no subset there, or set "
                "spec.stable.afterPromotion to Keep"));
  const auto mended =
      plan_of(replaced(documents, "mirror: {host: checkout, subset: v1}", "mirror: {host: checkout}"));
  EXPECT_EQ(mended.code, kFine) << mended.err;
}

TEST(PlanUndivided, refuses_an_unlisted_route_to_stables_subset) {
  EXPECT_THAT(
      refusal_of(with_unlisted_route()),
      AllOf(HasSubstr("spec.http[0] (\"admin\").route[0].destination names subset \"v1\""),
            HasSubstr("name no subset there, or list this route in spec.routing.istio.virtualServices, "
                      "or set spec.stable.afterPromotion to Keep")));
}

TEST(PlanUndivided, warns_of_it_where_stable_is_kept) {
  const auto answer = plan_of(keeping_stable(with_unlisted_route()));
  EXPECT_EQ(answer.code, kFine) << answer.err;
  EXPECT_THAT(
      answer.err,
      HasSubstr("warning: VirtualService \"checkout\" spec.http[0] (\"admin\").route[0].destination"));
  EXPECT_THAT(answer.err, Not(HasSubstr("no pod answers there")));
  EXPECT_THAT(answer.out, Not(HasSubstr("scale checkout-v1 to 0")));
}

std::string with_foreign_route() {
  return good() +
         "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
         "metadata: {name: edge, namespace: web}\nspec:\n  hosts: [shop.example.com]\n  gateways: [gw]\n"
         "  http:\n  - route: [{destination: {host: checkout.shop.svc.cluster.local}}]\n";
}

TEST(PlanUndivided, warns_of_a_route_of_another_namespace_and_refuses_that_of_a_trusted_one) {
  constexpr const char* kSaid = "VirtualService \"web/edge\" routes to Service checkout of namespace shop";
  const auto warned = plan_of(with_foreign_route());
  EXPECT_EQ(warned.code, kFine) << warned.err;
  EXPECT_THAT(warned.err, AllOf(HasSubstr("warning: "), HasSubstr(kSaid)));
  EXPECT_EQ(warned.out, plan_of(good()).out);
  const auto refused =
      run_plan({"-f", "-", "--trusted-namespaces", "istio-system,web"}, with_foreign_route());
  EXPECT_EQ(refused.code, kRefused);
  EXPECT_THAT(refused.err, HasSubstr(kSaid));
}

TEST(PlanUndivided, refuses_trusted_namespaces_that_are_no_names) {
  const auto refused = run_plan({"-f", "-", "--trusted-namespaces", "web, edge"}, good());
  EXPECT_EQ(refused.code, kRefused);
  EXPECT_THAT(refused.err, HasSubstr("--trusted-namespaces web, edge: it takes names of namespaces"));
}

}  // namespace
}  // namespace weir::cli
