// One shard: leader election, and an operator without any other.
#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <future>
#include <sstream>

#include "operator/kube/store.h"
#include "operator/lead/shards.h"
#include "operator/offline/memory_api.h"
#include "test/unit/kube/forwarding_api.h"
#include "test/unit/lead/link.h"

namespace weir::lead {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Key kLock{"weir-system", "weir"};
const Key kService{"shop", "checkout"};
const Shards::OnChanges kTell = [](const std::vector<Shards::Change>&) {};

// With the store that nobody else fills.
struct Election {
  Election(Api& api, const base::Clock& clock, LeaseOptions options, Shards::OnChanges on_changes)
      : shards(api, clock, leases, std::move(options), std::move(on_changes)) {}
  std::chrono::milliseconds step() { return shards.step(); }
  kube::Store leases;
  Shards shards;
};

bool leads(const Election& election) { return election.shards.leads(kService).has_value(); }
std::int64_t term(const Election& election) { return election.shards.leads(kService).value().term; }

class ElectionTest : public testing::Test {
 protected:
  static LeaseOptions options(const std::string& identity) {
    LeaseOptions options;
    options.lease = kLock;
    options.identity = identity;
    return options;
  }
  Json lease() { return api.get(kube::kLeases, kLock).value(); }
  std::string holder() { return lease()["spec"]["holderIdentity"]; }
  void pass(int seconds_count) { clock.advance(seconds(seconds_count)); }
  // Both step every two seconds.
  void run(Election& one, Election& other, int seconds_count) {
    for (int i = 0; i < seconds_count; i += 2) {
      pass(2);
      (void)one.step();
      (void)other.step();
    }
  }

  base::VirtualClock clock;
  offline::MemoryApi api{clock};
  Link link{api};
  Election first{link, clock, options("first"), kTell};
  Election second{api, clock, options("second"), kTell};
};

TEST_F(ElectionTest, makes_the_lease_when_there_is_none) {
  EXPECT_FALSE(leads(first));
  EXPECT_EQ(first.step(), seconds(2));
  EXPECT_TRUE(leads(first));
  EXPECT_EQ(term(first), 0);
  EXPECT_EQ(lease()["spec"],
            Json::parse(R"({"holderIdentity":"first","leaseDurationSeconds":15,"leaseTransitions":0,
    "acquireTime":"2026-01-01T00:00:00.000000Z","renewTime":"2026-01-01T00:00:00.000000Z"})"));
  EXPECT_EQ(api.list(kube::kLeases, kLock.name_space, "").value().size(), 1U)
      << "no member has one of its own";
}

TEST_F(ElectionTest, lets_only_one_lead) {
  (void)first.step();
  (void)second.step();
  run(first, second, 60);
  EXPECT_TRUE(leads(first));
  EXPECT_FALSE(leads(second));
  EXPECT_EQ(lease()["spec"]["acquireTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(lease()["spec"]["renewTime"], "2026-01-01T00:01:00.000000Z");
}

TEST_F(ElectionTest, renews_with_one_request) {
  (void)first.step();
  link.requests = 0;
  pass(2);
  (void)first.step();
  EXPECT_EQ(link.requests, 1);
}

TEST_F(ElectionTest, takes_a_lease_over_that_has_not_changed_for_its_duration) {
  (void)first.step();
  (void)second.step();
  pass(14);
  (void)second.step();
  EXPECT_FALSE(leads(second));
  pass(2);
  (void)second.step();
  EXPECT_TRUE(leads(second));
  EXPECT_EQ(term(second), 1);
  EXPECT_EQ(holder(), "second");
}

TEST_F(ElectionTest, of_one_that_ran_in_the_same_pod_before_is_taken_over_at_once) {
  auto of_pod = [](const std::string& process) {
    auto options = ElectionTest::options("weir-1_" + process);
    options.predecessors = "weir-1_";
    return options;
  };
  Election before{api, clock, of_pod("a"), kTell};
  Election after{api, clock, of_pod("b"), kTell};
  (void)before.step();
  (void)second.step();
  EXPECT_FALSE(leads(second)) << "it is of another pod";
  (void)after.step();
  EXPECT_TRUE(leads(after));
  EXPECT_EQ(term(after), 1);
  // It had not ended after all: it gives way, and takes nothing back.
  pass(2);
  (void)before.step();
  (void)before.step();
  EXPECT_FALSE(leads(before));
  EXPECT_EQ(holder(), "weir-1_b");
}

TEST_F(ElectionTest, counts_from_when_it_saw_the_record_whatever_time_the_record_says) {
  (void)first.step();
  Json old = lease();
  old["spec"]["renewTime"] = "2001-01-01T00:00:00.000000Z";
  api.put(kube::kLeases, old);
  pass(100);
  (void)second.step();
  EXPECT_FALSE(leads(second));
}

TEST_F(ElectionTest, believes_to_lead_no_longer_than_the_renew_deadline) {
  (void)first.step();
  link.state = Link::State::Down;
  for (int i = 0; i < 4; ++i) {
    pass(2);
    (void)first.step();
    EXPECT_TRUE(leads(first));
  }
  pass(1);
  EXPECT_TRUE(leads(first));
  pass(1);
  EXPECT_FALSE(leads(first));
}

TEST_F(ElectionTest, is_never_held_by_two_at_once) {
  (void)first.step();
  (void)second.step();
  link.state = Link::State::Down;
  for (int i = 0; i < 20; ++i) {
    pass(1);
    (void)first.step();
    (void)second.step();
    EXPECT_FALSE(leads(first) && leads(second));
  }
  EXPECT_TRUE(leads(second));
  link.state = Link::State::Up;
  (void)first.step();
  EXPECT_FALSE(leads(first));
}

TEST_F(ElectionTest, starts_a_new_term_when_it_leads_again_after_a_lapse) {
  (void)first.step();
  link.state = Link::State::Down;
  pass(12);
  (void)first.step();
  EXPECT_FALSE(leads(first));
  link.state = Link::State::Up;
  pass(2);
  (void)first.step();
  EXPECT_TRUE(leads(first));
  EXPECT_EQ(term(first), 1);
}

TEST_F(ElectionTest, names_the_term_only_while_it_leads) {
  EXPECT_FALSE(first.shards.leads(kService));
  (void)first.step();
  EXPECT_EQ(first.shards.leads(kService).value().term, 0);
  link.state = Link::State::Down;
  pass(12);
  EXPECT_FALSE(first.shards.leads(kService));
  link.state = Link::State::Up;
  (void)first.step();
  EXPECT_EQ(first.shards.leads(kService).value().term, 1);
}

TEST_F(ElectionTest, reads_the_lease_again_after_a_conflict) {
  (void)first.step();
  Json touched = lease();
  touched["metadata"]["labels"] = {{"a", "b"}};
  api.put(kube::kLeases, touched);
  pass(2);
  (void)first.step();
  pass(2);
  (void)first.step();
  EXPECT_TRUE(leads(first));
  EXPECT_EQ(lease()["spec"]["renewTime"], "2026-01-01T00:00:04.000000Z");
  EXPECT_EQ(lease()["metadata"]["labels"]["a"], "b");
  EXPECT_EQ(term(first), 0);
}

TEST_F(ElectionTest, keeps_its_duration_whatever_somebody_makes_of_it) {
  (void)first.step();
  for (const int edited : {1, 100'000}) {
    Json touched = lease();
    touched["spec"]["leaseDurationSeconds"] = edited;
    api.put(kube::kLeases, touched);
    pass(2);
    (void)first.step();
    EXPECT_TRUE(leads(first));
    EXPECT_EQ(lease()["spec"]["leaseDurationSeconds"], 15);
  }
}

TEST_F(ElectionTest, counts_terms_anew_after_a_number_that_has_none_behind_it) {
  (void)first.step();
  Json touched = lease();
  touched["spec"]["leaseTransitions"] = 2'147'483'647;
  api.put(kube::kLeases, touched);
  run(first, second, 4);
  EXPECT_TRUE(leads(first));
  EXPECT_EQ(lease()["spec"]["leaseTransitions"], 0);
}

TEST_F(ElectionTest, gives_way_when_somebody_else_has_taken_the_lease) {
  (void)first.step();
  Json taken = lease();
  taken["spec"]["holderIdentity"] = "third";
  api.put(kube::kLeases, taken);
  pass(2);
  (void)first.step();
  EXPECT_EQ(holder(), "third");
  EXPECT_FALSE(leads(first)) << "long before its own renew deadline";
}

TEST_F(ElectionTest, begins_anew_when_somebody_has_deleted_the_lease) {
  (void)first.step();
  api.erase(kube::kLeases, kLock);
  pass(2);
  EXPECT_EQ(first.step(), seconds(0)) << "it asks again at once";
  EXPECT_FALSE(leads(first)) << "another may have made it";
  (void)first.step();
  EXPECT_TRUE(leads(first));
  EXPECT_EQ(holder(), "first");
}

TEST_F(ElectionTest, is_free_at_once_when_its_holder_releases_it) {
  (void)first.step();
  (void)second.step();
  pass(2);
  first.shards.release();
  EXPECT_FALSE(leads(first));
  EXPECT_EQ(holder(), "");
  (void)second.step();
  EXPECT_TRUE(leads(second));
  EXPECT_EQ(term(second), 1);
}

TEST_F(ElectionTest, is_not_released_by_one_that_does_not_hold_it) {
  (void)first.step();
  second.shards.release();
  EXPECT_EQ(holder(), "first");
}

// As where --lease-namespace names none that there is.
TEST_F(ElectionTest, says_why_its_lease_can_not_be_made) {
  class NoNamespace final : public kube::ForwardingApi {
   public:
    using ForwardingApi::ForwardingApi;
    Result<Json> create(const kube::Resource& /*resource*/, const Json& /*object*/) override {
      return std::unexpected(
          kube::Error{.code = kube::Code::NotFound, .message = "namespaces \"typo\" not found"});
    }
  };
  NoNamespace nowhere{api};
  Election alone{nowhere, clock, options("alone"), kTell};
  std::ostringstream said;
  const auto usual = spdlog::default_logger();
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
  (void)alone.step();
  spdlog::set_default_logger(usual);
  EXPECT_FALSE(leads(alone));
  EXPECT_THAT(said.str(), testing::HasSubstr("namespaces \"typo\" not found"));
}

TEST_F(ElectionTest, of_nonsense_is_taken) {
  api.put(kube::kLeases,
          {{"metadata", {{"name", "weir"}, {"namespace", "weir-system"}}}, {"spec", "nonsense"}});
  (void)first.step();
  EXPECT_TRUE(leads(first));
}

TEST_F(ElectionTest, tells_when_the_one_shard_comes_and_goes_and_takes_it_again) {
  std::vector<std::string> told;
  Election third{link, clock, options("third"), [&](const std::vector<Shards::Change>& changes) {
                   for (const auto& change : changes) {
                     EXPECT_EQ(change.shard, 0);
                     told.push_back((change.held ? "held in " : "left in ") + std::to_string(change.term));
                   }
                 }};
  (void)third.step();
  pass(2);
  (void)third.step();
  link.state = Link::State::Down;
  pass(12);
  (void)third.step();
  link.state = Link::State::Up;
  pass(2);
  (void)third.step();
  EXPECT_THAT(told, testing::ElementsAre("held in 0", "left in 0", "held in 1"));
  EXPECT_EQ(third.shards.count().held, 1);
}

TEST_F(ElectionTest, begins_no_round_of_a_release_that_it_does_not_lead) {
  EXPECT_EQ(first.shards.begin_round(kService), nullptr);
  (void)first.step();
  EXPECT_NE(first.shards.begin_round(kService), nullptr);
  pass(11);
  EXPECT_EQ(first.shards.begin_round(kService), nullptr);
  EXPECT_EQ(first.shards.count().held, 0) << "for all that it knows another may lead";
}

TEST_F(ElectionTest, is_kept_by_a_thread_that_tells_of_changes_and_releases_it_at_the_end) {
  std::promise<void> leading;
  std::vector<bool> told;
  Election threaded{api, clock, options("threaded"), [&](const std::vector<Shards::Change>& changes) {
                      told.push_back(changes.front().held);
                      if (changes.front().held) leading.set_value();
                    }};
  {
    const ShardsThread thread(threaded.shards);
    leading.get_future().wait();
  }
  EXPECT_EQ(told, (std::vector<bool>{true, false}));
  EXPECT_EQ(holder(), "");
}

TEST(OneShardWithoutALease, holds_the_one_shard_from_the_first_step_to_the_end_whatever_time_passes) {
  base::VirtualClock clock;
  std::vector<bool> told;
  Shards alone{clock,
               [&](const std::vector<Shards::Change>& changes) { told.push_back(changes.front().held); }};
  EXPECT_FALSE(alone.leads(kService)) << "before the caches are ready";
  (void)alone.step();
  clock.advance(std::chrono::hours(100));
  (void)alone.step();
  EXPECT_EQ(alone.leads(kService).value().term, 0);
  EXPECT_FALSE(alone.leads(kService)->renewed_at);
  EXPECT_EQ(alone.count().held, 1);
  alone.release();
  EXPECT_FALSE(alone.leads(kService));
  EXPECT_EQ(told, (std::vector<bool>{true, false}));
}

}  // namespace
}  // namespace weir::lead
