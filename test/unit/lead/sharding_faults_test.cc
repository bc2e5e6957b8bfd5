// Replicas that die, stall or are cut off, and what becomes of the shards that they led.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "operator/kube/object.h"
#include "test/unit/lead/link.h"
#include "test/unit/lead/replicas.h"

namespace weir::lead {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(ShardingTest, takes_the_shards_of_a_dead_member_over_within_a_lease_period) {
  auto& dead = start("dead");
  auto& one = start("one");
  auto& other = start("other");
  pass(seconds(10));
  ASSERT_FALSE(dead.led().empty());
  dead.standing = true;
  pass(seconds(15));
  EXPECT_EQ(one.led().size() + other.led().size(), static_cast<std::size_t>(kShards));
  EXPECT_EQ(member_leases(), 2U);
}

TEST_F(ShardingTest, takes_the_shards_of_one_that_ran_in_the_same_pod_before_over_at_once) {
  auto& dead = start("weir-1_a", "weir-1_");
  auto& other = start("weir-2_a", "weir-2_");
  pass(seconds(10));
  const auto left = dead.led();
  ASSERT_FALSE(left.empty());
  dead.standing = true;
  clock.advance(seconds(1));
  std::erase_if(replicas, [](const auto& replica) { return replica->standing; });
  auto& next = start("weir-1_b", "weir-1_");
  pass(seconds(5));
  EXPECT_EQ(next.led().size() + other.led().size(), static_cast<std::size_t>(kShards));
  EXPECT_EQ(member_leases(), 2U);
}

TEST_F(ShardingTest, stops_at_the_renew_deadline_and_starts_a_new_term_after_a_lapse) {
  auto& only = start("only");
  pass(seconds(1));
  only.link.state = Link::State::Down;
  pass(seconds(9));
  EXPECT_EQ(only.led().size(), static_cast<std::size_t>(kShards));
  pass(seconds(2));
  EXPECT_THAT(only.led(), IsEmpty());
  only.link.state = Link::State::Up;
  pass(seconds(2));
  EXPECT_EQ(only.led().size(), static_cast<std::size_t>(kShards));
  EXPECT_THAT(only.terms[0], ElementsAre(0, 1));
  EXPECT_EQ(member_leases(), 1U);
}

TEST_F(ShardingTest, begins_a_new_term_when_the_renewal_came_after_the_deadline) {
  auto& only = start("only");
  pass(seconds(1));
  only.standing = true;
  pass(seconds(12));
  only.standing = false;
  pass(seconds(2));
  EXPECT_THAT(only.terms[0], ElementsAre(0, 1));
}

TEST_F(ShardingTest, of_a_member_that_was_removed_joins_anew) {
  auto& frozen = start("frozen");
  auto& other = start("other");
  pass(seconds(10));
  ASSERT_FALSE(frozen.led().empty());
  frozen.standing = true;
  pass(seconds(16));
  EXPECT_EQ(other.led().size(), static_cast<std::size_t>(kShards));
  frozen.standing = false;
  pass(seconds(5));
  EXPECT_EQ(led_in_all(), static_cast<std::size_t>(kShards));
  EXPECT_EQ(member_leases(), 2U);
  for (const int shard : frozen.led()) EXPECT_GT(frozen.terms[shard].back(), 1);
}

TEST_F(ShardingTest, does_not_remove_a_member_whose_renewals_it_does_not_hear) {
  auto& one = start("one");
  auto& deaf = start("deaf");
  pass(seconds(10));
  const auto before = one.led();
  deaf.deaf = true;
  pass(seconds(60));
  EXPECT_EQ(one.led(), before);
  EXPECT_EQ(member_leases(), 2U);
  listen_again(deaf);
  pass(seconds(5));
  EXPECT_EQ(led_in_all(), static_cast<std::size_t>(kShards));
}

TEST_F(ShardingTest, takes_a_shard_once_more_when_the_answer_was_lost) {
  auto& only = start("only");
  pass(milliseconds(100));
  only.sharding.release();
  only.link.state = Link::State::Mute;
  pass(seconds(3));
  EXPECT_THAT(only.led(), IsEmpty());
  only.link.state = Link::State::Up;
  pass(seconds(20));
  EXPECT_EQ(only.led().size(), static_cast<std::size_t>(kShards));
  EXPECT_EQ(member_leases(), 1U);
}

TEST_F(ShardingTest, goes_on_when_the_answer_to_a_renewal_was_lost) {
  auto& only = start("only");
  pass(seconds(1));
  only.link.state = Link::State::Mute;
  pass(seconds(4));
  only.link.state = Link::State::Up;
  pass(seconds(30));
  EXPECT_THAT(only.terms[0], ElementsAre(0));
  EXPECT_EQ(only.led().size(), static_cast<std::size_t>(kShards));
}

// Whatever happens to three replicas, no shard has two leaders; once it is over, each has one.
TEST_F(ShardingTest, never_has_two_leaders_of_a_shard_whatever_happens) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    for (auto& replica : replicas) replica->standing = true;
    replicas.clear();
    for (const auto& lease : all_leases()) api.erase(kube::kLeases, kube::key_of(lease));
    highest.clear();
    std::mt19937 random(seed);
    const auto below = [&](int limit) { return std::uniform_int_distribution<>(0, limit - 1)(random); };
    int named = 0;
    for (int i = 0; i < 3; ++i) start("replica-" + std::to_string(named++));
    for (int event = 0; event < 60; ++event) {
      auto& replica = *replicas[static_cast<std::size_t>(below(3))];
      switch (below(8)) {
        case 0:
          replica.link.state = Link::State::Down;
          break;
        case 1:
          replica.link.state = Link::State::Mute;
          break;
        case 2:
          replica.deaf = true;
          break;
        case 3:
          replica.standing = true;
          break;
        case 4: {  // it dies, and another one starts in its place
          replica.sharding.release();
          replica.standing = true;
          auto fresh = std::make_unique<Replica>(api, clock, "replica-" + std::to_string(named++));
          fresh->leases.replace(all_leases(), clock.steady());
          std::ranges::find_if(replicas, [&](const auto& one) { return one.get() == &replica; })->swap(fresh);
          break;
        }
        default:
          replica.link.state = Link::State::Up;
          replica.standing = false;
          listen_again(replica);
      }
      pass(milliseconds(100 * (1 + below(60))));
      if (HasFatalFailure()) return;
    }
    for (auto& replica : replicas) {
      replica->link.state = Link::State::Up;
      replica->standing = false;
      listen_again(*replica);
    }
    pass(seconds(40));
    EXPECT_EQ(led_in_all(), static_cast<std::size_t>(kShards));
    EXPECT_EQ(member_leases(), 3U);
  }
}

}  // namespace
}  // namespace weir::lead
