#include "operator/lead/lease.h"

#include <gtest/gtest.h>

#include <future>

#include "operator/offline/memory_api.h"
#include "test/unit/lead/link.h"

namespace weir::lead {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Key kLock{"weir-system", "weir"};

class LeaseTest : public testing::Test {
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
  Election first{link, clock, options("first")};
  Election second{api, clock, options("second")};
};

TEST_F(LeaseTest, makes_the_lease_when_there_is_none) {
  EXPECT_FALSE(first.leading());
  EXPECT_EQ(first.step(), seconds(2));
  EXPECT_TRUE(first.leading());
  EXPECT_EQ(first.term(), 0);
  EXPECT_EQ(lease()["spec"],
            Json::parse(R"({"holderIdentity":"first","leaseDurationSeconds":15,"leaseTransitions":0,
    "acquireTime":"2026-01-01T00:00:00.000000Z","renewTime":"2026-01-01T00:00:00.000000Z"})"));
}

TEST_F(LeaseTest, lets_only_one_lead) {
  (void)first.step();
  (void)second.step();
  run(first, second, 60);
  EXPECT_TRUE(first.leading());
  EXPECT_FALSE(second.leading());
  EXPECT_EQ(lease()["spec"]["acquireTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(lease()["spec"]["renewTime"], "2026-01-01T00:01:00.000000Z");
}

TEST_F(LeaseTest, renews_with_one_request) {
  (void)first.step();
  link.requests = 0;
  pass(2);
  (void)first.step();
  EXPECT_EQ(link.requests, 1);
}

TEST_F(LeaseTest, takes_a_lease_over_that_has_not_changed_for_its_duration) {
  (void)first.step();
  (void)second.step();
  pass(14);
  (void)second.step();
  EXPECT_FALSE(second.leading());
  pass(1);
  (void)second.step();
  EXPECT_TRUE(second.leading());
  EXPECT_EQ(second.term(), 1);
  EXPECT_EQ(holder(), "second");
}

TEST_F(LeaseTest, of_one_that_ran_in_the_same_pod_before_is_taken_over_at_once) {
  auto of_pod = [](const std::string& process) {
    auto options = LeaseTest::options("weir-1_" + process);
    options.predecessors = "weir-1_";
    return options;
  };
  Election before{api, clock, of_pod("a")};
  Election after{api, clock, of_pod("b")};
  (void)before.step();
  (void)second.step();
  EXPECT_FALSE(second.leading()) << "it is of another pod";
  (void)after.step();
  EXPECT_TRUE(after.leading());
  EXPECT_EQ(after.term(), 1);
  // It had not ended after all: it gives way, and takes nothing back.
  pass(2);
  (void)before.step();
  (void)before.step();
  EXPECT_FALSE(before.leading());
  EXPECT_EQ(holder(), "weir-1_b");
}

TEST_F(LeaseTest, counts_from_when_it_saw_the_record_whatever_time_the_record_says) {
  (void)first.step();
  Json old = lease();
  old["spec"]["renewTime"] = "2001-01-01T00:00:00.000000Z";
  api.put(kube::kLeases, old);
  pass(100);
  (void)second.step();
  EXPECT_FALSE(second.leading());
}

TEST_F(LeaseTest, believes_to_lead_no_longer_than_the_renew_deadline) {
  (void)first.step();
  link.state = Link::State::Down;
  for (int i = 0; i < 4; ++i) {
    pass(2);
    (void)first.step();
    EXPECT_TRUE(first.leading());
  }
  pass(1);
  EXPECT_TRUE(first.leading());
  pass(1);
  EXPECT_FALSE(first.leading());
}

TEST_F(LeaseTest, is_never_held_by_two_at_once) {
  (void)first.step();
  (void)second.step();
  link.state = Link::State::Down;
  for (int i = 0; i < 20; ++i) {
    pass(1);
    (void)first.step();
    (void)second.step();
    EXPECT_FALSE(first.leading() && second.leading());
  }
  EXPECT_TRUE(second.leading());
  link.state = Link::State::Up;
  (void)first.step();
  EXPECT_FALSE(first.leading());
}

TEST_F(LeaseTest, starts_a_new_term_when_it_leads_again_after_a_lapse) {
  (void)first.step();
  link.state = Link::State::Down;
  pass(12);
  (void)first.step();
  EXPECT_FALSE(first.leading());
  link.state = Link::State::Up;
  (void)first.step();
  EXPECT_TRUE(first.leading());
  EXPECT_EQ(first.term(), 1);
}

TEST_F(LeaseTest, names_the_term_only_while_it_leads) {
  EXPECT_FALSE(first.leads_in());
  (void)first.step();
  EXPECT_EQ(first.leads_in().value().term, 0);
  link.state = Link::State::Down;
  pass(12);
  EXPECT_FALSE(first.leads_in());
  link.state = Link::State::Up;
  (void)first.step();
  EXPECT_EQ(first.leads_in().value().term, 1);
}

TEST_F(LeaseTest, reads_the_lease_again_after_a_conflict) {
  (void)first.step();
  Json touched = lease();
  touched["metadata"]["labels"] = {{"a", "b"}};
  api.put(kube::kLeases, touched);
  pass(2);
  (void)first.step();
  pass(2);
  (void)first.step();
  EXPECT_TRUE(first.leading());
  EXPECT_EQ(lease()["spec"]["renewTime"], "2026-01-01T00:00:04.000000Z");
  EXPECT_EQ(lease()["metadata"]["labels"]["a"], "b");
  EXPECT_EQ(first.term(), 0);
}

TEST_F(LeaseTest, gives_way_when_somebody_else_has_taken_the_lease) {
  (void)first.step();
  Json taken = lease();
  taken["spec"]["holderIdentity"] = "third";
  api.put(kube::kLeases, taken);
  pass(2);
  EXPECT_LT(first.step(), milliseconds(100)) << "it looks again at once";
  (void)first.step();
  EXPECT_EQ(holder(), "third");
  EXPECT_FALSE(first.leading()) << "long before its own renew deadline";
}

TEST_F(LeaseTest, is_free_at_once_when_its_holder_releases_it) {
  (void)first.step();
  (void)second.step();
  pass(2);
  first.release();
  EXPECT_FALSE(first.leading());
  EXPECT_EQ(holder(), "");
  (void)second.step();
  EXPECT_TRUE(second.leading());
  EXPECT_EQ(second.term(), 1);
}

TEST_F(LeaseTest, is_not_released_by_one_that_does_not_hold_it) {
  (void)first.step();
  second.release();
  EXPECT_EQ(holder(), "first");
}

TEST_F(LeaseTest, of_nonsense_is_taken) {
  api.put(kube::kLeases,
          {{"metadata", {{"name", "weir"}, {"namespace", "weir-system"}}}, {"spec", "nonsense"}});
  (void)first.step();
  EXPECT_TRUE(first.leading());
}

TEST_F(LeaseTest, is_kept_by_a_thread_that_tells_of_changes_and_releases_it_at_the_end) {
  std::promise<void> leading;
  std::vector<bool> told;
  {
    const ElectionThread thread(first, [&](bool leads) {
      told.push_back(leads);
      if (leads) leading.set_value();
    });
    leading.get_future().wait();
  }
  EXPECT_EQ(told, (std::vector<bool>{true, false}));
  EXPECT_EQ(holder(), "");
}

}  // namespace
}  // namespace weir::lead
