#include "operator/lead/sharding.h"

#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "operator/base/time.h"
#include "operator/kube/object.h"
#include "operator/lead/lease.h"
#include "operator/offline/memory_api.h"
#include "test/unit/lead/link.h"

namespace weir::lead {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kSpace = "weir-system";

// One Service of each shard.
const std::array<Key, kShards>& services() {
  static const auto kAll = [] {
    std::array<Key, kShards> all;
    std::set<int> seen;
    for (int i = 0; seen.size() < all.size(); ++i) {
      const Key service{"shop", "service-" + std::to_string(i)};
      const int shard = shard_of(service);
      if (seen.insert(shard).second) all.at(static_cast<std::size_t>(shard)) = service;
    }
    return all;
  }();
  return kAll;
}

struct Replica {
  Replica(Api& api, const base::Clock& clock, const std::string& identity,
          const std::string& predecessors = "")
      : link(api),
        sharding(link, clock, leases,
                 {.lease = {kSpace, "weir"}, .identity = identity, .predecessors = predecessors},
                 [this](const std::vector<Sharding::Change>& changes) {
                   for (const auto& change : changes) {
                     if (change.held) terms[change.shard].push_back(change.term);
                   }
                 }),
        next(clock.steady()) {}

  [[nodiscard]] std::vector<int> led() const {
    std::vector<int> all;
    for (int shard = 0; shard < kShards; ++shard) {
      if (sharding.leads(services().at(static_cast<std::size_t>(shard)))) all.push_back(shard);
    }
    return all;
  }

  Link link;
  kube::Store leases;
  std::map<int, std::vector<std::int64_t>> terms;  // that each shard was taken in
  Sharding sharding;
  base::Clock::Steady next;
  bool deaf = false;      // its watch brings nothing
  bool standing = false;  // makes no step
  std::deque<offline::Changed> unheard;
};

class ShardingTest : public testing::Test {
 protected:
  ShardingTest() {
    api.on_change([this](const offline::Changed& changed) {
      for (auto& replica : replicas) hear(*replica, changed);
    });
  }

  Replica& start(const std::string& identity, const std::string& predecessors = "") {
    replicas.push_back(std::make_unique<Replica>(api, clock, identity, predecessors));
    auto& replica = *replicas.back();
    replica.leases.replace(all_leases(), clock.steady());
    return replica;
  }

  void hear(Replica& replica, const offline::Changed& changed) {
    if (replica.deaf) return replica.unheard.push_back(changed);
    if (changed.gone) {
      replica.leases.erase(kube::key_of(*changed.before));
      replica.sharding.changed(kube::key_of(*changed.before));
    } else if (replica.leases.put(*changed.after, clock.steady())) {
      replica.sharding.changed(kube::key_of(*changed.after));
    }
  }

  void listen_again(Replica& replica) {
    replica.deaf = false;
    const auto unheard = std::exchange(replica.unheard, {});
    for (const auto& changed : unheard) hear(replica, changed);
  }

  // Time passes in steps of 100 ms, and each replica does its steps when they are due.
  void pass(milliseconds duration) {
    for (milliseconds passed{0}; passed < duration; passed += milliseconds(100)) {
      clock.advance(milliseconds(100));
      for (auto& replica : replicas) {
        if (replica->standing || clock.steady() < replica->next) continue;
        replica->next = clock.steady() + replica->sharding.step();
      }
      check();
    }
  }

  // No shard is led by two, and no later leader has a term that an earlier one had.
  void check() {
    for (int shard = 0; shard < kShards; ++shard) {
      const auto& service = services().at(static_cast<std::size_t>(shard));
      std::vector<std::int64_t> leading;
      for (const auto& replica : replicas) {
        if (const auto lead = replica->sharding.leads(service)) leading.push_back(lead->term);
      }
      ASSERT_LE(leading.size(), 1U) << "shard " << shard;
      if (leading.empty()) continue;
      ASSERT_GE(leading.front(), highest[shard]);
      highest[shard] = leading.front();
    }
  }

  [[nodiscard]] std::size_t led_in_all() const {
    std::size_t count = 0;
    for (const auto& replica : replicas) count += replica->led().size();
    return count;
  }
  Json shard_lease(int shard) {
    const std::string number = std::to_string(shard);
    return api
        .get(kube::kLeases, {kSpace, "weir-shard-" + std::string(number.size() < 2 ? "0" : "") + number})
        .value();
  }
  std::vector<Json> all_leases() { return api.list(kube::kLeases, kSpace, "").value(); }
  std::size_t member_leases() {
    return api.list(kube::kLeases, kSpace, "weir.dev/member=weir").value().size();
  }

  base::VirtualClock clock;
  offline::MemoryApi api{clock};
  std::vector<std::unique_ptr<Replica>> replicas;
  std::map<int, std::int64_t> highest;  // term of each shard
};

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
  Sharding sharding(api, real, leases, {.lease = {kSpace, "weir"}, .identity = "threaded"},
                    [&](const std::vector<Sharding::Change>& changes) {
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
