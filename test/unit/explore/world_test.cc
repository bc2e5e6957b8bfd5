#include "test/explore/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "strategies/machine.h"
#include "test/explore/edits.h"
#include "test/explore/events.h"
#include "test/explore/reading.h"

namespace weir::explore {
namespace {

// A divided route over both versions, with pods behind both.
Objects divided(int weight) {
  Objects objects;
  objects.candidate.ready = objects.candidate.replicas;
  objects.service.selects = static_cast<Byte>(Selects::Both);
  objects.rule.stable = objects.rule.candidate = true;
  objects.routes = {.form = Form::Pair, .weight = static_cast<Byte>(weight)};
  return objects;
}

Way way_by(const Objects& objects) { return way_of(config_of(objects), objects); }

std::vector<Step> steps_of(const World& world) {
  std::vector<Step> steps;
  each_step(world, strategies::decide, [&](const Step& step) {
    steps.push_back(step);
    steps.back().round = nullptr;  // lives only during the call
  });
  return steps;
}

bool happens(const std::vector<Step>& steps, Kind kind) {
  return std::ranges::any_of(steps, [kind](const Step& step) { return step.event.kind == kind; });
}

TEST(Way, follows_the_weights_of_divided_routes) {
  EXPECT_EQ(way_by(divided(20)).candidate, 20);
  EXPECT_EQ(way_by(divided(20)).lost, 0);
}

TEST(Way, leads_to_all_that_the_service_selects_where_the_routes_are_the_owners) {
  auto objects = divided(0);
  objects.routes = {};
  EXPECT_EQ(way_by(objects).candidate, 50);
  objects.service.selects = static_cast<Byte>(Selects::Stable);
  EXPECT_EQ(way_by(objects).candidate, 0);
  EXPECT_EQ(way_by(objects).lost, 0);
}

TEST(Way, loses_what_goes_to_a_version_that_the_rule_does_not_define) {
  auto objects = divided(20);
  objects.rule.candidate = false;
  EXPECT_EQ(way_by(objects).lost, 20);
  objects.rule.stable = false;
  EXPECT_EQ(way_by(objects).lost, 100);
}

TEST(Way, loses_what_goes_to_pods_that_are_gone_or_not_behind_the_service) {
  auto objects = divided(20);
  const auto config = config_of(objects);
  objects.stable.ready = 0;
  EXPECT_EQ(way_of(config, objects).lost, 80);
  objects = divided(20);
  objects.service.selects = static_cast<Byte>(Selects::Stable);
  EXPECT_EQ(way_by(objects).lost, 20);
  objects.service = {.exists = false};
  EXPECT_EQ(way_by(objects).lost, 100);
}

TEST(Way, loses_what_goes_to_pods_of_which_each_was_replaced) {
  auto objects = divided(20);
  const auto config = config_of(objects);
  ++objects.stable.oldest;
  EXPECT_EQ(way_of(config, objects).lost, 0) << "one of two is known";
  ++objects.candidate.oldest;
  EXPECT_EQ(way_of(config, objects).lost, 20);
  EXPECT_EQ(way_by(objects).lost, 0);
}

TEST(Way, loses_what_goes_to_a_version_whose_pods_have_another_label) {
  auto objects = divided(20);
  objects.candidate.relabelled = true;
  EXPECT_EQ(way_by(objects).lost, 20);
  objects.routes = {};
  EXPECT_EQ(way_by(objects).lost, 0);
}

TEST(World, is_the_same_whichever_proxy_is_called_the_first) {
  auto one = first_world(1, 1);
  one.proxies[0].lag[0] = 1;
  auto other = first_world(1, 1);
  other.proxies[1].lag[0] = 1;
  make_canonical(one);
  make_canonical(other);
  EXPECT_TRUE(same(one, other));
  EXPECT_EQ(fingerprint(one), fingerprint(other));
  other.proxies[0].lag[0] = other.proxies[1].lag[0] = 1;
  EXPECT_NE(fingerprint(one), fingerprint(other));
}

TEST(World, is_the_same_after_a_pod_was_replaced_of_which_nobody_knows_any_more) {
  auto world = first_world(0, 0);
  auto replaced = world;
  ++replaced.objects.stable.oldest;
  note_change(world.objects, replaced, false);
  make_canonical(replaced);
  EXPECT_FALSE(same(world, replaced));
  replaced.caches.objects = replaced.objects;
  replaced.caches.endpoints = endpoints_of(replaced.objects);
  replaced.caches.broken = {};
  replaced.caches.news = 0;
  replaced.caches.pod_ages[0] = {0, kDelay, kDelay};
  for (auto& proxy : replaced.proxies) proxy = {.config = config_of(replaced.objects)};
  make_canonical(replaced);
  EXPECT_TRUE(same(world, replaced));
}

TEST(World, knows_what_a_status_says_after_it_was_kept) {
  auto world = first_world(0, 0);
  world.record = {.started = true,
                  .phase = static_cast<Byte>(Phase::Progressing),
                  .weight = 20,
                  .step = 1,
                  .checks = 1,
                  .failed = 1,
                  .pod_template = 1,
                  .identity = true,
                  .stable_replicas = 2,
                  .stable_ready = 2,
                  .step_age = 3,
                  .transition_age = 4,
                  .progress_age = 1,
                  .breaker_age = 0,
                  .check_age = 1,
                  .drifts = 2,
                  .paused = true,
                  .routes_kept = true,
                  .rule_kept = true};
  EXPECT_EQ(record_of(release_of(world).status), world.record);
}

TEST(Events, hold_time_until_every_proxy_has_what_it_was_promised) {
  auto world = first_world(0, 0);
  world.proxies[0].lag[0] = 0;
  EXPECT_TRUE(happens(steps_of(world), Kind::Time));
  world.proxies[0].lag[0] = kDelay - 1;
  EXPECT_FALSE(happens(steps_of(world), Kind::Time));
}

TEST(Events, hold_time_until_the_watches_have_brought_everything) {
  auto world = first_world(1, 0);
  const auto steps = steps_of(world);
  const auto edit =
      std::ranges::find_if(steps, [](const Step& step) { return step.event.kind == Kind::Edit; });
  ASSERT_NE(edit, steps.end());
  const auto after = steps_of(edit->next);
  EXPECT_FALSE(happens(after, Kind::Time));
  EXPECT_TRUE(happens(after, Kind::Watch));
}

TEST(Events, spend_edits_and_crashes) {
  const auto none = steps_of(first_world(0, 0));
  EXPECT_FALSE(happens(none, Kind::Edit) || happens(none, Kind::Restart));
  for (const auto& step : steps_of(first_world(2, 1))) {
    EXPECT_EQ(step.next.edits_left, step.event.kind == Kind::Edit ? 1 : 2);
    const bool dies = step.event.kind == Kind::Restart || step.event.kind == Kind::CutRound;
    EXPECT_EQ(step.next.crashes_left, dies ? 0 : 1);
  }
}

TEST(Edits, change_something_wherever_they_are_possible) {
  auto world = first_world(1, 0);
  world.record.identity = true;
  for (auto objects : {world.objects, divided(20)}) {
    world.objects = objects;
    for (const auto& edit : edits()) {
      if (!edit.possible(world)) continue;
      auto after = objects;
      edit.apply(after);
      EXPECT_FALSE(after == objects) << edit.text;
    }
  }
}

TEST(Edits, are_told_apart_by_their_texts) {
  std::set<std::string_view> texts;
  for (const auto& edit : edits()) EXPECT_TRUE(texts.insert(edit.text).second) << edit.text;
}

}  // namespace
}  // namespace weir::explore
