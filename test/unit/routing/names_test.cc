// What subsets are called whose version is no name to Istio.
#include "operator/routing/istio/names.h"

#include <gmock/gmock.h>

#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

using ::testing::MatchesRegex;

World of_versions(const std::string& stable, const std::string& candidate) {
  auto target = placeholder();
  target.stable_version = stable;
  target.candidate_version = candidate;
  return World(std::move(target)).with(simple({{{"route", {to("checkout")}}}}));
}

TEST(SubsetName, is_the_version_where_istio_takes_it) {
  for (const std::string& version :
       std::vector<std::string>{"v1", "2", "V1", "2024-W1", "a-b", std::string(63, 'x')})
    EXPECT_EQ(subset_of_version(version), version);
}

TEST(SubsetName, is_a_dns_label_where_the_version_is_none) {
  EXPECT_THAT(subset_of_version("2.4.1"), MatchesRegex("2-4-1-[0-9a-f]+"));
  EXPECT_THAT(subset_of_version("2024_W1"), MatchesRegex("2024-w1-[0-9a-f]+"));
  for (const auto& version : {"2.4.1", "2024_W1", "a..b", "A_.-b", "1._._._._._1"}) {
    const auto name = subset_of_version(version);
    EXPECT_THAT(name, MatchesRegex("[a-z0-9]([-a-z0-9]*[a-z0-9])?"));
    EXPECT_EQ(name, subset_of_version(version));
  }
  EXPECT_EQ(subset_of_version(std::string(62, '.') + "x").size(), 10U);
  EXPECT_EQ(subset_of_version("x." + std::string(61, 'y')).size(), 63U);
}

TEST(SubsetName, tells_versions_apart_that_look_alike) {
  EXPECT_NE(subset_of_version("v1.0"), subset_of_version("v1-0"));
  EXPECT_NE(subset_of_version("v1.0"), subset_of_version("v1_0"));
  EXPECT_NE(subset_of_version("V1.0"), subset_of_version("v1.0"));
  const std::string common = "x." + std::string(60, 'y');
  EXPECT_NE(subset_of_version(common + "1"), subset_of_version(common + "2"));
}

TEST(SubsetName, of_versions_that_are_none_is_used_throughout_a_release) {
  for (const bool promoted : {false, true}) {
    auto world = of_versions("2.4.1", "2.5.0");
    const auto before = world.objects;
    world.begin();
    const auto stable = subset_of_version("2.4.1");
    const auto candidate = subset_of_version("2.5.0");
    EXPECT_EQ(world.subsets(), (Json{subset(stable, "2.4.1"), subset(candidate, "2.5.0")}));
    world.route(10);
    EXPECT_EQ(world.route_of(), (Json{to("checkout", stable, 90), to("checkout", candidate, 10)}));
    EXPECT_TRUE(world.read().routes->at(percent(10)));
    // The rule is gone: what its subsets meant is known by their names.
    const auto rules = std::exchange(world.objects.of(kube::kDestinationRules), {});
    EXPECT_TRUE(world.read().routes->at(percent(10)));
    world.objects.of(kube::kDestinationRules) = rules;
    world.finish(promoted);
    EXPECT_TRUE(world.objects == before) << text_of(world.objects);
  }
}

TEST(SubsetName, that_its_owner_gave_the_version_is_used) {
  auto world = of_versions("2.4.1", "2.5.0");
  world.with(destination_rule("checkout", {{"host", "checkout"}, {"subsets", {subset("old", "2.4.1")}}}));
  world.begin();
  EXPECT_EQ(world.route_of()[0], to("checkout", "old", 100));
  world.finish(false);
  EXPECT_EQ(world.subsets(), (Json{subset("old", "2.4.1")}));
}

TEST(SubsetName, that_is_the_version_itself_goes_on_where_a_release_has_begun_with_it) {
  auto world = of_versions("2.4.1", "2.5.0");
  world.with(destination_rule("checkout", {{"host", "checkout"}}));
  world.target.settings["subsets"] = {{"stable", "2.4.1"}, {"candidate", "2.5.0"}};
  world.begin();
  world.target.settings = Json();
  world.route(10);
  EXPECT_EQ(world.route_of(), (Json{to("checkout", "2.4.1", 90), to("checkout", "2.5.0", 10)}));
  world.finish(false);
  EXPECT_EQ(world.route_of(), (Json{to("checkout")}));
  EXPECT_EQ(world.subsets(), Json());
}

}  // namespace
}  // namespace weir::routing
