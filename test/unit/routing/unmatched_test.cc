#include "operator/routing/istio/unmatched.h"

#include <gmock/gmock.h>

#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A route to the Service for clients that one of these matches.
Json route(const std::vector<Json>& matches) {
  return {{"match", matches}, {"route", Json::array({to("checkout")})}};
}

World with_routes(const std::vector<Json>& routes, Target target = placeholder()) {
  return World(std::move(target)).with(simple(routes));
}

const Json kWeb{{"sourceLabels", {{"app", "web"}}}};

TEST(Unmatched, are_clients_that_every_match_leaves_out) {
  for (const auto& match : {kWeb, Json{{"sourceNamespace", "web"}}, Json{{"gateways", {"ingress/public"}}},
                            Json{{"sourceLabels", {{"app", "web"}}}, {"uri", {{"prefix", "/"}}}}}) {
    EXPECT_THAT(with_routes({route({match})}).read().not_isolated,
                ElementsAre(AllOf(HasSubstr("VirtualService \"checkout\" spec.http has no route for some "
                                            "clients in the mesh, since each has a match on " +
                                            match.begin().key()),
                                  HasSubstr("reaches Service checkout undivided"), HasSubstr("Dedicated"))))
        << match;
    EXPECT_THAT(with_routes({route({match})}, dedicated_mode()).read().not_isolated, IsEmpty());
  }
}

TEST(Unmatched, are_none_where_a_route_is_for_everybody) {
  EXPECT_THAT(with_routes({route({kWeb}), route({})}).read().not_isolated, IsEmpty());
  EXPECT_THAT(with_routes({route({kWeb, {{"uri", {{"prefix", "/api"}}}}})}).read().not_isolated, IsEmpty())
      << "who asks for another path is answered 404";
  EXPECT_THAT(with_routes({route({{{"gateways", {"mesh", "ingress/public"}}}})}).read().not_isolated,
              IsEmpty());
  const Json elsewhere{{"route", Json::array({to("cart")})}};
  EXPECT_THAT(with_routes({route({kWeb}), elsewhere}).read().not_isolated, IsEmpty());
}

TEST(Unmatched, are_none_of_a_virtual_service_that_is_not_for_the_mesh) {
  auto world = World(dedicated_mode());
  world.with(virtual_service("checkout", {{"hosts", {"shop.example.com"}},
                                          {"gateways", {"ingress/public"}},
                                          {"http", Json::array({route({kWeb})})}}));
  world.target = placeholder();
  EXPECT_THAT(world.read().not_isolated, ElementsAre(Not(HasSubstr("has no route for some clients"))));
}

TEST(Unmatched, are_clients_of_ports_that_no_route_is_for) {
  auto world = with_routes({route({{{"port", 80}}})});
  EXPECT_THAT(world.read().not_isolated, ElementsAre(HasSubstr("each has a match on port")))
      << "of a Service whose ports nobody knows";
  const auto ports = [&](const Json& all) {
    world.objects.of(kube::kServices) = {
        {{"metadata", {{"name", "checkout"}, {"namespace", "shop"}}}, {"spec", {{"ports", all}}}}};
  };
  const Json http{{"name", "http"}, {"port", 80}};
  const Json grpc{{"name", "grpc"}, {"port", 90}};
  const Json tcp{{"name", "tcp-admin"}, {"port", 9000}};
  ports({http, tcp});
  EXPECT_THAT(world.read().not_isolated, IsEmpty()) << "routes for http are not for the other one";
  ports({http, grpc});
  EXPECT_THAT(world.read().not_isolated,
              ElementsAre(HasSubstr("no route for some clients in the mesh that call port 90, since")));
  world.objects.of(kube::kVirtualServices)[0]["spec"]["http"].push_back(route({{{"port", 90}}}));
  EXPECT_THAT(world.read().not_isolated, IsEmpty());
}

// A VirtualService with routes for several kinds, and its Service's ports.
World with_kinds(Json spec, const Json& ports) {
  spec["hosts"] = {"checkout"};
  auto world = World(placeholder()).with(virtual_service("checkout", std::move(spec)));
  world.objects.of(kube::kServices) = {
      {{"metadata", {{"name", "checkout"}, {"namespace", "shop"}}}, {"spec", {{"ports", ports}}}}};
  return world;
}

Json at_port(int port) { return Json::array({route({{{"port", port}}})}); }

TEST(Unmatched, are_none_of_a_port_of_unknown_protocol_that_routes_of_another_kind_name) {
  const Json web{{"name", "web"}, {"port", 8080}};
  const Json feed{{"name", "feed"}, {"port", 9000}};
  const Json more{{"name", "more"}, {"port", 9100}};
  const Json spec{{"http", at_port(8080)}, {"tcp", at_port(9000)}};
  EXPECT_THAT(with_kinds(spec, {web, feed}).read().not_isolated, IsEmpty());
  EXPECT_THAT(
      with_kinds(spec, {web, feed, more}).read().not_isolated,
      ElementsAre(HasSubstr("spec.http has no route for some clients in the mesh that call port 9100,"),
                  HasSubstr("spec.tcp has no route for some clients in the mesh that call port 9100,")));
  const Json http{{"name", "http-feed"}, {"port", 9000}};
  EXPECT_THAT(
      with_kinds(spec, {web, http}).read().not_isolated,
      ElementsAre(HasSubstr("spec.http has no route for some clients in the mesh that call port 9000,")))
      << "routes for tcp are not for a port of http";
}

TEST(Unmatched, are_none_of_a_port_that_routes_for_tls_or_tcp_name_between_them) {
  const Json https{{"name", "https"}, {"port", 443}};
  const Json feed{{"name", "tcp-feed"}, {"port", 9000}};
  auto tls = at_port(443);
  tls[0]["match"][0]["sniHosts"] = {"checkout"};
  EXPECT_THAT(with_kinds({{"tls", tls}, {"tcp", at_port(9000)}}, {https, feed}).read().not_isolated,
              IsEmpty());
  EXPECT_THAT(
      with_kinds({{"tls", tls}, {"tcp", Json::array({route({})})}}, {https, feed}).read().not_isolated,
      IsEmpty());
}

TEST(Unmatched, of_http_are_not_covered_by_routes_for_tcp_that_name_no_port) {
  const Json web{{"name", "web"}, {"port", 8080}};
  const Json spec{{"http", Json::array({route({kWeb})})}, {"tcp", Json::array({route({})})}};
  EXPECT_THAT(with_kinds(spec, Json::array({web})).read().not_isolated,
              ElementsAre(HasSubstr("spec.http has no route for some clients")));
}

TEST(Unmatched, of_a_delegate_are_those_that_its_root_leaves_out) {
  const auto rooted = [](const Json& matches) {
    World world(placeholder());
    world.with(virtual_service("checkout", {{"http", Json::array({route({})})}}));
    const Json entry{{"match", matches}, {"delegate", {{"name", "checkout"}, {"namespace", "shop"}}}};
    world.with(virtual_service("root", {{"hosts", {"checkout"}}, {"http", Json::array({entry})}}));
    return world.read().not_isolated;
  };
  EXPECT_THAT(rooted(Json::array({kWeb})), ElementsAre(HasSubstr("\"root\" spec.http has no route")));
  EXPECT_THAT(rooted(Json::array()), IsEmpty());
}

}  // namespace
}  // namespace weir::routing
