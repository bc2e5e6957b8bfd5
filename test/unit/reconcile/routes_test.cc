// What is read of a release's routes.
#include "operator/reconcile/routes.h"

#include "operator/routing/registry.h"
#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class RoutesTest : public ObservedRelease {
 protected:
  strategies::RouteState routes() { return look().observed.routes.value(); }
  void divide_nothing() {
    edit(kube::kCanaries, "checkout-v2", "/spec/routing", Json::object({{"provider", "noop"}}));
  }
};

TEST_F(RoutesTest, are_not_read_before_both_versions_are_known) {
  edit(kube::kServices, "checkout", "/spec/selector/version", "v9");
  const auto snapshot = look();
  EXPECT_FALSE(snapshot.observed.routes);
  EXPECT_FALSE(snapshot.observed.foundation);
  EXPECT_EQ(snapshot.objects, routing::Objects{});
}

TEST_F(RoutesTest, that_their_owner_wrote_are_read_and_not_managed_yet) {
  const auto snapshot = look();
  ASSERT_TRUE(snapshot.observed.routes);
  EXPECT_TRUE(snapshot.observed.routes->original());
  EXPECT_EQ(snapshot.observed.routes->unmanaged, 1);
  EXPECT_NE(snapshot.objects, routing::Objects{});
}

TEST_F(RoutesTest, that_do_not_exist_are_not_made_up) {
  world.api.erase(kube::kVirtualServices, {"shop", "checkout"});
  EXPECT_FALSE(look().observed.routes);
  EXPECT_TRUE(look().observed.service) << "the rest is read";
}

TEST_F(RoutesTest, that_are_divided_say_what_the_candidate_gets) {
  begin();
  EXPECT_EQ(routes().highest(), 10);
}

TEST_F(RoutesTest, are_as_old_as_the_last_change_of_any_and_name_who_made_it) {
  begin();
  world.clock.advance(seconds(60));
  EXPECT_GE(routes().age, seconds(60));
  EXPECT_EQ(routes().changed_by, strategies::kFieldManager);
  auto changed = object(kube::kVirtualServices, "checkout");
  changed["spec"]["http"][0]["timeout"] = "3s";
  world.api.put(kube::kVirtualServices, changed, "argocd");
  EXPECT_EQ(routes().age, seconds(0));
  EXPECT_EQ(routes().changed_by, "argocd");
}

TEST_F(RoutesTest, that_are_gone_are_known_to_be_since_the_caches_know_it) {
  begin();
  world.clock.advance(seconds(60));
  world.api.erase(kube::kVirtualServices, {"shop", "checkout"});
  ASSERT_FALSE(look().observed.routes);
  EXPECT_EQ(look().observed.routes_gone, seconds(0));
  world.clock.advance(seconds(7));
  EXPECT_EQ(look().observed.routes_gone, seconds(7));
}

TEST_F(RoutesTest, that_lead_elsewhere_are_known_to_since_they_were_changed) {
  begin();
  world.clock.advance(seconds(60));
  edit(kube::kVirtualServices, "checkout", "/spec",
       Json::parse(R"({"hosts": ["cart"], "http": [{"route": [{"destination": {"host": "cart"}}]}]})"));
  ASSERT_FALSE(look().observed.routes);
  EXPECT_EQ(look().observed.routes_gone, seconds(0));
  world.clock.advance(seconds(7));
  EXPECT_EQ(look().observed.routes_gone, seconds(7));
}

TEST_F(RoutesTest, of_which_one_is_gone_are_as_old_as_its_absence) {
  auto second = object(kube::kVirtualServices, "checkout");
  second["metadata"] = {{"name", "checkout-public"}, {"namespace", "shop"}};
  second["spec"]["hosts"] = {"checkout.example.com"};
  world.api.put(kube::kVirtualServices, second);
  begin();
  world.clock.advance(seconds(60));
  world.api.erase(kube::kVirtualServices, {"shop", "checkout-public"});
  EXPECT_EQ(routes().age, seconds(0));
  world.clock.advance(seconds(7));
  EXPECT_EQ(routes().age, seconds(7));
}

TEST_F(RoutesTest, that_no_release_has_recorded_are_nothing_to_wait_for) {
  world.api.erase(kube::kVirtualServices, {"shop", "checkout"});
  EXPECT_EQ(look().observed.routes_gone, strategies::Milliseconds::max());
}

TEST_F(RoutesTest, for_gateways_name_namespaces_whose_proxies_are_trusted) {
  edit(kube::kVirtualServices, "checkout", "/spec/gateways", Json::array({"mesh", "ingress/public"}));
  EXPECT_THAT(look().trusted_callers, ElementsAre("ingress", "istio-system"));
}

TEST_F(RoutesTest, of_others_take_the_proxies_that_pass_them_out_of_those_that_are_trusted) {
  edit(kube::kVirtualServices, "checkout", "/spec/gateways", Json::array({"mesh", "ingress/public"}));
  auto other = Json::parse(R"({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
      "metadata": {"name": "bff", "namespace": "evil"},
      "spec": {"hosts": ["bff.example.com"], "gateways": ["istio-system/public"], "exportTo": ["istio-system"],
               "http": [{"route": [{"destination": {"host": "checkout.shop.svc.cluster.local"}}]}]}})");
  world.api.put(kube::kVirtualServices, other);
  EXPECT_THAT(look().trusted_callers, ElementsAre("ingress"));
  other["spec"].erase("exportTo");
  world.api.put(kube::kVirtualServices, other);
  EXPECT_THAT(look().trusted_callers, IsEmpty());
}

TEST_F(RoutesTest, rest_on_something_that_has_an_age_of_its_own) {
  begin();
  world.clock.advance(seconds(60));
  auto foundation = look().observed.foundation;
  ASSERT_TRUE(foundation);
  EXPECT_TRUE(foundation->present);
  EXPECT_GE(foundation->age, seconds(60));
  edit(kube::kDestinationRules, "checkout-weir", "/spec/trafficPolicy",
       Json::parse(R"({"loadBalancer": {"simple": "RANDOM"}})"));
  foundation = look().observed.foundation;
  ASSERT_TRUE(foundation);
  EXPECT_EQ(foundation->age, seconds(0));
  EXPECT_GE(routes().age, seconds(60));
}

TEST_F(RoutesTest, are_read_by_the_router_that_the_canary_names) {
  divide_nothing();
  const auto snapshot = look();
  EXPECT_EQ(snapshot.router, &routing::router_named("noop"));
  EXPECT_FALSE(snapshot.observed.abilities.divides);
}

TEST_F(RoutesTest, whose_router_refuses_them_are_in_the_way) {
  divide_nothing();
  edit(kube::kServices, "checkout", "/spec/selector", Json::object({{"app", "checkout"}}));
  EXPECT_THAT(obstacles(), ElementsAre("SelectorWithoutVersion"));
}

TEST_F(RoutesTest, that_nothing_divides_leave_nothing_to_judge_and_that_is_said_before_the_release_begins) {
  EXPECT_THAT(warnings(), Not(Contains("NothingDivided")));
  divide_nothing();
  EXPECT_THAT(warnings(), Contains("NothingDivided"));
  edit(kube::kCanaries, "checkout-v2", "/status", {{"phase", "Initializing"}, {"target", "checkout-v2"}});
  EXPECT_THAT(warnings(), Not(Contains("NothingDivided")));
}

}  // namespace
}  // namespace weir::reconcile
