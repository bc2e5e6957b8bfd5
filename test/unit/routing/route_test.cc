#include <gmock/gmock.h>

#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

using ::testing::HasSubstr;

World one_route(Json entries) { return World(placeholder()).with(simple({{{"route", std::move(entries)}}})); }

TEST(Route, divides_a_single_destination_into_two_adjacent_ones) {
  auto world = one_route({to("checkout")});
  world.begin();
  world.route(10);
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "v1", 90), to("checkout", "v2", 10)}));
}

TEST(Route, keeps_host_text_port_headers_and_unknown_fields_of_a_destination_in_both_halves) {
  Json entry{{"destination",
              {{"host", "checkout.shop.svc.cluster.local"}, {"port", {{"number", 8080}}}, {"x-new", 1}}},
             {"headers", {{"request", {{"set", {{"a", "b"}}}}}}},
             {"weight", 100}};
  auto world = one_route({entry});
  world.begin();
  world.route(30);
  auto stable = entry;
  stable["destination"]["subset"] = "v1";
  stable["weight"] = 70;
  auto candidate = entry;
  candidate["destination"]["subset"] = "v2";
  candidate["weight"] = 30;
  EXPECT_EQ(world.route_of(), Json::array({stable, candidate}));
}

TEST(Route, divides_only_the_share_of_the_service) {
  auto world = one_route({to("legacy", "", 40), to("checkout", "", 60)});
  world.begin();
  world.route(50);
  EXPECT_EQ(world.route_of(),
            (Json{to("legacy", "", 40), to("checkout", "v1", 30), to("checkout", "v2", 30)}));
}

TEST(Route, divides_tcp_and_tls_routes_too) {
  World world(placeholder());
  world.with(virtual_service(
      "checkout", {{"hosts", {"checkout"}},
                   {"tcp", Json::array({{{"route", {to("checkout")}}}})},
                   {"tls", Json::array({{{"match", {{{"port", 443}}}}, {"route", {to("checkout")}}}})}}));
  world.begin();
  world.route(20);
  EXPECT_EQ(world.route_of(0, "tcp"), (Json{to("checkout", "v1", 80), to("checkout", "v2", 20)}));
  EXPECT_EQ(world.route_of(0, "tls"), (Json{to("checkout", "v1", 80), to("checkout", "v2", 20)}));
  world.finish(false);
  EXPECT_EQ(world.route_of(0, "tcp"), (Json{to("checkout")}));
}

TEST(Route, leaves_mirrors_redirects_and_routes_to_other_hosts_alone) {
  const Json routes{{{"route", {to("checkout")}},
                     {"mirror", {{"host", "checkout"}}},
                     {"mirrors", {{{"destination", {{"host", "checkout"}}}}}}},
                    {{"redirect", {{"uri", "/"}}}},
                    {{"route", {to("cart")}}}};
  auto world = World(placeholder()).with(simple(routes));
  world.begin();
  const auto& http = world.objects.of(kube::kVirtualServices)[0]["spec"]["http"];
  EXPECT_EQ(http[0]["mirror"], routes[0]["mirror"]);
  EXPECT_EQ(http[0]["mirrors"], routes[0]["mirrors"]);
  EXPECT_EQ(http[1], routes[1]);
  EXPECT_EQ(http[2], routes[2]);
}

TEST(Route, writes_nothing_when_it_is_there_already) {
  auto world = one_route({to("checkout")});
  world.begin();
  EXPECT_EQ(world.route(10), 1);
  EXPECT_EQ(world.route(10), 0);
}

TEST(Route, is_refused_when_weights_do_not_sum_to_100) {
  auto world = one_route({to("legacy", "", 40), to("checkout", "", 50)});
  const auto reading = world.read();
  ASSERT_EQ(reading.refusals.size(), 1U);
  EXPECT_EQ(reading.refusals[0].reason, "WeightsDoNotSumTo100");
  EXPECT_THAT(reading.refusals[0].message, HasSubstr("VirtualService \"checkout\" spec.http[0]"));
  EXPECT_THAT(reading.refusals[0].message, HasSubstr("sum to 90"));
  const auto writes = world.router.route(world.target, world.objects, {percent(10)});
  ASSERT_FALSE(writes.has_value());
  EXPECT_EQ(writes.error().message, reading.refusals[0].message);
}

TEST(Route, is_refused_when_a_weight_is_no_whole_number) {
  auto entry = to("checkout");
  entry["weight"] = "all";
  const auto reading = one_route({entry}).read();
  ASSERT_EQ(reading.refusals.size(), 1U);
  EXPECT_THAT(reading.refusals[0].message, HasSubstr("spec.http[0].route[0].weight is \"all\""));
}

TEST(Route, counts_a_zero_weight_of_the_only_destination_as_everything) {
  auto world = one_route({to("checkout", "", 0)});
  const auto before = world.objects;
  world.begin();
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "v1", 100), to("checkout", "v2", 0)}));
  world.finish(false);
  EXPECT_TRUE(world.objects == before) << text_of(world.objects);
}

TEST(Route, is_refused_when_its_owner_names_the_candidates_subset) {
  auto world = one_route({to("checkout", "next")});
  world.with(destination_rule("checkout", {{"host", "checkout"}, {"subsets", {subset("next", "v2")}}}));
  const auto reading = world.read();
  ASSERT_EQ(reading.refusals.size(), 1U);
  EXPECT_EQ(reading.refusals[0].reason, "RouteNamesCandidate");
  EXPECT_THAT(reading.refusals[0].message, HasSubstr("\"next\""));
}

TEST(Route, is_refused_when_its_owner_splits_already_and_nothing_was_recorded) {
  auto world = one_route({to("checkout", "v1", 50), to("checkout", "v2", 50)});
  world.with(destination_rule("checkout",
                              {{"host", "checkout"}, {"subsets", {subset("v1", "v1"), subset("v2", "v2")}}}));
  const auto reading = world.read();
  ASSERT_EQ(reading.refusals.size(), 1U);
  EXPECT_EQ(reading.refusals[0].reason, "RouteAlreadySplit");
}

TEST(Route, leaves_destinations_with_another_subset_their_share) {
  auto world = one_route({to("checkout", "beta", 20), to("checkout", "", 80)});
  world.with(destination_rule("checkout", {{"host", "checkout"}, {"subsets", {subset("beta", "v0")}}}));
  world.begin();
  world.route(50);
  EXPECT_EQ(world.route_of(),
            (Json{to("checkout", "beta", 20), to("checkout", "v1", 40), to("checkout", "v2", 40)}));
}

TEST(Route, of_nothing_says_so) {
  World world(placeholder());
  world.with(simple({{{"route", {to("cart")}}}}));
  EXPECT_FALSE(world.read().routes.has_value());
  const auto writes = world.router.route(world.target, world.objects, {percent(10)});
  ASSERT_FALSE(writes.has_value());
  EXPECT_EQ(writes.error().reason, "NoRoute");
}

TEST(Route, of_a_short_name_in_another_namespace_is_another_service) {
  World world(placeholder());
  world.with(
      virtual_service("checkout", {{"hosts", {"x"}}, {"http", {{{"route", {to("checkout")}}}}}}, "web"));
  EXPECT_FALSE(world.read().routes.has_value());
  EXPECT_TRUE(world.read().refusals.empty());
}

TEST(Route, is_limited_to_the_listed_routes) {
  auto world = World(placeholder())
                   .with(simple({{{"name", "api"}, {"route", {to("checkout")}}},
                                 {{"name", "web"}, {"route", {to("checkout")}}}}));
  world.target.settings["virtualServices"] = {{{"name", "checkout"}, {"routes", {"api"}}}};
  world.begin();
  EXPECT_EQ(world.route_of(0).size(), 2U);
  EXPECT_EQ(world.route_of(1), (Json{to("checkout")}));
  const auto reading = world.read();
  ASSERT_EQ(reading.not_isolated.size(), 1U);
  EXPECT_THAT(reading.not_isolated[0], HasSubstr("spec.http[1] (\"web\")"));
}

TEST(Route, is_refused_when_a_listed_name_leads_nowhere) {
  auto world = one_route({to("checkout")});
  world.target.settings["virtualServices"] = {{{"name", "checkout"}, {"routes", {"api"}}},
                                              {{"name", "chekcout"}, {"routes", Json::array({})}}};
  const auto refusals = world.read().refusals;
  ASSERT_EQ(refusals.size(), 2U);
  EXPECT_EQ(refusals[0].reason, "RouteNotFound");
  EXPECT_THAT(refusals[0].message, HasSubstr("\"api\""));
  EXPECT_EQ(refusals[1].reason, "VirtualServiceNotFound");
  EXPECT_THAT(refusals[1].message, HasSubstr("\"chekcout\""));
}

TEST(Reading, tells_the_state_of_routes_through_a_release) {
  auto world = one_route({to("checkout")});
  auto routes = *world.read().routes;
  EXPECT_TRUE(routes.original());
  EXPECT_EQ(routes.unmanaged, 1);
  ASSERT_EQ(routes.found.size(), 1U);
  EXPECT_EQ(routes.found[0].object, "checkout");
  EXPECT_EQ(routes.found[0].original, to("checkout").dump());
  world.begin();
  world.route(30);
  routes = *world.read().routes;
  EXPECT_TRUE(routes.at(percent(30)));
  EXPECT_EQ(routes.highest(), 30);
  EXPECT_EQ(routes.unmanaged, 0);
  EXPECT_TRUE(routes.found.empty());
  EXPECT_EQ(world.managed(), std::vector<std::string>{"checkout"});
  world.restore();
  routes = *world.read().routes;
  EXPECT_TRUE(routes.original());
  EXPECT_TRUE(routes.found.empty());
}

TEST(Reading, records_again_what_its_owner_wrote_anew) {
  auto world = one_route({to("checkout")});
  world.begin();
  world.entries() = {to("checkout.shop.svc.cluster.local")};
  const auto routes = *world.read().routes;
  ASSERT_EQ(routes.found.size(), 1U);
  EXPECT_EQ(routes.found[0].key, world.target.records.back().key);
  world.route(10);
  EXPECT_EQ(world.route_of(), (Json{to("checkout.shop.svc.cluster.local", "v1", 90),
                                    to("checkout.shop.svc.cluster.local", "v2", 10)}));
  world.restore();
  EXPECT_EQ(world.route_of(), (Json{to("checkout.shop.svc.cluster.local")}));
}

TEST(Reading, of_strange_shapes_finds_nothing_and_leaves_them_alone) {
  for (const auto& spec :
       {Json(), Json("text"), Json{{"http", 3}}, Json{{"http", {nullptr, "x", Json::object()}}},
        Json{{"hosts", 1}, {"gateways", {1}}}, Json{{"http", {{{"route", "x"}}}}},
        Json{{"http", {{{"route", {nullptr, 1, {{"destination", "checkout"}}}}}}}}}) {
    World world(placeholder());
    world.target.records = {{"checkout", "http/0/0/0", "no json"},
                            {"checkout", "x", R"({"destination": 1})"}};
    world.with(virtual_service("checkout", spec))
        .with(destination_rule("checkout", {{"host", "checkout"}, {"subsets", {1, nullptr}}}));
    const auto reading = world.read();
    EXPECT_FALSE(reading.routes.has_value()) << spec;
    EXPECT_TRUE(reading.refusals.empty()) << spec;
    EXPECT_EQ(world.restore(), 0);
    EXPECT_EQ(world.remove(), 0);
  }
}

TEST(Reading, names_objects_that_come_from_a_list_without_a_kind) {
  auto world = one_route({to("checkout", "", 50)});
  world.objects.of(kube::kVirtualServices)[0].erase("kind");
  EXPECT_THAT(world.read().refusals.at(0).message, HasSubstr("VirtualService \"checkout\""));
}

TEST(Restore, does_not_use_a_record_that_is_no_destination) {
  auto world = one_route({to("checkout")});
  world.begin();
  for (auto& record : world.target.records) {
    if (record.object == "checkout") record.original = R"({"destination": "x"})";
  }
  world.restore();
  EXPECT_EQ(world.route_of(), (Json{to("checkout")}));
}

struct Edit {
  const char* what;
  Json entries;
};

class Repair : public ::testing::TestWithParam<Edit> {};

TEST_P(Repair, brings_an_edited_pair_back_to_its_share_and_its_original) {
  auto world = one_route({to("checkout", "", 80), to("legacy", "", 20)});
  const auto before = world.objects;
  world.begin();
  world.route(50);
  world.entries() = GetParam().entries;
  EXPECT_FALSE(world.read().routes->at(percent(50))) << GetParam().what;
  EXPECT_FALSE(world.read().routes->original()) << GetParam().what;
  EXPECT_TRUE(world.read().refusals.empty()) << world.read().refusals[0].message;
  world.route(50);
  EXPECT_TRUE(world.read().routes->at(percent(50)));
  int sum = 0;
  for (const auto& entry : world.route_of()) sum += entry["weight"].get<int>();
  EXPECT_EQ(sum, 100) << world.route_of().dump();
  EXPECT_EQ(world.route_of().size(), 3U) << world.route_of().dump();
  world.restore();
  auto restored = world.route_of();
  EXPECT_EQ(restored.size(), 2U);
  for (const auto& entry : before.of(kube::kVirtualServices)[0]["spec"]["http"][0]["route"]) {
    EXPECT_NE(std::ranges::find(restored, entry), restored.end()) << restored.dump();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Edits, Repair,
    ::testing::Values(
        Edit{"candidate's weight",
             {to("checkout", "v1", 10), to("checkout", "v2", 70), to("legacy", "", 20)}},
        Edit{"stable's weight alone",
             {to("checkout", "v1", 5), to("checkout", "v2", 40), to("legacy", "", 20)}},
        Edit{"candidate's half gone", {to("checkout", "v1", 80), to("legacy", "", 20)}},
        Edit{"stable's half gone", {to("checkout", "v2", 80), to("legacy", "", 20)}},
        Edit{"halves swapped", {to("checkout", "v2", 40), to("checkout", "v1", 40), to("legacy", "", 20)}},
        Edit{"halves apart", {to("checkout", "v1", 40), to("legacy", "", 20), to("checkout", "v2", 40)}}));

TEST(Repair, follows_an_owner_who_gives_the_service_another_share) {
  auto world = one_route({to("checkout", "", 80), to("legacy", "", 20)});
  world.begin();
  world.entries() = {to("checkout", "v1", 60), to("checkout", "v2", 0), to("legacy", "", 40)};
  world.route(50);
  EXPECT_EQ(world.route_of(),
            (Json{to("checkout", "v1", 30), to("checkout", "v2", 30), to("legacy", "", 40)}));
  world.restore();
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "", 60), to("legacy", "", 40)}));
}

TEST(Repair, takes_the_candidates_weight_away_even_where_the_sum_is_beyond_mending) {
  auto world = one_route({to("checkout", "", 80), to("legacy", "", 20)});
  world.begin();
  world.route(50);
  world.entries() = {to("checkout", "v1", 40), to("checkout", "v2", 40), to("legacy", "", 70),
                     to("cart", "", 70)};
  EXPECT_EQ(world.read().refusals.at(0).reason, "WeightsDoNotSumTo100");
  world.route(0);
  EXPECT_EQ(world.route_of()[1], to("checkout", "v2", 0));
  EXPECT_TRUE(world.read().routes->at(percent(0)));
}

TEST(Restore, without_a_record_goes_by_the_pair) {
  auto world = one_route({to("checkout")});
  world.begin();
  world.target.records.clear();
  world.restore();
  EXPECT_EQ(world.route_of(), (Json{to("checkout")}));

  auto shared = one_route({to("checkout", "", 70), to("legacy", "", 30)});
  shared.begin();
  shared.target.records.clear();
  shared.restore();
  EXPECT_EQ(shared.route_of(), (Json{to("checkout", "", 70), to("legacy", "", 30)}));
}

TEST(Restore, keeps_what_its_owner_changed_beside_the_weight_table) {
  auto world = one_route({to("checkout")});
  world.begin();
  world.objects.of(kube::kVirtualServices)[0]["spec"]["http"][0]["timeout"] = "3s";
  world.route(10);
  EXPECT_TRUE(world.read().routes->at(percent(10)));
  world.restore();
  EXPECT_EQ(world.objects.of(kube::kVirtualServices)[0]["spec"]["http"][0],
            (Json{{"route", {to("checkout")}}, {"timeout", "3s"}}));
}

TEST(Dedicated, sends_divided_traffic_to_the_releases_own_service_and_back) {
  World world(dedicated_mode());
  world.with(simple({{{"route", {to("checkout.shop.svc.cluster.local")}}}}));
  const auto before = world.objects;
  world.begin();
  world.route(25);
  const std::string host = "checkout-weir.shop.svc.cluster.local";
  EXPECT_EQ(world.route_of(), (Json{to(host, "v1", 75), to(host, "v2", 25)}));
  EXPECT_TRUE(world.read().routes->at(percent(25)));
  world.finish(false);
  EXPECT_TRUE(world.objects == before) << text_of(world.objects);
}

TEST(Dedicated, without_a_record_names_the_service_in_the_same_form) {
  World world(dedicated_mode());
  world.with(simple({{{"route", {to("checkout")}}}}));
  world.begin();
  world.target.records.clear();
  world.restore();
  EXPECT_EQ(world.route_of(), (Json{to("checkout.shop.svc.cluster.local")}));
}

TEST(Dedicated, treats_anything_left_at_its_own_host_as_a_torn_pair) {
  World world(dedicated_mode());
  world.with(simple({{{"route", {to("checkout")}}}}));
  world.begin();
  world.entries() = {to("checkout-weir")};
  EXPECT_FALSE(world.read().routes->original());
  world.route(10);
  EXPECT_TRUE(world.read().routes->at(percent(10)));
  world.restore();
  EXPECT_EQ(world.route_of(), (Json{to("checkout")}));
}

}  // namespace
}  // namespace weir::routing
