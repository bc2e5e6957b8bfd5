#include "operator/lead/rendezvous.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace weir::lead {
namespace {

std::vector<std::string> some_members(int count, int group = 0) {
  std::vector<std::string> members;
  for (int i = 0; i < count; ++i) {
    members.push_back("weir-" + std::to_string(group) + "-" + std::to_string(i) + "_" +
                      std::to_string(group * 7919 + i * 104729));
  }
  return members;
}

std::vector<std::string> owners(const std::vector<std::string>& members) {
  std::vector<std::string> all;
  for (int shard = 0; shard < kShards; ++shard) all.push_back(owner_of(shard, members));
  return all;
}

TEST(Rendezvous, gives_the_same_shard_in_every_build) {
  EXPECT_EQ(shard_of({"shop", "checkout"}), 5);
  EXPECT_EQ(hash_name("weir"), "928ebc5f622cac17");
}

TEST(Rendezvous, tells_namespace_and_name_apart) { EXPECT_NE(hash_name("a/bc"), hash_name("ab/c")); }

TEST(Rendezvous, spreads_services_evenly_over_the_shards) {
  constexpr int kServiceCount = 16'000;
  std::array<int, kShards> counts{};
  for (int i = 0; i < kServiceCount; ++i) {
    const Key service{"team-" + std::to_string(i % 40), "service-" + std::to_string(i / 40)};
    ++counts.at(static_cast<std::size_t>(shard_of(service)));
  }
  EXPECT_GT(*std::ranges::min_element(counts), kServiceCount / kShards * 9 / 10);
  EXPECT_LT(*std::ranges::max_element(counts), kServiceCount / kShards * 11 / 10);
}

TEST(Rendezvous, spreads_shards_evenly_over_members) {
  constexpr int kGroups = 500;
  std::array<int, 4> counts{};
  for (int group = 0; group < kGroups; ++group) {
    const auto members = some_members(4, group);
    for (const auto& owner : owners(members)) {
      ++counts.at(static_cast<std::size_t>(std::ranges::find(members, owner) - members.begin()));
    }
  }
  for (const int count : counts) EXPECT_NEAR(count, kGroups * kShards / 4, kGroups * kShards / 40);
}

TEST(Rendezvous, does_not_depend_on_the_order_of_members) {
  auto members = some_members(5);
  const auto before = owners(members);
  std::ranges::reverse(members);
  EXPECT_EQ(owners(members), before);
}

TEST(Rendezvous, moves_only_the_shards_of_a_member_that_goes) {
  for (int group = 0; group < 100; ++group) {
    auto members = some_members(5, group);
    const auto before = owners(members);
    const auto gone = members.back();
    members.pop_back();
    const auto after = owners(members);
    for (std::size_t shard = 0; shard < before.size(); ++shard) {
      if (before[shard] != gone) {
        EXPECT_EQ(after[shard], before[shard]);
      }
    }
  }
}

TEST(Rendezvous, moves_only_the_shards_that_a_new_member_gets) {
  int moved = 0;
  for (int group = 0; group < 100; ++group) {
    auto members = some_members(4, group);
    const auto before = owners(members);
    members.push_back("weir-new_" + std::to_string(group));
    const auto after = owners(members);
    for (std::size_t shard = 0; shard < before.size(); ++shard) {
      if (after[shard] == before[shard]) continue;
      EXPECT_EQ(after[shard], members.back());
      ++moved;
    }
  }
  EXPECT_NEAR(moved, 100 * kShards / 5, 100 * kShards / 25);
}

TEST(Rendezvous, has_no_owner_without_members) { EXPECT_EQ(owner_of(0, {}), ""); }

}  // namespace
}  // namespace weir::lead
