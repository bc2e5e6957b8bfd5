#include <gmock/gmock.h>

#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kInFull = "checkout.shop.svc.cluster.local";
const Json kRoutes{{{"route", {to("checkout")}}}};

World with_spec(Json spec, Target target = placeholder()) {
  spec["http"] = kRoutes;
  return World(std::move(target)).with(virtual_service("checkout", std::move(spec)));
}

World in_mesh(Target target = placeholder()) {
  return with_spec({{"hosts", {"checkout"}}}, std::move(target));
}

World in_mesh_trusting_web() {
  auto target = placeholder();
  target.trusted = {"istio-system", "web"};
  return in_mesh(std::move(target));
}

TEST(Isolation, holds_where_a_managed_route_is_bound_to_the_mesh_with_the_services_host) {
  EXPECT_THAT(in_mesh().read().not_isolated, IsEmpty());
  EXPECT_THAT(with_spec({{"hosts", {"shop.example.com", "checkout.shop.svc.cluster.local"}},
                         {"gateways", {"web", "mesh"}}})
                  .read()
                  .not_isolated,
              IsEmpty());
  EXPECT_THAT(with_spec({{"hosts", {"*.shop.svc.cluster.local"}}}).read().not_isolated, IsEmpty());
}

TEST(Isolation, is_broken_for_clients_in_the_mesh_by_a_route_that_does_not_apply_to_them) {
  for (const auto& spec :
       {Json{{"hosts", {"checkout"}}, {"gateways", {"web"}}}, Json{{"hosts", {"shop.example.com"}}},
        Json{{"hosts", {"shop.example.com"}}, {"gateways", {"mesh"}}}}) {
    EXPECT_THAT(with_spec(spec).read().not_isolated,
                ElementsAre(AllOf(HasSubstr("VirtualService \"checkout\" does not apply to them"),
                                  HasSubstr("add \"mesh\" to its spec.gateways"), HasSubstr("Dedicated"))))
        << spec;
    EXPECT_THAT(with_spec(spec, dedicated_mode()).read().not_isolated, IsEmpty());
  }
}

TEST(Isolation, of_clients_in_other_namespaces_needs_a_route_that_they_see) {
  const auto world = with_spec({{"hosts", {"checkout"}}, {"exportTo", {"."}}});
  EXPECT_THAT(world.read().not_isolated, ElementsAre(HasSubstr("has spec.exportTo [\".\"]")));
  EXPECT_THAT(with_spec({{"hosts", {"checkout"}}, {"exportTo", {"*"}}}).read().not_isolated, IsEmpty());
}

TEST(Isolation, of_a_delegate_goes_by_its_root) {
  auto delegate = with_spec(Json::object());
  EXPECT_THAT(delegate.read().not_isolated, ElementsAre(HasSubstr("does not apply to them")));
  const Json http = Json::array({{{"delegate", {{"name", "checkout"}, {"namespace", "shop"}}}}});
  auto bound = delegate;
  bound.with(
      virtual_service("root", {{"hosts", {"checkout.shop.svc.cluster.local"}}, {"http", http}}, "web"));
  EXPECT_THAT(bound.read().not_isolated, IsEmpty());
  EXPECT_THAT(bound.read().refusals, IsEmpty());
  delegate.with(virtual_service(
      "root", {{"hosts", {"shop.example.com"}}, {"gateways", {"web"}}, {"http", http}}, "web"));
  EXPECT_THAT(delegate.read().not_isolated, ElementsAre(HasSubstr("does not apply to them")));
}

TEST(Isolation, of_a_delegate_is_mended_at_its_root) {
  const Json http = Json::array({{{"delegate", {{"name", "checkout"}, {"namespace", "shop"}}}}});
  const auto delegate = with_spec(Json::object());
  EXPECT_THAT(delegate.read().not_isolated,
              ElementsAre(AllOf(HasSubstr("no VirtualService delegates to it; let one with \"mesh\" in "
                                          "spec.gateways and \"checkout\" in spec.hosts do so, or set"),
                                Not(HasSubstr("its spec.gateways")))));
  const Json at_gateway{{"hosts", {"shop.example.com"}}, {"gateways", {"web"}}, {"http", http}};
  auto at_home = delegate;
  at_home.with(virtual_service("root", at_gateway));
  EXPECT_THAT(at_home.read().not_isolated,
              ElementsAre(HasSubstr("since VirtualService \"root\", which delegates to VirtualService "
                                    "\"checkout\", does not apply to them: add \"mesh\" to its "
                                    "spec.gateways and \"checkout\" to its spec.hosts")));
  auto untrusted = delegate;
  untrusted.with(virtual_service("root", at_gateway, "web"));
  EXPECT_THAT(untrusted.read().not_isolated,
              ElementsAre(AllOf(HasSubstr("\"web/root\", which delegates to"),
                                HasSubstr(std::string("\"") + kInFull + "\" to its spec.hosts"))));
}

TEST(Isolation, of_a_delegate_goes_by_no_root_that_does_not_see_it) {
  const Json http = Json::array({{{"delegate", {{"name", "checkout"}, {"namespace", "shop"}}}}});
  auto hidden = with_spec({{"exportTo", {"."}}}, in_mesh_trusting_web().target);
  hidden.with(virtual_service("root", {{"hosts", {kInFull}}, {"http", http}}, "web"));
  EXPECT_THAT(hidden.read().not_isolated,
              Contains(HasSubstr("VirtualService \"web/root\" delegates to VirtualService \"checkout\", "
                                 "whose spec.exportTo [\".\"] hides it from there: add \"web\" to that")));
  auto seen = with_spec({{"exportTo", {".", "web"}}}, in_mesh_trusting_web().target);
  seen.with(virtual_service("root", {{"hosts", {kInFull}}, {"http", http}}, "web"));
  EXPECT_THAT(seen.read().not_isolated, IsEmpty());
}

TEST(Isolation, of_a_delegate_is_not_shown_by_a_root_of_others_that_is_hidden) {
  const Json http = Json::array({{{"delegate", {{"name", "checkout"}, {"namespace", "shop"}}}}});
  auto world = with_spec(Json::object());
  world.with(virtual_service("root", {{"hosts", {kInFull}}, {"http", http}, {"exportTo", {"."}}}, "web"));
  EXPECT_THAT(world.read().not_isolated, ElementsAre(HasSubstr("does not apply to them")));
  EXPECT_THAT(world.read().not_isolated_untrusted, ElementsAre(HasSubstr("\"web/root\" has spec.exportTo")));
  world.target.trusted.insert("web");
  EXPECT_THAT(world.read().not_isolated, ElementsAre(HasSubstr("\"web/root\" has spec.exportTo")));
}

TEST(Isolation, names_virtual_services_that_spec_leaves_out) {
  auto world = in_mesh();
  world.with(
      virtual_service("extra", {{"hosts", {"x.example.com"}}, {"gateways", {"web"}}, {"http", kRoutes}}));
  EXPECT_EQ(world.managed(), (std::vector<std::string>{"checkout", "extra"}));
  world.target.settings["virtualServices"] = {{{"name", "checkout"}, {"routes", Json::array()}}};
  EXPECT_THAT(world.read().not_isolated, ElementsAre(AllOf(HasSubstr("VirtualService \"extra\" spec.http[0]"),
                                                           HasSubstr("does not list it"))));
  EXPECT_EQ(world.managed(), (std::vector<std::string>{"checkout"}));
}

TEST(Isolation, is_unknown_with_two_virtual_services_of_one_host_on_one_gateway) {
  auto world = in_mesh();
  world.with(virtual_service("double", {{"hosts", {"checkout.shop.svc.cluster.local"}}, {"http", kRoutes}}));
  EXPECT_THAT(
      world.read().not_isolated,
      ElementsAre(AllOf(HasSubstr("\"checkout\" and VirtualService \"double\""), HasSubstr("gateway mesh"))));
}

TEST(Isolation, names_many_virtual_services_of_one_host_once) {
  auto world = in_mesh();
  for (const char* name : {"d1", "d2", "d3", "d4"})
    world.with(virtual_service(name, {{"hosts", {"checkout", "other"}}, {"gateways", {"mesh", "web"}}}));
  EXPECT_THAT(world.read().not_isolated,
              ElementsAre(AllOf(HasSubstr("VirtualService \"checkout\", VirtualService \"d1\", "),
                                HasSubstr(" and 2 more are all for host checkout.shop.svc.cluster.local"))));
}

TEST(Isolation, is_another_matter_with_a_virtual_service_of_a_namespace_that_is_not_trusted) {
  auto world = in_mesh();
  world.with(virtual_service("double", {{"hosts", {kInFull}}, {"http", kRoutes}}, "web"));
  const auto both = HasSubstr("\"checkout\" and VirtualService \"web/double\"");
  EXPECT_THAT(world.read().not_isolated, IsEmpty());
  EXPECT_THAT(world.read().not_isolated_untrusted, Contains(both));
  auto trusted = in_mesh_trusting_web();
  trusted.with(virtual_service("double", {{"hosts", {kInFull}}, {"http", kRoutes}}, "web"));
  EXPECT_THAT(trusted.read().not_isolated, ElementsAre(both));
}

TEST(Isolation, trusts_the_namespaces_of_gateways_that_routes_under_management_are_for) {
  const auto of = [](const Json& gateways, const char* name_space) {
    auto world = with_spec({{"hosts", {"checkout"}}, {"gateways", gateways}});
    world.with(virtual_service("other", {{"hosts", {"x"}}, {"gateways", {"evil/gw"}}, {"http", kRoutes}},
                               name_space));
    return world.read().gateway_namespaces;
  };
  EXPECT_THAT(of({"mesh", "ingress/public", "own"}, "web"), ElementsAre("ingress", "shop"));
  EXPECT_THAT(of({"mesh"}, "web"), IsEmpty());
  EXPECT_THAT(of({"mesh"}, "shop"), ElementsAre("evil")) << "its owner wrote it";
}

TEST(Isolation, is_not_shown_by_gateways_that_pass_a_route_of_a_namespace_that_is_not_trusted) {
  const auto overridden = [](Json spec, World world = in_mesh()) {
    spec["http"] = Json::array({{{"route", {to(kInFull)}}}});
    world.with(virtual_service("edge", std::move(spec), "web"));
    return world.read().overridden_gateways;
  };
  const Json shared{{"hosts", {"x.example.com"}}, {"gateways", {"mesh", "istio-system/public"}}};
  auto seen_by_some = shared;
  seen_by_some["exportTo"] = {".", "ingress"};
  EXPECT_THAT(overridden(shared), ElementsAre("*")) << "where the gateway's proxies run is not known";
  EXPECT_THAT(overridden(seen_by_some), ElementsAre("ingress", "web"));
  EXPECT_THAT(overridden({{"hosts", {"x.example.com"}}, {"gateways", {"own"}}}), ElementsAre("*"));
  EXPECT_THAT(overridden(Json::object()), ElementsAre("*")) << "a delegate, of nobody knows which root";
  EXPECT_THAT(overridden({{"hosts", {"x.example.com"}}}), IsEmpty()) << "for the mesh alone";
  EXPECT_THAT(overridden(shared, in_mesh_trusting_web()), IsEmpty());
  auto begun = in_mesh_trusting_web();
  begun.begin();
  EXPECT_THAT(overridden(shared, begun), IsEmpty());
}

TEST(Isolation, names_a_subset_that_lets_both_versions_through) {
  auto world =
      World(placeholder()).with(simple({{{"route", {to("checkout", "fast", 50), to("checkout", "", 50)}}}}));
  world.with(destination_rule(
      "checkout", {{"host", "checkout"}, {"subsets", {{{"name", "fast"}, {"labels", {{"disk", "ssd"}}}}}}}));
  EXPECT_THAT(world.read().not_isolated, ElementsAre(HasSubstr("subset \"fast\"")));
}

TEST(Isolation, warns_of_wildcard_rules_that_win_in_other_namespaces) {
  auto world = in_mesh();
  world.with(destination_rule("all", {{"host", "*.svc.cluster.local"}}, "web"));
  world.with(destination_rule("default", {{"host", "*.local"}}, "istio-system"));
  world.with(destination_rule("exported", {{"host", "*.local"}, {"exportTo", {"shop"}}}, "web"));
  EXPECT_THAT(world.read().not_isolated_untrusted, ElementsAre(HasSubstr("DestinationRule \"web/all\"")));
  EXPECT_THAT(world.read().not_isolated, IsEmpty());
  EXPECT_THAT(world.read().refusals, IsEmpty());
  world.target.trusted.insert("web");
  EXPECT_THAT(world.read().not_isolated, ElementsAre(HasSubstr("DestinationRule \"web/all\"")));
}

std::string only_refusal(const World& world) {
  const auto refusals = world.read().refusals;
  EXPECT_EQ(refusals.size(), 1U);
  if (refusals.empty()) return {};
  EXPECT_EQ(refusals[0].condition, "Conflict");
  return refusals[0].reason + ": " + refusals[0].message;
}

TEST(Conflict, is_a_rule_of_a_trusted_namespace_for_exactly_the_host) {
  auto world = in_mesh_trusting_web();
  world.with(destination_rule("mine", {{"host", kInFull}}, "web"));
  EXPECT_THAT(only_refusal(world), AllOf(HasSubstr("RuleInAnotherNamespace"), HasSubstr("\"web/mine\"")));
  EXPECT_THAT(world.read().not_isolated, IsEmpty());
}

TEST(Conflict, is_no_rule_of_the_root_namespace_or_for_another_service_of_the_same_short_name) {
  auto world = in_mesh_trusting_web();
  world.with(destination_rule("root", {{"host", kInFull}}, "istio-system"));
  world.with(destination_rule("other", {{"host", "checkout"}}, "web"));
  EXPECT_THAT(world.read().refusals, IsEmpty());
}

TEST(Conflict, is_a_rule_that_the_root_namespace_keeps_to_itself) {
  auto world = in_mesh();
  world.with(destination_rule("root", {{"host", kInFull}, {"exportTo", {"."}}}, "istio-system"));
  EXPECT_THAT(only_refusal(world), HasSubstr("it wins for clients in namespace istio-system"));
}

TEST(Conflict, is_no_rule_that_clients_of_its_own_namespace_do_not_see) {
  auto world = in_mesh_trusting_web();
  world.with(destination_rule("mine", {{"host", kInFull}, {"exportTo", {"shop"}}}, "web"));
  EXPECT_THAT(world.read().refusals, IsEmpty());
  EXPECT_THAT(world.read().not_isolated, IsEmpty());
  for (const char* readers : {"*", ".", "web"}) {
    auto seen = in_mesh_trusting_web();
    seen.with(destination_rule("mine", {{"host", kInFull}, {"exportTo", {readers}}}, "web"));
    EXPECT_THAT(only_refusal(seen), HasSubstr("RuleInAnotherNamespace")) << readers;
  }
}

const Json kEdge = virtual_service(
    "edge", {{"hosts", {"shop.example.com"}}, {"gateways", {"gw"}}, {"http", {{{"route", {to(kInFull)}}}}}},
    "web");

TEST(Conflict, is_a_virtual_service_of_a_trusted_namespace_that_routes_to_the_service) {
  auto world = in_mesh_trusting_web();
  world.with(kEdge);
  EXPECT_THAT(only_refusal(world),
              AllOf(HasSubstr("RouteInAnotherNamespace"), HasSubstr("\"web/edge\" routes to")));
}

TEST(Conflict, is_a_virtual_service_of_a_trusted_namespace_with_the_services_host) {
  const Json http = {{{"route", {to("cart")}}}};
  auto world = in_mesh_trusting_web();
  world.with(virtual_service("edge", {{"hosts", {kInFull}}, {"http", http}}, "web"));
  EXPECT_THAT(only_refusal(world), HasSubstr("\"web/edge\" has in spec.hosts"));
  // Requests that a gateway gets under this host are none of the Service's clients.
  auto gateway = in_mesh_trusting_web();
  gateway.with(virtual_service("edge", {{"hosts", {kInFull}}, {"gateways", {"gw"}}, {"http", http}}, "web"));
  EXPECT_THAT(gateway.read().refusals, IsEmpty());
  EXPECT_THAT(gateway.read().not_isolated, IsEmpty());
}

TEST(Conflict, is_no_virtual_service_that_nobody_sees) {
  auto world = in_mesh_trusting_web();
  auto hidden = kEdge;
  hidden["spec"]["exportTo"] = Json::array({"~"});
  world.with(hidden);
  EXPECT_THAT(world.read().refusals, IsEmpty());
  EXPECT_THAT(world.read().not_isolated, IsEmpty());
}

TEST(Conflict, is_nothing_of_a_namespace_that_is_not_trusted) {
  for (const Json& exported : {Json(), Json::array({"."}), Json::array({"*"})}) {
    auto world = in_mesh();
    Json spec{{"host", kInFull}};
    if (!exported.is_null()) spec["exportTo"] = exported;
    world.with(destination_rule("mine", spec, "evil"));
    auto edge = kEdge;
    edge["metadata"]["namespace"] = "evil";
    world.with(edge);
    EXPECT_THAT(world.read().refusals, IsEmpty()) << exported;
    EXPECT_THAT(world.read().not_isolated, IsEmpty()) << exported;
    EXPECT_THAT(world.read().not_isolated_untrusted,
                ElementsAre(AllOf(HasSubstr("DestinationRule \"evil/mine\" has spec.host"),
                                  HasSubstr("wins for clients in namespace evil"),
                                  HasSubstr("remove it, or move it to namespace shop")),
                            AllOf(HasSubstr("VirtualService \"evil/edge\" routes to Service checkout"),
                                  HasSubstr("move the route there"))))
        << exported;
  }
}

TEST(Conflict, is_nothing_of_another_namespace_once_the_release_has_begun) {
  auto world = in_mesh_trusting_web();
  world.begin();
  world.with(destination_rule("mine", {{"host", kInFull}}, "web")).with(kEdge);
  EXPECT_THAT(world.read().refusals, IsEmpty());
  EXPECT_THAT(world.read().not_isolated, ElementsAre(HasSubstr("\"web/mine\""), HasSubstr("\"web/edge\"")));
}

TEST(Conflict, is_no_form_of_a_service_that_only_a_root_of_a_namespace_that_is_not_trusted_binds) {
  const Json http = Json::array({{{"delegate", {{"name", "checkout"}, {"namespace", "shop"}}}}});
  auto world = with_spec(Json::object());
  world.with(virtual_service("root", {{"hosts", {kInFull}}, {"http", http}}, "evil"));
  world.objects.of(kube::kServices)
      .push_back({{"metadata", {{"name", "checkout"}, {"namespace", "shop"}}},
                  {"spec", {{"clusterIP", "None"}, {"ports", {{{"name", "http"}, {"port", 80}}}}}}});
  EXPECT_THAT(world.read().refusals, IsEmpty());
  world.target.trusted = {"evil"};
  ASSERT_EQ(world.read().refusals.size(), 1U);
  EXPECT_EQ(world.read().refusals[0].reason, "HeadlessService");
}

TEST(Conflict, is_a_rule_that_is_seen_in_fewer_namespaces_than_the_routes) {
  auto world = in_mesh();
  world.with(destination_rule("checkout", {{"host", "checkout"}, {"exportTo", {"."}}}));
  EXPECT_THAT(only_refusal(world), AllOf(HasSubstr("RuleNotVisible"), HasSubstr("[\".\"]")));
  auto both = with_spec({{"hosts", {"checkout"}}, {"exportTo", {"."}}});
  both.with(destination_rule("checkout", {{"host", "checkout"}, {"exportTo", {"shop"}}}));
  EXPECT_THAT(both.read().refusals, IsEmpty());
}

// Istio merges a delegate's routes into the root, whose exportTo they have then.
TEST(Conflict, is_a_rule_that_is_seen_in_fewer_namespaces_than_the_root_of_a_delegate) {
  const Json http = Json::array({{{"delegate", {{"name", "checkout"}, {"namespace", "shop"}}}}});
  const auto rule = destination_rule("checkout", {{"host", "checkout"}, {"exportTo", {"."}}});
  auto shown = with_spec({{"exportTo", {"."}}});
  shown.with(virtual_service("root", {{"hosts", {"checkout"}}, {"http", http}})).with(rule);
  EXPECT_THAT(only_refusal(shown),
              AllOf(HasSubstr("RuleNotVisible"), HasSubstr("VirtualService \"root\", which delegates to "
                                                           "VirtualService \"checkout\" is seen in more")));
  auto hidden = with_spec(Json::object());
  hidden.with(virtual_service("root", {{"hosts", {"checkout"}}, {"exportTo", {"."}}, {"http", http}}))
      .with(rule);
  EXPECT_THAT(hidden.read().refusals, IsEmpty());
}

}  // namespace
}  // namespace weir::routing
