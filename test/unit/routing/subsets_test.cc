// Subsets that a release adds, uses and refuses, and those that an owner pinned routes to.
#include <gmock/gmock.h>

#include <string>
#include <tuple>

#include "test/unit/routing/checkout_rule.h"
#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

using ::testing::HasSubstr;

TEST(Subsets, are_added_at_the_end_and_taken_away_again) {
  auto world = unpinned(rule_with({subset("beta", "v0")}));
  const auto before = world.objects;
  auto state = *world.read().foundation;
  EXPECT_FALSE(state.present);
  EXPECT_FALSE(state.added);
  ASSERT_EQ(state.found.size(), 2U);
  EXPECT_EQ(state.found[0], (strategies::RouteRecord{"DestinationRule/checkout", "subset/v1", ""}));
  EXPECT_EQ(state.found[1], (strategies::RouteRecord{"DestinationRule/checkout", "subset/v2", ""}));
  world.begin();
  EXPECT_EQ(world.subsets(), (Json{subset("beta", "v0"), subset("v1", "v1"), subset("v2", "v2")}));
  state = *world.read().foundation;
  EXPECT_TRUE(state.present);
  EXPECT_TRUE(state.added);
  EXPECT_FALSE(state.pinned);
  EXPECT_TRUE(state.found.empty());
  EXPECT_EQ(world.ensure(), 0);
  world.finish(true);
  EXPECT_TRUE(world.objects == before) << text_of(world.objects);
  EXPECT_FALSE(world.read().foundation->added);
}

// Found by the simulation: the route got a pair beside the one that named what nobody defined any more, and
// most requests went on to that.
TEST(Subsets, of_an_owner_who_deletes_the_rule_are_replaced_in_the_divided_route) {
  for (const auto& names : {std::pair{"blue", "green"}, std::pair{"blue", "v2"}}) {
    auto world = unpinned(rule_with({subset(names.first, "v1"), subset(names.second, "v2")}));
    const auto before = world.objects.of(kube::kVirtualServices);
    world.begin();
    world.route(10);
    world.objects.of(kube::kDestinationRules).clear();
    world.ensure();
    EXPECT_EQ(world.subsets(), (Json{subset("v1", "v1"), subset("v2", "v2")}));
    world.route(10);
    EXPECT_EQ(world.route_of(), (Json{to("checkout", "v1", 90), to("checkout", "v2", 10)})) << names.second;
    world.finish(false);
    EXPECT_TRUE(world.objects.of(kube::kVirtualServices) == before) << world.route_of();
  }
}

TEST(Subsets, leave_the_field_absent_where_it_was_absent_and_empty_where_it_was_empty) {
  for (const bool absent : {true, false}) {
    auto rule = rule_with(Json::array());
    if (absent) rule["spec"].erase("subsets");
    auto world = unpinned(rule);
    world.begin();
    EXPECT_EQ(world.subsets().size(), 2U);
    world.finish(false);
    EXPECT_EQ(world.rule(), rule);
  }
}

TEST(Subsets, of_the_owner_with_exactly_the_versions_label_are_used_by_their_names) {
  auto world = unpinned(rule_with({subset("blue", "v1"), subset("green", "v2")}));
  const auto before = world.objects;
  EXPECT_TRUE(world.read().foundation->present);
  world.begin();
  world.route(10);
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "blue", 90), to("checkout", "green", 10)}));
  EXPECT_EQ(world.subsets(), before.of(kube::kDestinationRules)[0]["spec"]["subsets"]);
  world.finish(true);
  EXPECT_TRUE(world.objects == before) << text_of(world.objects);
}

TEST(Subsets, are_named_as_the_spec_says) {
  auto world = unpinned(rule_with(Json::array()));
  world.target.settings["subsets"]["stable"] = "old";
  world.target.settings["subsets"]["candidate"] = "new";
  world.begin();
  EXPECT_EQ(world.subsets(), (Json{subset("old", "v1"), subset("new", "v2")}));
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "old", 100), to("checkout", "new", 0)}));
}

TEST(Subsets, are_refused_where_their_name_means_something_else) {
  auto world = unpinned(rule_with({subset("v2", "v0")}));
  const auto refusals = world.read().refusals;
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].reason, "SubsetNameTaken");
  EXPECT_THAT(refusals[0].message, HasSubstr("DestinationRule \"checkout\" spec.subsets has \"v2\""));
  EXPECT_THAT(refusals[0].message, HasSubstr("spec.routing.istio.subsets.candidate"));
  const auto writes = world.router.prepare(world.target, world.objects);
  ASSERT_FALSE(writes.has_value());
  EXPECT_EQ(writes.error().message, refusals[0].message);
}

TEST(Subsets, are_refused_where_the_rule_has_something_else_in_their_place) {
  for (const auto& unusable : {Json(43), Json(), Json::object()}) {
    auto world = unpinned(rule_with(unusable));
    const auto refusals = world.read().refusals;
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_EQ(refusals[0].reason, "SubsetsNotUsable");
    EXPECT_EQ(refusals[0].message, "DestinationRule \"checkout\" spec.subsets is " + unusable.dump() +
                                       "; a list of subsets is accepted");
    EXPECT_FALSE(world.router.prepare(world.target, world.objects).has_value());
  }
}

TEST(Subsets, are_refused_where_a_route_names_one_that_its_rule_calls_otherwise) {
  World world(placeholder());
  world.with(simple(Json::array({{{"route", {to("checkout", "v1")}}}})))
      .with(rule_with({subset("stable", "v1")}));
  const auto refusals = world.read().refusals;
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].reason, "SubsetNotDefined");
  EXPECT_EQ(refusals[0].message,
            "a route names subset \"v1\", which DestinationRule \"checkout\" does not define; version v1 has "
            "subset \"stable\": name that one in the route");
}

TEST(Subsets, are_refused_when_both_versions_would_share_a_name) {
  auto world = unpinned(rule_with(Json::array()));
  world.target.settings["subsets"]["candidate"] = "v1";
  const auto refusals = world.read().refusals;
  ASSERT_FALSE(refusals.empty());
  EXPECT_EQ(refusals.back().reason, "SubsetsAlike");
}

TEST(Subsets, that_came_back_after_a_half_written_start_are_not_recorded_twice) {
  auto world = unpinned(rule_with(Json::array()));
  world.ensure();
  world.rule()["spec"]["subsets"].erase(1);
  EXPECT_FALSE(world.read().foundation->present);
  EXPECT_TRUE(world.read().foundation->found.empty());
  world.ensure();
  EXPECT_EQ(world.subsets().size(), 2U);
  EXPECT_EQ(world.target.records.size(), 2U);
}

TEST(Subsets, that_the_release_did_not_add_stay) {
  auto world = unpinned(rule_with({subset("v1", "v1")}));
  world.begin();
  world.rule()["spec"]["subsets"].push_back(subset("beta", "v0"));
  world.finish(false);
  EXPECT_EQ(world.subsets(), (Json{subset("v1", "v1"), subset("beta", "v0")}));
}

// ---- Routes that their owner pinned to stable's version ----

TEST(Pinned, to_stable_moves_to_the_owners_subset_of_the_candidate) {
  auto world = pinned_to("blue", rule_with({subset("blue", "v1"), subset("green", "v2")}));
  const auto before = world.objects;
  world.begin();
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "blue", 100), to("checkout", "green", 0)}));
  EXPECT_FALSE(world.read().foundation->pinned);
  auto back = world;
  back.finish(false);
  EXPECT_TRUE(back.objects == before) << text_of(back.objects);
  world.finish(true);
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "green")}));
  EXPECT_EQ(world.rule(), before.of(kube::kDestinationRules)[0]);
  EXPECT_TRUE(world.read().routes->original());
}

TEST(Pinned, by_the_versions_own_name_is_succeeded_in_its_place_by_the_candidates) {
  auto world = pinned_to("v1", rule_with({with_policy(subset("v1", "v1"), kPool), subset("beta", "v0")}));
  const auto before = world.objects;
  world.begin();
  EXPECT_EQ(world.subsets()[2], with_policy(subset("v2", "v2"), kPool));
  EXPECT_FALSE(world.read().foundation->pinned);
  auto back = world;
  back.finish(false);
  EXPECT_TRUE(back.objects == before) << text_of(back.objects);
  world.finish(true);
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "v2")}));
  EXPECT_EQ(world.subsets(), (Json{with_policy(subset("v2", "v2"), kPool), subset("beta", "v0")}));
  EXPECT_FALSE(world.read().foundation->added);
  EXPECT_TRUE(world.read().routes->original());
}

TEST(Pinned, by_another_name_keeps_it_and_gets_the_candidates_labels) {
  auto world = pinned_to("stable", rule_with({with_policy(subset("stable", "v1"), kPool)}));
  const auto before = world.objects;
  world.begin();
  EXPECT_TRUE(world.read().foundation->pinned);
  EXPECT_EQ(world.subsets(),
            (Json{with_policy(subset("stable", "v1"), kPool), with_policy(subset("v1", "v1"), kPool),
                  with_policy(subset("v2", "v2"), kPool)}));
  // What moves carries nothing: the divided routes have subsets of their own.
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "v1", 100), to("checkout", "v2", 0)}));
  auto back = world;
  back.finish(false);
  EXPECT_TRUE(back.objects == before) << text_of(back.objects);

  world.route(100);
  EXPECT_EQ(world.move_pinned(), 1);
  EXPECT_EQ(world.move_pinned(), 0);
  EXPECT_FALSE(world.read().foundation->pinned);
  EXPECT_TRUE(world.read().foundation->present);
  EXPECT_TRUE(world.read().routes->at(percent(100)));
  EXPECT_TRUE(world.read().refusals.empty());
  world.restore(true);
  world.remove(true);
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "stable")}));
  EXPECT_EQ(world.subsets(), (Json{with_policy(subset("stable", "v2"), kPool)}));
  EXPECT_FALSE(world.read().foundation->added);
}

TEST(Pinned, is_moved_back_when_a_promotion_is_taken_back_half_way) {
  auto world = pinned_to("stable", rule_with({subset("stable", "v1")}));
  const auto before = world.objects;
  world.begin();
  world.route(100);
  world.move_pinned();
  world.route(0);
  EXPECT_EQ(world.subsets()[0], subset("stable", "v1"));
  world.restore();
  world.remove();
  EXPECT_TRUE(world.objects == before) << text_of(world.objects);
}

TEST(Pinned, in_spec_as_the_stable_subset_is_not_used_for_divided_routes_either) {
  auto world = pinned_to("stable", rule_with({subset("stable", "v1")}));
  world.target.settings["subsets"]["stable"] = "stable";
  world.target.settings["subsets"]["candidate"] = "canary";
  const auto before = world.objects;
  world.begin();
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "v1", 100), to("checkout", "canary", 0)}));
  auto back = world;
  back.finish(false);
  EXPECT_TRUE(back.objects == before);
  world.finish(true);
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "stable")}));
  EXPECT_EQ(world.subsets(), (Json{subset("stable", "v2")}));
}

// Whatever it is called: the candidate's subset goes with the rule that the release makes.
TEST(Pinned, in_a_rule_for_many_services_is_refused) {
  for (const auto* name : {"stable", "v1"}) {
    World world(placeholder());
    world.with(simple({{{"route", {to("checkout", name)}}}}));
    world.with(
        destination_rule("all", {{"host", "*.shop.svc.cluster.local"}, {"subsets", {subset(name, "v1")}}}));
    const auto refusals = world.read().refusals;
    ASSERT_EQ(refusals.size(), 1U) << name;
    EXPECT_EQ(refusals[0].reason, "PinnedInSharedRule") << name;
    EXPECT_THAT(refusals[0].message, HasSubstr("*.shop.svc.cluster.local")) << name;
  }
}

TEST(Pinned, in_a_rule_for_many_services_that_has_both_versions_is_moved) {
  World world(placeholder());
  world.with(simple({{{"route", {to("checkout", "v1")}}}}));
  world.with(destination_rule(
      "all", {{"host", "*.shop.svc.cluster.local"}, {"subsets", {subset("v1", "v1"), subset("v2", "v2")}}}));
  EXPECT_TRUE(world.read().refusals.empty());
}

TEST(Pinned, to_a_subset_that_nobody_defines_leaves_nothing_behind) {
  for (const bool promoted : {false, true}) {
    auto world = pinned_to("v1", rule_with(Json::array()));
    const auto rule = world.rule();
    world.begin();
    world.finish(promoted);
    EXPECT_EQ(world.rule(), rule);
    EXPECT_EQ(world.route_of(), (Json{to("checkout", promoted ? "v2" : "v1")}));
  }
}

class TakenBack : public ::testing::TestWithParam<std::tuple<const char*, bool>> {};

// After the promotion and its clean-up: everything is divided again, moved over, and put back.
TEST_P(TakenBack, a_finished_promotion_leaves_everything_as_it_was_before_it) {
  const auto& [name, in_dedicated_mode] = GetParam();
  const std::string pinned = name;
  Json subsets = Json::array({with_policy(subset("blue", "v1"), kPool)});
  if (pinned == "green") subsets.push_back(subset("next", "v2"));
  if (!pinned.empty()) subsets[0]["name"] = pinned;
  auto world = pinned_to(pinned, rule_with(subsets), in_dedicated_mode ? dedicated_mode() : placeholder());
  const auto before = world.objects;
  world.begin();
  world.finish(true);
  EXPECT_TRUE(world.read().routes->original());
  EXPECT_FALSE(world.read().foundation && world.read().foundation->added);
  EXPECT_EQ(world.subsets().size(), subsets.size());

  world.ensure();
  EXPECT_TRUE(world.read().foundation->present);
  world.route(100);
  EXPECT_TRUE(world.read().routes->at(percent(100))) << text_of(world.objects);
  world.route(0);
  EXPECT_TRUE(world.read().routes->at(percent(0)));
  world.restore();
  EXPECT_TRUE(world.read().routes->original());
  world.remove();
  EXPECT_TRUE(world.objects == before) << text_of(world.objects);
}

INSTANTIATE_TEST_SUITE_P(Ways, TakenBack,
                         ::testing::Combine(::testing::Values("", "v1", "stable", "green"),
                                            ::testing::Bool()));

}  // namespace
}  // namespace weir::routing
