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
