// Whole releases over random objects: what is divided, what stays, what comes back.
#include <random>

#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

constexpr unsigned kReleases = 120;

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  int upto(int last) { return std::uniform_int_distribution<int>(0, last)(random_); }
  bool one_in(int sides) { return upto(sides - 1) == 0; }
  template <typename T>
  T pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(upto(static_cast<int>(from.size()) - 1))];
  }

 private:
  std::mt19937 random_;
};

// What its owner calls stable's subset; empty: nothing, and routes name none.
enum class Subsets { None, Unpinned, ByVersion, ByName, OwnerHasBoth };

std::string pinned_name(Subsets subsets) {
  switch (subsets) {
    case Subsets::None:
    case Subsets::Unpinned:
      return {};
    case Subsets::ByVersion:
      return "v1";
    case Subsets::ByName:
    case Subsets::OwnerHasBoth:
      return "stable";
  }
  return {};
}

Json random_entry(Dice& dice, const std::string& host, const std::string& subset) {
  auto entry = to(host, subset);
  if (dice.one_in(3)) entry["destination"]["port"]["number"] = 8000 + dice.upto(9);
  if (dice.one_in(3)) entry["headers"]["request"]["set"]["x-hop"] = std::to_string(dice.upto(99));
  if (dice.one_in(4)) entry["futureField"] = {{"a", {1, 2.5, nullptr, "ü"}}};
  return entry;
}

Json random_entries(Dice& dice, Subsets subsets) {
  static const std::vector<std::string> kHosts{"checkout", "checkout.shop.svc.cluster.local"};
  const int count = dice.pick<int>({1, 1, 1, 2, 3, 4});
  Json entries = Json::array();
  int left = 100;
  for (int i = 0; i < count; ++i) {
    const bool ours = i == 0 || dice.one_in(3);
    const auto host = ours ? dice.pick(kHosts) : "other-" + std::to_string(i);
    const bool pin = ours && !dice.one_in(3);
    auto entry = random_entry(dice, host, pin ? pinned_name(subsets) : "");
    const int share = i + 1 == count ? left : dice.upto(left);
    left -= share;
    const bool absent = count == 1 ? dice.one_in(2) : share == 0 && dice.one_in(2);
    if (!absent) entry["weight"] = share;
    entries.insert(entries.begin() + dice.upto(i), std::move(entry));
  }
  return entries;
}

Json random_virtual_service(Dice& dice, Subsets subsets, const std::string& name) {
  auto object = virtual_service(name, {{"hosts", {name == "checkout" ? "checkout" : name + ".example.com"}}});
  object["metadata"]["annotations"]["team"] = "payments";
  object["status"]["observedGeneration"] = 3;
  auto& spec = object["spec"];
  if (dice.one_in(3)) spec["futureField"] = {{"keep", true}};
  for (int i = dice.upto(3); i >= 0; --i) {
    Json route{{"route", random_entries(dice, subsets)}};
    if (dice.one_in(2)) route["match"] = {{{"uri", {{"prefix", "/" + std::to_string(dice.upto(3))}}}}};
    if (dice.one_in(3)) route["retries"] = {{"attempts", dice.upto(5)}, {"perTryTimeout", "2s"}};
    if (dice.one_in(3)) route["mirror"] = {{"host", "checkout"}};
    if (dice.one_in(3)) route["name"] = "r" + std::to_string(dice.upto(2));
    spec["http"].push_back(std::move(route));
    if (dice.one_in(4)) spec["http"].push_back({{"redirect", {{"uri", "/away"}}}});
    if (dice.one_in(5)) spec["http"].push_back({{"route", {to("unrelated", "", 100)}}});
  }
  if (dice.one_in(4)) spec["tcp"] = Json::array({{{"route", random_entries(dice, subsets)}}});
  if (dice.one_in(4))
    spec["tls"] = Json::array({{{"match", {{{"port", 443}}}}, {"route", random_entries(dice, subsets)}}});
  return object;
}

Json random_rule(Dice& dice, Subsets subsets) {
  auto rule = destination_rule("checkout",
                               {{"host", dice.one_in(2) ? "checkout" : "checkout.shop.svc.cluster.local"}});
  auto& spec = rule["spec"];
  if (dice.one_in(2)) spec["trafficPolicy"] = {{"loadBalancer", {{"simple", "LEAST_REQUEST"}}}};
  if (dice.one_in(3)) spec["futureField"] = Json::array({1, 2});
  if (dice.one_in(2)) spec["subsets"].push_back(subset("beta", "v0"));
  if (!pinned_name(subsets).empty()) {
    auto pinned = subset(pinned_name(subsets), "v1");
    if (dice.one_in(2)) pinned["trafficPolicy"] = {{"outlierDetection", {{"interval", "1s"}}}};
    spec["subsets"].push_back(std::move(pinned));
  }
  if (subsets == Subsets::OwnerHasBoth) spec["subsets"].push_back(subset("next", "v2"));
  if (dice.one_in(2) && spec.contains("subsets")) spec["subsets"].push_back(subset("gamma", "v9"));
  return rule;
}

World random_world(Dice& dice) {
  const auto subsets = dice.pick<Subsets>(
      {Subsets::None, Subsets::Unpinned, Subsets::ByVersion, Subsets::ByName, Subsets::OwnerHasBoth});
  World world(dice.one_in(3) ? dedicated_mode() : placeholder());
  world.with(random_virtual_service(dice, subsets, "checkout"));
  if (dice.one_in(3)) world.with(random_virtual_service(dice, subsets, "edge"));
  if (subsets != Subsets::None) world.with(random_rule(dice, subsets));
  return world;
}

// The object without its weight tables.
Json without_tables(Json object) {
  for (const char* kind : {"http", "tcp", "tls"}) {
    if (!object["spec"].contains(kind)) continue;
    for (auto& route : object["spec"][kind]) route.erase("route");
  }
  return object;
}

void expect_whole_tables(const Json& object) {
  for (const char* kind : {"http", "tcp", "tls"}) {
    if (!object["spec"].contains(kind)) continue;
    for (const auto& route : object["spec"][kind]) {
      if (!route.contains("route")) continue;
      int sum = 0;
      for (const auto& entry : route["route"]) {
        const int weight = entry.value("weight", route["route"].size() == 1 ? 100 : 0);
        EXPECT_GE(weight, 0);
        EXPECT_LE(weight, 100 * 100);
        EXPECT_FALSE(entry["destination"]["host"].get<std::string>().empty());
        sum += weight;
      }
      EXPECT_EQ(sum % 100, 0) << route.dump();
      EXPECT_GE(sum, 100) << route.dump();
    }
  }
}

// The owner's weights are multiplied by this while the route is divided.
int scale_of(const Json& entries) {
  int sum = 0;
  for (const auto& entry : entries) sum += entry.value("weight", entries.size() == 1 ? 100 : 0);
  return std::max(sum / 100, 1);
}

// Destinations of other hosts, in their order, with their owner's weights.
Json foreign(const Json& object) {
  Json found = Json::array();
  for (const char* kind : {"http", "tcp", "tls"}) {
    if (!object["spec"].contains(kind)) continue;
    for (const auto& route : object["spec"][kind]) {
      for (const auto& entry : route.value("route", Json::array())) {
        if (entry["destination"]["host"].get<std::string>().starts_with("checkout")) continue;
        found.push_back(entry);
        const int weight = entry.value("weight", 0);
        if (weight > 0) found.back()["weight"] = weight / scale_of(route["route"]);
      }
    }
  }
  return found;
}

bool is_pinned(const Objects& objects) {
  return std::ranges::any_of(objects.of(kube::kVirtualServices), [](const Json& object) {
    return object.dump().find("\"subset\"") != std::string::npos;
  });
}

// What a promotion changes: the version, in subsets and in routes that were pinned.
Objects promoted_form(Objects objects) {
  const bool owner_has_both = text_of(objects).find("\"next\"") != std::string::npos;
  if (is_pinned(objects) && !owner_has_both) {
    for (auto& entry : objects.of(kube::kDestinationRules).at(0)["spec"]["subsets"]) {
      if (entry["labels"]["version"] != "v1") continue;
      entry["labels"]["version"] = "v2";
      if (entry["name"] == "v1") entry["name"] = "v2";
    }
  }
  for (auto& object : objects.of(kube::kVirtualServices)) {
    for (const char* kind : {"http", "tcp", "tls"}) {
      if (!object["spec"].contains(kind)) continue;
      for (auto& route : object["spec"][kind]) {
        if (!route.contains("route")) continue;
        for (auto& entry : route["route"]) {
          const auto name = entry["destination"].value("subset", "");
          if (name == "v1") entry["destination"]["subset"] = "v2";
          if (name == "stable" && owner_has_both) entry["destination"]["subset"] = "next";
        }
      }
    }
  }
  return objects;
}

// One release over the objects that a seed gives.
class Release {
 public:
  explicit Release(unsigned seed) : dice_(seed), world_(random_world(dice_)), before_(world_.objects) {}

  void walk() {
    world_.ensure();
    EXPECT_EQ(world_.ensure(), 0);
    ASSERT_TRUE(world_.read().foundation->present);
    expect_only_added_subsets_differ();
    world_.route(0);
    for (int i = dice_.upto(6); i >= 0; --i) {
      const int weight = dice_.upto(100);
      world_.route(weight);
      EXPECT_TRUE(world_.read().routes->at(percent(weight))) << text_of(world_.objects);
      EXPECT_EQ(world_.route(weight), 0);
      expect_only_tables_differ();
      const auto reading = world_.read();
      EXPECT_TRUE(reading.refusals.empty()) << reading.refusals[0].message;
      EXPECT_TRUE(reading.routes->found.empty());
    }
  }

  void take_back() {
    world_.route(0);
    world_.restore();
    EXPECT_TRUE(world_.read().routes->original());
    world_.remove();
    EXPECT_TRUE(world_.objects == before_) << text_of(before_) << "became\n" << text_of(world_.objects);
  }

  void promote() {
    world_.finish(true);
    EXPECT_TRUE(world_.read().routes->original());
    EXPECT_FALSE(world_.read().foundation && world_.read().foundation->added);
    const auto expected = promoted_form(before_);
    EXPECT_TRUE(world_.objects == expected) << text_of(before_) << "became\n" << text_of(world_.objects);
  }

  // After a promotion: everything on the candidate, but divided again.
  void divide_again() {
    world_.ensure();
    ASSERT_TRUE(world_.read().foundation->present);
    world_.route(100);
    EXPECT_TRUE(world_.read().routes->at(percent(100)));
  }

 private:
  void expect_only_tables_differ() {
    ASSERT_EQ(world_.objects.of(kube::kVirtualServices).size(), before_.of(kube::kVirtualServices).size());
    for (std::size_t i = 0; i < before_.of(kube::kVirtualServices).size(); ++i) {
      const auto& now = world_.objects.of(kube::kVirtualServices)[i];
      EXPECT_EQ(without_tables(now), without_tables(before_.of(kube::kVirtualServices)[i]));
      EXPECT_EQ(foreign(now), foreign(before_.of(kube::kVirtualServices)[i]));
      expect_whole_tables(now);
    }
  }

  void expect_only_added_subsets_differ() {
    for (std::size_t i = 0; i < before_.of(kube::kDestinationRules).size(); ++i) {
      auto now = world_.objects.of(kube::kDestinationRules)[i];
      const auto& then = before_.of(kube::kDestinationRules)[i];
      const auto known = then["spec"].value("subsets", Json::array()).size();
      if (!now["spec"].contains("subsets")) continue;
      auto& subsets = now["spec"]["subsets"];
      while (subsets.size() > known) subsets.erase(subsets.size() - 1);
      if (subsets.empty() && !then["spec"].contains("subsets")) now["spec"].erase("subsets");
      EXPECT_EQ(now, then);
    }
  }

  Dice dice_;
  World world_;
  const Objects before_;
};

// Runs `play` on a release of each seed, up to the first that goes wrong.
template <typename Play>
void each_release(const Play& play) {
  for (unsigned seed = 0; seed < kReleases; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Release release(seed);
    play(release);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Releases, that_are_taken_back_leave_every_object_as_it_was) {
  each_release([](Release& release) {
    release.walk();
    release.take_back();
  });
}

TEST(Releases, that_are_promoted_change_nothing_but_the_version) {
  each_release([](Release& release) {
    release.walk();
    release.promote();
  });
}

TEST(Releases, that_are_promoted_and_then_taken_back_leave_every_object_as_it_was) {
  each_release([](Release& release) {
    release.walk();
    release.promote();
    release.divide_again();
    release.take_back();
  });
}

}  // namespace
}  // namespace weir::routing
