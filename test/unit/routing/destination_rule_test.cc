// Which DestinationRule a release works in, and what one that it makes carries.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "test/unit/routing/checkout_rule.h"
#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

using ::testing::HasSubstr;

TEST(Rule, is_made_where_none_is_for_the_host) {
  World world(placeholder());
  world.with(simple({{{"route", {to("checkout")}}}}));
  const auto before = world.objects;
  EXPECT_FALSE(world.read().foundation.has_value());
  EXPECT_FALSE(world.read().foundation_object);
  world.begin();
  ASSERT_EQ(world.objects.of(kube::kDestinationRules).size(), 1U);
  const auto& rule = world.rule();
  EXPECT_EQ(rule["metadata"]["name"], "checkout-weir");
  EXPECT_EQ(rule["metadata"]["labels"]["app.kubernetes.io/managed-by"], "weir");
  EXPECT_EQ(maker_of(rule), world.target.maker);
  EXPECT_FALSE(has_owner(rule, "u-1"));
  EXPECT_EQ(rule["spec"], (Json{{"host", "checkout.shop.svc.cluster.local"},
                                {"subsets", {subset("v1", "v1"), subset("v2", "v2")}}}));
  EXPECT_EQ(world.read().foundation_object, (ObjectName{kube::kDestinationRules, "checkout-weir"}));
  EXPECT_TRUE(world.read().foundation->added);
  world.finish(true);
  EXPECT_TRUE(world.objects == before);
}

struct Applies {
  const char* what;
  std::vector<Json> rules;
  int expected;  // maxConnections of the policy; 0: none
};

class PolicyOfMadeRule : public ::testing::TestWithParam<Applies> {};

Json wildcard(const std::string& host, int connections, const std::string& name_space) {
  return destination_rule(
      "r" + std::to_string(connections),
      {{"host", host},
       {"exportTo", {"*"}},
       {"trafficPolicy", {{"connectionPool", {{"tcp", {{"maxConnections", connections}}}}}}}},
      name_space);
}

TEST_P(PolicyOfMadeRule, is_the_one_that_applied_until_then) {
  World world(placeholder());
  world.with(simple({{{"route", {to("checkout")}}}}));
  for (const auto& rule : GetParam().rules) world.with(rule);
  world.begin();
  const auto& spec = world.objects.of(kube::kDestinationRules).back()["spec"];
  EXPECT_EQ(spec["host"], "checkout.shop.svc.cluster.local");
  if (GetParam().expected == 0) {
    EXPECT_FALSE(spec.contains("trafficPolicy"));
    return;
  }
  EXPECT_EQ(spec["trafficPolicy"]["connectionPool"]["tcp"]["maxConnections"], GetParam().expected)
      << GetParam().what;
  EXPECT_EQ(spec["exportTo"], Json::array({"*"}));
}

INSTANTIATE_TEST_SUITE_P(
    Rules, PolicyOfMadeRule,
    ::testing::Values(
        Applies{"most specific wildcard",
                {wildcard("*", 1, "shop"), wildcard("*.shop.svc.cluster.local", 2, "shop"),
                 wildcard("*.svc.cluster.local", 3, "shop")},
                2},
        Applies{"its own namespace before the root",
                {wildcard("*", 1, "shop"), wildcard("*.shop.svc.cluster.local", 2, "istio-system")},
                1},
        Applies{"the root namespace",
                {wildcard("*.local", 4, "istio-system"), wildcard("*", 1, "istio-system")},
                4},
        Applies{"an exact rule of the root namespace",
                {wildcard("checkout.shop.svc.cluster.local", 5, "istio-system")},
                5},
        Applies{"another namespace's does not count", {wildcard("*.cart.svc.cluster.local", 6, "shop")}, 0}));

TEST(Rule, is_made_in_the_version_in_which_the_routes_are_there) {
  World world(placeholder());
  world.with(simple({{{"route", {to("checkout")}}}}));
  world.objects.of(kube::kVirtualServices)[0]["apiVersion"] = "networking.istio.io/v1beta1";
  world.begin();
  EXPECT_EQ(world.objects.of(kube::kDestinationRules).back()["apiVersion"], "networking.istio.io/v1beta1");
}

TEST(PolicyOfMadeRule, is_none_that_the_namespace_cannot_see) {
  World world(placeholder());
  auto hidden = wildcard("*", 1, "istio-system");
  hidden["spec"]["exportTo"] = Json::array({"."});
  world.with(simple({{{"route", {to("checkout")}}}})).with(hidden);
  world.begin();
  EXPECT_FALSE(world.objects.of(kube::kDestinationRules).back()["spec"].contains("trafficPolicy"));
}

TEST(Rule, of_a_stranger_with_the_name_that_is_needed_is_a_conflict) {
  World world(placeholder());
  world.with(simple({{{"route", {to("checkout")}}}}));
  world.with(destination_rule("checkout-weir", {{"host", "cart"}}));
  const auto refusals = world.read().refusals;
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].condition, "Conflict");
  EXPECT_THAT(refusals[0].message, HasSubstr("\"checkout-weir\""));
  EXPECT_FALSE(world.router.prepare(world.target, world.objects).has_value());
  EXPECT_EQ(world.remove(), 0);
}

TEST(Rule, made_by_another_release_is_not_ours) {
  World world(placeholder());
  world.with(simple({{{"route", {to("checkout")}}}}));
  world.begin();
  world.target.maker.uid = "u-2";
  const auto refusals = world.read().refusals;
  ASSERT_FALSE(refusals.empty());
  EXPECT_EQ(refusals[0].condition, "Conflict");
  EXPECT_EQ(world.remove(), 0);
}

TEST(Rule, must_be_named_where_several_are_for_the_host) {
  auto world = unpinned(rule_with(Json::array()));
  world.with(destination_rule("second", {{"host", "checkout.shop.svc.cluster.local"}}));
  auto refusals = world.read().refusals;
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].reason, "AmbiguousDestinationRule");
  EXPECT_THAT(refusals[0].message, HasSubstr("\"checkout\", \"second\""));
  world.target.settings["destinationRule"] = "second";
  EXPECT_TRUE(world.read().refusals.empty());
  world.begin();
  EXPECT_EQ(world.rule(1)["spec"]["subsets"].size(), 2U);
  world.target.settings["destinationRule"] = "third";
  refusals = world.read().refusals;
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].reason, "DestinationRuleNotFound");
}

TEST(Rule, that_was_changed_is_gone_on_with_when_another_one_appears) {
  auto world = unpinned(rule_with(Json::array()));
  const auto before = world.objects.of(kube::kDestinationRules)[0];
  world.begin();
  world.with(destination_rule("second", {{"host", "checkout"}}));
  EXPECT_TRUE(world.read().refusals.empty());
  world.finish(false);
  EXPECT_EQ(world.rule(), before);
}

TEST(Rule, for_some_clients_only_is_a_conflict) {
  auto world = unpinned(rule_with(Json::array()));
  world.with(destination_rule(
      "some", {{"host", "checkout"}, {"workloadSelector", {{"matchLabels", {{"app", "web"}}}}}}));
  const auto refusals = world.read().refusals;
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].condition, "Conflict");
  EXPECT_THAT(refusals[0].message, HasSubstr("spec.workloadSelector"));
}

// ---- Dedicated mode ----

TEST(Dedicated, always_makes_a_rule_with_the_policies_of_the_services_own) {
  auto world =
      unpinned(rule_with({with_policy(subset("blue", "v1"), kPool), subset("beta", "v0")}), dedicated_mode());
  const auto before = world.objects;
  world.begin();
  ASSERT_EQ(world.objects.of(kube::kDestinationRules).size(), 2U);
  EXPECT_EQ(world.rule(0), before.of(kube::kDestinationRules)[0]);
  EXPECT_EQ(world.rule(1)["metadata"]["name"], "checkout-weir-weir");
  EXPECT_EQ(world.rule(1)["spec"],
            (Json{{"host", "checkout-weir.shop.svc.cluster.local"},
                  {"trafficPolicy", kTls},
                  {"subsets", {with_policy(subset("v1", "v1"), kPool), subset("v2", "v2")}}}));
  world.finish(true);
  EXPECT_TRUE(world.objects == before) << text_of(world.objects);
}

TEST(Dedicated, gives_the_services_own_rule_the_successor_of_a_subset_named_as_its_version) {
  auto world = pinned_to("v1", rule_with({with_policy(subset("v1", "v1"), kPool)}), dedicated_mode());
  const auto before = world.objects;
  world.begin();
  auto back = world;
  back.finish(false);
  EXPECT_TRUE(back.objects == before) << text_of(back.objects);
  world.finish(true);
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "v2")}));
  ASSERT_EQ(world.objects.of(kube::kDestinationRules).size(), 1U);
  EXPECT_EQ(world.subsets(), (Json{with_policy(subset("v2", "v2"), kPool)}));
}

}  // namespace
}  // namespace weir::routing
