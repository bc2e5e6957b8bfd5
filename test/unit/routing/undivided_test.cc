// Routes and mirrors beside the divided ones that lead to one version's pods, and what is kept for them.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "test/unit/routing/checkout_rule.h"
#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Effect = Router::Fixed::Effect;

constexpr const char* kInFull = "checkout.shop.svc.cluster.local";

Json to_v1(const std::string& host = "checkout") { return {{"host", host}, {"subset", "v1"}}; }

// A VirtualService for other clients' requests, with one http route.
Json orders(Json route, const std::string& name_space = "shop") {
  return virtual_service("orders", {{"hosts", {"orders"}}, {"http", Json::array({std::move(route)})}},
                         name_space);
}

Json mirrored(const Json& mirror) { return {{"route", Json::array({to("orders")})}, {"mirror", mirror}}; }

Json labelled(const std::string& name, const Json& labels) { return {{"name", name}, {"labels", labels}}; }

World with_labels(World world) {
  world.target.stable_labels = {{"app", "checkout"}, {"version", "v1"}, {"tier", "old"}};
  world.target.candidate_labels = {{"app", "checkout"}, {"version", "v2"}};
  return world;
}

std::vector<std::string> reasons(const World& world) {
  std::vector<std::string> found;
  for (const auto& fixed : world.read().fixed_to_stable) found.push_back(fixed.reason);
  return found;
}

// Routes main and admin, of which spec lists main.
World with_unlisted_route() {
  World world(placeholder());
  const Json route = Json::array({to("checkout", "v1")});
  world.with(
      simple(Json::array({{{"name", "admin"}, {"route", route}}, {{"name", "main"}, {"route", route}}})));
  world.with(rule_with({subset("v1", "v1")}));
  world.target.settings["virtualServices"] = {{{"name", "checkout"}, {"routes", {"main"}}}};
  return world;
}

TEST(Undivided, is_an_unlisted_route_to_stables_subset) {
  const auto fixed = with_unlisted_route().read().fixed_to_stable;
  ASSERT_EQ(fixed.size(), 1U);
  EXPECT_EQ(fixed[0].reason, "PinnedToStable");
  EXPECT_EQ(
      fixed[0].message,
      "VirtualService \"checkout\" spec.http[0] (\"admin\").route[0].destination names subset \"v1\" of "
      "Service checkout, which has pods of version v1 alone, and the release does not move it");
  EXPECT_EQ(fixed[0].remedy,
            "name no subset there, or list this route in spec.routing.istio.virtualServices");
}

TEST(Undivided, is_a_mirror_of_any_route_in_either_form) {
  auto world = pinned_to("v1", rule_with({subset("v1", "v1")}));
  EXPECT_THAT(reasons(world), IsEmpty());
  world.with(orders(mirrored(to_v1())));
  auto fixed = world.read().fixed_to_stable;
  ASSERT_EQ(fixed.size(), 1U);
  EXPECT_THAT(fixed[0].message,
              HasSubstr("VirtualService \"orders\" spec.http[0].mirror names subset \"v1\""));
  EXPECT_EQ(fixed[0].remedy, "name no subset there");

  auto several = pinned_to("v1", rule_with({subset("v1", "v1")}));
  several.objects.of(kube::kVirtualServices)[0]["spec"]["http"][0]["mirrors"] =
      Json::array({{{"destination", {{"host", "audit"}}}},
                   {{"destination", to_v1()}},
                   {{"destination", {{"host", "checkout"}}}}});
  fixed = several.read().fixed_to_stable;
  ASSERT_EQ(fixed.size(), 1U);
  EXPECT_THAT(fixed[0].message, HasSubstr("spec.http[0].mirrors[1].destination names"));
}

TEST(Undivided, is_a_tcp_or_tls_route_of_an_object_whose_listed_routes_have_names) {
  auto world = with_unlisted_route();
  auto& spec = world.objects.of(kube::kVirtualServices)[0]["spec"];
  spec["http"].erase(0);
  spec["tcp"] = Json::array({{{"route", Json::array({to("checkout", "v1")})}}});
  spec["tls"] = spec["tcp"];
  const auto fixed = world.read().fixed_to_stable;
  ASSERT_EQ(fixed.size(), 2U);
  EXPECT_THAT(fixed[0].message, HasSubstr("spec.tcp[0].route[0].destination"));
  EXPECT_EQ(fixed[0].remedy, "name no subset there");
  EXPECT_THAT(fixed[1].message, HasSubstr("spec.tls[0].route[0].destination"));
}

TEST(Undivided, is_a_route_or_a_mirror_of_another_namespace) {
  auto world = unpinned(rule_with({subset("v1", "v1")}));
  world.with(orders(mirrored(to_v1(kInFull)), "web"));
  const auto fixed = world.read().fixed_to_stable;
  ASSERT_EQ(fixed.size(), 1U);
  EXPECT_THAT(fixed[0].message, HasSubstr("VirtualService \"web/orders\" spec.http[0].mirror"));
  EXPECT_EQ(fixed[0].effect, Effect::Warns);
  EXPECT_THAT(world.read().refusals, IsEmpty());
  // There the short name is another Service's.
  auto other = unpinned(rule_with({subset("v1", "v1")}));
  other.with(orders(mirrored(to_v1()), "web"));
  EXPECT_THAT(reasons(other), IsEmpty());
}

TEST(Undivided, of_a_trusted_namespace_is_waited_for_only_before_the_release_begins) {
  auto world = unpinned(rule_with({subset("v1", "v1")}));
  world.target.trusted.insert("web");
  world.with(orders(mirrored(to_v1(kInFull)), "web"));
  EXPECT_EQ(world.read().fixed_to_stable.at(0).effect, Effect::HoldsRelease);
  world.begin();
  EXPECT_EQ(world.read().fixed_to_stable.at(0).effect, Effect::KeepsPods);
  world.objects.of(kube::kVirtualServices).back()["metadata"]["namespace"] = "shop";
  EXPECT_EQ(world.read().fixed_to_stable.at(0).effect, Effect::HoldsRelease);
}

TEST(Undivided, of_a_namespace_that_is_not_trusted_keeps_neither_subsets_nor_pods) {
  for (const bool trusted : {false, true}) {
    auto world = World(placeholder()).with(simple(Json::array({{{"route", Json::array({to("checkout")})}}})));
    if (trusted) world.target.trusted.insert("web");
    world.begin();
    world.with(orders(mirrored({{"host", kInFull}, {"subset", "v2"}}), "web"));
    const auto reading = world.read();
    EXPECT_EQ(reading.fixed_to_candidate.empty(), !trusted);
    EXPECT_THAT(reading.not_isolated, IsEmpty());
    ASSERT_EQ(reading.not_isolated_untrusted.empty(), trusted);
    if (!trusted) {
      EXPECT_THAT(reading.not_isolated_untrusted[0],
                  HasSubstr("\"web/orders\" spec.http[0].mirror names subset \"v2\" of Service checkout, "
                            "which has pods of version v2 alone: after a rollback no pod answers there"));
    }
    world.finish(false);
    EXPECT_EQ(world.objects.of(kube::kDestinationRules).empty(), !trusted);
  }
}

TEST(Undivided, is_a_route_to_a_versions_own_service) {
  auto world = unpinned(rule_with(Json::array()));
  world.target.stable_service = "checkout-v1";
  world.target.candidate_service = "checkout-v2";
  world.with(orders({{"route", Json::array({to("checkout-v1", "", 50), to("checkout-v2", "", 50)})}}));
  const auto reading = world.read();
  ASSERT_EQ(reading.fixed_to_stable.size(), 1U);
  EXPECT_THAT(reading.fixed_to_stable[0].message,
              HasSubstr("spec.http[0].route[0].destination names Service checkout-v1, which has pods"));
  EXPECT_THAT(reading.fixed_to_stable[0].remedy, HasSubstr("name Service checkout there"));
  EXPECT_THAT(
      reading.fixed_to_candidate,
      ElementsAre(HasSubstr("route[1].destination names Service checkout-v2, which has pods of version v2")));
}

TEST(Undivided, is_a_listed_route_whose_subset_has_more_labels_than_the_version) {
  const Json labels{{"app", "checkout"}, {"version", "v1"}};
  for (const bool known : {true, false}) {
    auto world = pinned_to("live", rule_with({labelled("live", labels)}));
    if (known) world = with_labels(std::move(world));
    const auto fixed = world.read().fixed_to_stable;
    ASSERT_EQ(fixed.size(), 1U);
    EXPECT_EQ(fixed[0].reason, "SubsetHasMoreLabels");
    EXPECT_EQ(
        fixed[0].message,
        "VirtualService \"checkout\" spec.http[0].route[0].destination names subset \"live\" of Service "
        "checkout, whose labels {\"app\":\"checkout\",\"version\":\"v1\"} select pods of version v1 alone, "
        "and a release moves subsets of {\"version\":\"v1\"} only");
    EXPECT_EQ(fixed[0].remedy, "give the subset that label alone, or name no subset there");
  }
}

TEST(Undivided, goes_by_the_labels_that_tell_the_versions_pods_apart) {
  const auto reasons_for = [](const Json& labels) {
    return reasons(with_labels(pinned_to("live", rule_with({labelled("live", labels)}))));
  };
  EXPECT_THAT(reasons_for({{"tier", "old"}}), ElementsAre("SubsetHasMoreLabels"));
  EXPECT_THAT(reasons_for({{"version", "v1"}, {"injected", "yes"}}), ElementsAre("SubsetHasMoreLabels"));
  EXPECT_THAT(reasons_for({{"app", "checkout"}}), IsEmpty());
  EXPECT_THAT(reasons_for({{"version", "v0"}, {"app", "checkout"}}), IsEmpty());
  EXPECT_THAT(reasons_for({{"version", "v1"}, {"app", "cart"}}), IsEmpty());
  EXPECT_THAT(reasons_for({{"injected", "yes"}}), IsEmpty());
  EXPECT_THAT(reasons_for(Json::object()), IsEmpty());
}

TEST(Undivided, refuses_a_listed_route_to_the_candidates_pods_by_whatever_labels) {
  const Json labels{{"app", "checkout"}, {"version", "v2"}};
  const auto reading = with_labels(pinned_to("next", rule_with({labelled("next", labels)}))).read();
  ASSERT_EQ(reading.refusals.size(), 1U);
  EXPECT_EQ(reading.refusals[0].reason, "RouteNamesCandidate");
  EXPECT_THAT(reading.refusals[0].message,
              AllOf(HasSubstr("names subset \"next\""), HasSubstr("select pods of version v2 alone")));
}

TEST(Undivided, is_no_route_or_mirror_that_follows_the_selector_or_a_subset_that_moves) {
  auto world = pinned_to("stable", rule_with({subset("stable", "v1")}));
  world.with(orders(mirrored({{"host", "checkout"}, {"subset", "stable"}})));
  EXPECT_THAT(reasons(world), IsEmpty());
  world.begin();
  EXPECT_THAT(reasons(world), IsEmpty());
  world.finish(true);
  EXPECT_EQ(world.subsets(), (Json{subset("stable", "v2")}));
  auto plain = unpinned(rule_with({subset("v1", "v1")}));
  plain.with(orders(mirrored({{"host", "checkout"}})));
  EXPECT_THAT(reasons(plain), IsEmpty());
}

TEST(Undivided, is_never_what_the_release_divides) {
  for (const auto& target : {placeholder(), dedicated_mode()}) {
    auto world = pinned_to("v1", rule_with({subset("v1", "v1")}), target);
    world.begin();
    world.route(30);
    EXPECT_THAT(reasons(world), IsEmpty());
    EXPECT_THAT(world.read().fixed_to_candidate, IsEmpty());
  }
}

// ---- What is named is not taken away ----

TEST(Kept, is_a_pinned_subset_that_an_unlisted_route_names_beside_its_successor) {
  auto world = with_unlisted_route();
  const auto before = world.objects;
  world.begin();
  auto back = world;
  back.finish(false);
  EXPECT_TRUE(back.objects == before) << text_of(back.objects);
  world.finish(true);
  EXPECT_EQ(world.route_of(0), (Json{to("checkout", "v1")}));
  EXPECT_EQ(world.route_of(1), (Json{to("checkout", "v2")}));
  EXPECT_EQ(world.subsets(), (Json{subset("v1", "v1"), subset("v2", "v2")}));
  EXPECT_FALSE(world.read().foundation->added);
  EXPECT_EQ(world.remove(true), 0);
  EXPECT_EQ(reasons(world), std::vector<std::string>{"PinnedToStable"});
  // The way back from there.
  world.ensure();
  world.route(100);
  world.finish(false);
  EXPECT_TRUE(world.objects == before) << text_of(world.objects);
}

TEST(Kept, is_a_subset_that_the_release_added_and_a_mirror_names_by_now) {
  for (const bool promoted : {false, true}) {
    auto world = unpinned(rule_with({subset("beta", "v0")}));
    world.begin();
    world.with(orders(mirrored(to_v1())));
    EXPECT_EQ(reasons(world), std::vector<std::string>{"PinnedToStable"});
    world.finish(promoted);
    EXPECT_EQ(world.subsets(), (Json{subset("beta", "v0"), subset("v1", "v1")}));
    EXPECT_FALSE(world.read().foundation->added);
  }
}

TEST(Kept, is_the_rule_that_the_release_made_while_a_mirror_names_a_subset_of_it) {
  World world(placeholder());
  world.with(simple({{{"route", {to("checkout")}}}}));
  world.begin();
  world.with(orders(mirrored(to_v1())));
  world.finish(false);
  EXPECT_EQ(world.objects.of(kube::kDestinationRules).size(), 1U);
  EXPECT_FALSE(world.read().foundation->added);
  world.objects.of(kube::kVirtualServices).pop_back();
  EXPECT_TRUE(world.read().foundation->added);
  world.remove();
  EXPECT_THAT(world.objects.of(kube::kDestinationRules), IsEmpty());
}

}  // namespace
}  // namespace weir::routing
