// How the share that an owner gives the Service is divided, read back, and put back.
#include <gmock/gmock.h>

#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

using ::testing::HasSubstr;

World shared(int share) {
  return World(placeholder())
      .with(simple({{{"route", {to("checkout", "", share), to("legacy", "", 100 - share)}}}}));
}

Json weights_of(const World& world) {
  Json weights = Json::array();
  for (const auto& entry : world.route_of()) weights.push_back(entry.value("weight", Json()));
  return weights;
}

TEST(Share, of_one_is_divided_exactly_by_multiplying_all_weights_of_the_route) {
  auto world = shared(1);
  world.begin();
  EXPECT_EQ(weights_of(world), Json({1, 0, 99}));
  world.route(10);
  EXPECT_EQ(weights_of(world), Json({9, 1, 990}));
  world.route(60);
  EXPECT_EQ(weights_of(world), Json({2, 3, 495}));
  world.route(7);
  EXPECT_EQ(weights_of(world), Json({93, 7, 9900}));
  world.route(100);
  EXPECT_EQ(weights_of(world), Json({0, 1, 99}));
}

TEST(Share, of_nothing_is_said_of_each_route_that_has_none) {
  using ::testing::ElementsAre;
  EXPECT_THAT(shared(1).read().idle_routes, ElementsAre());
  const auto none = shared(0).read();
  EXPECT_THAT(none.idle_routes, ElementsAre("VirtualService \"checkout\" spec.http[0].route"));
  EXPECT_TRUE(none.only_idle_routes);
  const Json idle{{"name", "api"}, {"route", Json::array({to("legacy", "", 100), to("checkout", "", 0)})}};
  const Json divided{{"route", Json::array({to("checkout", "", 0), to("checkout", "", 100)})}};
  const auto some = World(placeholder()).with(simple(Json::array({idle, divided}))).read();
  EXPECT_THAT(some.idle_routes, ElementsAre("VirtualService \"checkout\" spec.http[0] (\"api\").route"));
  EXPECT_FALSE(some.only_idle_routes);
  auto begun = shared(0);
  begun.begin();
  EXPECT_TRUE(begun.read().only_idle_routes);
}

TEST(Share, that_divides_in_whole_per_cent_is_left_at_its_scale) {
  auto world = shared(80);
  world.begin();
  for (const int weight : {5, 10, 50, 95}) {
    world.route(weight);
    EXPECT_EQ(weights_of(world), Json({80 - 80 * weight / 100, 80 * weight / 100, 20}));
  }
}

TEST(Share, is_what_it_was_at_the_end_whatever_the_step) {
  for (int share = 0; share <= 100; ++share) {
    for (const int weight : {0, 1, 10, 33, 50, 60, 99, 100}) {
      auto world = shared(share);
      const auto before = world.objects;
      world.begin();
      world.route(weight);
      const auto routes = *world.read().routes;
      EXPECT_TRUE(routes.at(percent(weight))) << share << " " << weight;
      EXPECT_EQ(routes.highest(), share == 0 ? 0 : weight) << share;
      EXPECT_TRUE(world.read().refusals.empty());
      EXPECT_EQ(world.route(weight), 0);
      world.restore();
      world.remove();
      EXPECT_TRUE(world.objects == before) << text_of(world.objects);
    }
  }
}

TEST(Share, of_several_places_has_one_scale_that_makes_all_parts_whole) {
  Json grpc = to("checkout", "", 7);
  grpc["destination"]["port"]["number"] = 90;
  Json absent = to("old");
  auto world = World(placeholder())
                   .with(simple({{{"route", {to("checkout", "", 25), grpc, to("legacy", "", 68), absent}}}}));
  const auto before = world.objects;
  world.begin();
  world.route(10);
  EXPECT_EQ(weights_of(world), Json({225, 25, 63, 7, 680, nullptr}));
  EXPECT_TRUE(world.read().routes->at(percent(10)));
  world.route(20);
  EXPECT_EQ(weights_of(world), Json({100, 25, 28, 7, 340, nullptr}));
  world.finish(false);
  EXPECT_TRUE(world.objects == before) << text_of(world.objects);
}

TEST(Share, of_places_that_are_all_the_route_is_known_by_its_sum) {
  Json grpc = to("checkout", "", 67);
  grpc["destination"]["port"]["number"] = 90;
  auto world = World(placeholder()).with(simple({{{"route", {to("checkout", "", 33), grpc}}}}));
  world.begin();
  world.route(10);
  EXPECT_EQ(weights_of(world), Json({297, 33, 603, 67}));
  EXPECT_TRUE(world.read().routes->at(percent(10)));
  world.entries()[1]["weight"] = 330;
  EXPECT_FALSE(world.read().routes->at(percent(10)));
  world.route(10);
  EXPECT_EQ(weights_of(world), Json({297, 33, 603, 67}));
}

TEST(Share, that_an_older_operator_has_rounded_is_not_taken_for_the_step) {
  auto world = shared(1);
  world.begin();
  world.entries()[0]["weight"] = 0;
  world.entries()[1]["weight"] = 1;
  EXPECT_FALSE(world.read().routes->at(percent(60)));
  EXPECT_EQ(world.read().routes->highest(), 100);
  world.route(60);
  EXPECT_EQ(weights_of(world), Json({2, 3, 495}));
}

TEST(Share, that_somebody_edits_while_it_is_multiplied_comes_back) {
  for (const auto& [stable, candidate] : {std::pair{0, 10}, {50, 50}, {15, 0}, {990, 10}, {0, 0}}) {
    auto world = shared(1);
    const auto before = world.objects;
    world.begin();
    world.route(10);
    world.entries()[0]["weight"] = stable;
    world.entries()[1]["weight"] = candidate;
    EXPECT_FALSE(world.read().routes->at(percent(10)));
    EXPECT_TRUE(world.read().refusals.empty());
    auto unrepaired = world;
    world.route(10);
    EXPECT_EQ(weights_of(world), Json({9, 1, 990}));
    unrepaired.restore();
    unrepaired.remove();
    EXPECT_TRUE(unrepaired.objects == before) << text_of(unrepaired.objects);
  }
}

TEST(Share, of_a_torn_pair_at_another_scale_comes_back) {
  auto world = shared(1);
  const auto before = world.objects;
  world.begin();
  world.route(10);
  world.entries().erase(0);
  EXPECT_FALSE(world.read().routes->at(percent(10)));
  world.route(10);
  EXPECT_EQ(weights_of(world), Json({9, 1, 990}));
  world.finish(false);
  EXPECT_TRUE(world.objects == before) << text_of(world.objects);
}

TEST(Share, is_the_one_that_its_owner_gives_while_it_is_divided) {
  auto world = shared(1);
  world.begin();
  world.route(10);
  // In the weights that are there, or in new ones.
  for (const auto& given : {Json{18, 2, 980}, Json{2, 0, 98}}) {
    auto edited = world;
    for (std::size_t i = 0; i < given.size(); ++i) edited.entries()[i]["weight"] = given[i];
    edited.route(50);
    EXPECT_EQ(weights_of(edited), Json({1, 1, 98})) << given;
    edited.finish(false);
    EXPECT_EQ(edited.route_of(), (Json{to("checkout", "", 2), to("legacy", "", 98)}));
  }
}

// Nobody can tell whether 90 is meant of 100 or of the 500 that stand there: it stays as it is written.
TEST(Share, of_a_multiplied_route_is_not_guessed_from_another_hosts_weight) {
  auto world = shared(1);
  world.begin();
  world.route(60);
  ASSERT_EQ(weights_of(world), Json({2, 3, 495}));
  world.entries()[2]["weight"] = 90;
  world.route(60);
  EXPECT_EQ(weights_of(world), Json({2, 3, 90}));
  world.finish(false);
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "", 5), to("legacy", "", 90)}));
}

TEST(Share, without_a_record_is_told_by_the_weights) {
  auto world = shared(1);
  world.begin();
  world.route(10);
  world.target.records.clear();
  world.restore();
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "", 1), to("legacy", "", 99)}));
}

TEST(Share, that_no_weights_of_an_owner_can_be_holds_the_release_and_is_still_taken_away) {
  auto world =
      World(placeholder())
          .with(simple({{{"route", {to("checkout", "", 1), to("legacy", "", 50), to("old", "", 49)}}}}));
  world.begin();
  world.route(10);
  world.entries()[2]["weight"] = 495;
  world.entries()[3]["weight"] = 495;
  const auto reading = world.read();
  ASSERT_EQ(reading.refusals.size(), 1U);
  EXPECT_EQ(reading.refusals[0].reason, "WeightsDoNotSumTo100");
  EXPECT_THAT(reading.refusals[0].message, HasSubstr("no multiple of weights that sum to 100"));
  EXPECT_TRUE(reading.routes->at(percent(10)));
  world.route(0);
  EXPECT_EQ(weights_of(world), Json({10, 0, 495, 495}));
  EXPECT_TRUE(world.read().routes->at(percent(0)));
  EXPECT_EQ(world.route(0), 0);
}

TEST(Share, above_100_is_refused_where_nothing_is_divided) {
  auto world =
      World(placeholder()).with(simple({{{"route", {to("checkout", "", 100), to("legacy", "", 100)}}}}));
  EXPECT_THAT(world.read().refusals.at(0).message, HasSubstr("the weights sum to 200"));
  world.entries()[1]["weight"] = 900;
  EXPECT_THAT(world.read().refusals.at(0).message,
              HasSubstr("spec.http[0].route[1].weight is 900; a whole number from 0 to 100 is accepted"));
}

}  // namespace
}  // namespace weir::routing
