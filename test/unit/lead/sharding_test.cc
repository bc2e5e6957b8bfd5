#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "operator/base/clock.h"
#include "operator/base/time.h"
#include "operator/kube/store.h"
#include "operator/lead/lease.h"
#include "operator/lead/shards.h"
#include "test/unit/lead/replicas.h"

namespace weir::lead {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(ShardingTest, gives_all_shards_to_one_that_is_alone) {
  auto& only = start("only");
  pass(seconds(1));
  EXPECT_EQ(only.led().size(), static_cast<std::size_t>(kShards));
  EXPECT_EQ(only.sharding.count().held, kShards);
  EXPECT_EQ(member_leases(), 1U);
  const Json lease = shard_lease(3);
  EXPECT_EQ(holder_of(lease), "only");
  EXPECT_EQ(lease["spec"]["leaseTransitions"], 0);
  EXPECT_EQ(lease["metadata"]["labels"]["weir.dev/shard"], "03");
}

TEST_F(ShardingTest, costs_one_request_a_renewal_when_nothing_changes) {
  auto& one = start("one");
  auto& other = start("other");
  pass(seconds(10));
  one.link.requests = other.link.requests = 0;
  pass(seconds(60));
  EXPECT_EQ(one.link.requests, 30);
  EXPECT_EQ(other.link.requests, 30);
}

TEST_F(ShardingTest, divides_the_shards_among_members_as_the_hash_says) {
  for (const auto* name : {"one", "two", "three"}) start(name);
  pass(seconds(10));
  const std::vector<std::string> members{"one", "two", "three"};
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (const int shard : replicas[i]->led()) EXPECT_EQ(owner_of(shard, members), members[i]);
  }
  EXPECT_EQ(led_in_all(), static_cast<std::size_t>(kShards));
}

TEST_F(ShardingTest, moves_shards_to_a_new_member_in_a_term_of_its_own) {
  auto& old = start("old");
  pass(seconds(10));
  auto& fresh = start("fresh");
  pass(seconds(5));
  EXPECT_EQ(led_in_all(), static_cast<std::size_t>(kShards));
  ASSERT_FALSE(fresh.led().empty());
  ASSERT_FALSE(old.led().empty());
  for (const int shard : fresh.led()) EXPECT_THAT(fresh.terms[shard], ElementsAre(1));
  for (const int shard : old.led()) EXPECT_THAT(old.terms[shard], ElementsAre(0));
}

TEST_F(ShardingTest, gives_all_shards_up_at_once_at_its_end) {
  auto& first = start("first");
  auto& second = start("second");
  pass(seconds(10));
  first.standing = true;
  first.sharding.release();
  EXPECT_THAT(first.led(), IsEmpty());
  second.next = clock.steady();  // it was poked
  pass(milliseconds(100));
  EXPECT_EQ(second.led().size(), static_cast<std::size_t>(kShards));
}

TEST_F(ShardingTest, is_poked_when_a_shard_changes_hands_or_a_member_goes_and_not_by_renewals) {
  auto& one = start("one");
  auto& other = start("other");
  pass(seconds(10));
  const std::stop_token never;
  (void)one.sharding.wait(milliseconds(0), never);
  const auto poked = [&] {
    const auto begin = std::chrono::steady_clock::now();
    (void)one.sharding.wait(milliseconds(30), never);
    return std::chrono::steady_clock::now() - begin < milliseconds(30);
  };
  one.standing = true;
  pass(seconds(2));
  EXPECT_FALSE(poked());
  other.standing = true;
  other.sharding.release();
  EXPECT_TRUE(poked());
}

TEST_F(ShardingTest, keeps_a_shard_that_is_another_s_until_its_rounds_have_ended) {
  auto& old = start("old");
  pass(seconds(1));
  std::vector<std::shared_ptr<void>> rounds;
  for (const auto& service : services()) rounds.push_back(old.sharding.begin_round(service));
  auto& fresh = start("fresh");
  pass(seconds(10));
  EXPECT_THAT(fresh.led(), IsEmpty());
  EXPECT_GT(old.sharding.count().leaving, 0);
  EXPECT_EQ(old.led().size(), static_cast<std::size_t>(kShards)) << "a round may write until it has ended";
  int refused = 0;
  for (const auto& service : services()) refused += old.sharding.begin_round(service) == nullptr;
  EXPECT_EQ(refused, old.sharding.count().leaving);
  rounds.clear();
  pass(seconds(3));
  EXPECT_EQ(static_cast<int>(fresh.led().size()), refused);
  EXPECT_EQ(led_in_all(), static_cast<std::size_t>(kShards));
}

TEST_F(ShardingTest, takes_no_shard_while_a_single_leader_holds_the_releases) {
  const auto elected = [&] {
    return api.put(kube::kLeases, {{"metadata", {{"name", "weir"}, {"namespace", kSpace}}},
                                   {"spec",
                                    {{"holderIdentity", "leader"},
                                     {"leaseDurationSeconds", 15},
                                     {"renewTime", base::format_micros(clock.wall())}}}});
  };
  elected();
  auto& only = start("only");
  pass(seconds(10));
  EXPECT_THAT(only.led(), IsEmpty());
  pass(seconds(6));
  EXPECT_EQ(only.led().size(), static_cast<std::size_t>(kShards));
  elected();
  only.next = clock.steady();  // it was poked
  pass(milliseconds(100));
  EXPECT_THAT(only.led(), IsEmpty());
}

TEST_F(ShardingTest, lets_go_of_a_shard_whose_lease_somebody_has_changed) {
  auto& only = start("only");
  pass(seconds(1));
  Json taken = shard_lease(0);
  taken["spec"]["holderIdentity"] = "";
  api.put(kube::kLeases, taken);
  pass(seconds(3));
  EXPECT_THAT(only.terms[0], ElementsAre(0, 1));
  EXPECT_THAT(only.terms[1], ElementsAre(0));
}

TEST_F(ShardingTest, is_run_by_a_thread_that_releases_at_its_end) {
  base::SystemClock real;
  kube::Store leases;
  leases.replace({}, real.steady());
  std::atomic<int> held = 0;
  Shards sharding(api, real, leases, {.lease = {kSpace, "weir"}, .shards = kShards, .identity = "threaded"},
                  [&](const std::vector<Shards::Change>& changes) {
                    for (const auto& change : changes) held += change.held ? 1 : -1;
                  });
  {
    const ShardsThread thread(sharding);
    while (held < kShards) std::this_thread::sleep_for(milliseconds(1));
    EXPECT_EQ(member_leases(), 1U);
  }
  EXPECT_EQ(held, 0);
  EXPECT_EQ(member_leases(), 0U);
}

}  // namespace
}  // namespace weir::lead
