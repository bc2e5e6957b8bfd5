#include "operator/kube/rate_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace weir::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kOrdinary = Urgency::Ordinary;
constexpr auto kUrgent = Urgency::Urgent;

class RateLimitTest : public testing::Test {
 protected:
  milliseconds wait(const RateLimit::Place& place) { return limit.wait(place, now); }
  milliseconds first_wait(Urgency urgency) { return wait(limit.queue(urgency)); }

  RateLimit limit{10, 2};
  base::Clock::Steady now{seconds(100)};
};

TEST_F(RateLimitTest, lets_a_burst_through_and_then_spaces_requests) {
  EXPECT_EQ(first_wait(kOrdinary), milliseconds(0));
  EXPECT_EQ(first_wait(kOrdinary), milliseconds(0));
  const auto third = limit.queue(kOrdinary);
  const auto fourth = limit.queue(kOrdinary);
  EXPECT_EQ(wait(third), milliseconds(100));
  EXPECT_EQ(wait(fourth), milliseconds(200));
  now += milliseconds(100);
  EXPECT_EQ(wait(fourth), milliseconds(100));
  EXPECT_EQ(wait(third), milliseconds(0));
  now += milliseconds(100);
  EXPECT_EQ(wait(fourth), milliseconds(0));
}

TEST_F(RateLimitTest, saves_up_no_more_than_a_burst) {
  EXPECT_EQ(first_wait(kOrdinary), milliseconds(0));
  now += seconds(100);
  EXPECT_EQ(first_wait(kOrdinary), milliseconds(0));
  EXPECT_EQ(first_wait(kOrdinary), milliseconds(0));
  EXPECT_EQ(first_wait(kOrdinary), milliseconds(100));
}

TEST_F(RateLimitTest, lets_an_urgent_request_go_before_all_that_wait) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(first_wait(kOrdinary), milliseconds(0));
  std::vector<RateLimit::Place> places;
  for (int i = 0; i < 300; ++i) places.push_back(limit.queue(kOrdinary));
  EXPECT_EQ(wait(places.front()), milliseconds(100));
  const auto urgent = limit.queue(kUrgent);
  EXPECT_EQ(wait(urgent), milliseconds(100));
  now += milliseconds(100);
  EXPECT_EQ(wait(places.front()), milliseconds(100));  // its turn goes to the urgent one
  EXPECT_EQ(wait(urgent), milliseconds(0));
  now += milliseconds(100);
  EXPECT_EQ(wait(places.front()), milliseconds(0));
}

TEST_F(RateLimitTest, keeps_the_order_among_urgent_requests) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(first_wait(kUrgent), milliseconds(0));
  const auto first = limit.queue(kUrgent);
  const auto second = limit.queue(kUrgent);
  EXPECT_EQ(wait(first), milliseconds(100));
  EXPECT_EQ(wait(second), milliseconds(200));
}

TEST_F(RateLimitTest, gives_the_turn_of_one_that_leaves_to_the_next) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(first_wait(kOrdinary), milliseconds(0));
  const auto leaving = limit.queue(kUrgent);
  const auto staying = limit.queue(kOrdinary);
  EXPECT_EQ(wait(staying), milliseconds(200));
  limit.leave(leaving);
  EXPECT_EQ(wait(staying), milliseconds(100));
}

TEST_F(RateLimitTest, takes_a_clock_that_stands_still_or_goes_back) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(first_wait(kOrdinary), milliseconds(0));
  const auto place = limit.queue(kOrdinary);
  now -= seconds(1);
  EXPECT_EQ(wait(place), milliseconds(100));
  now += milliseconds(1100);
  EXPECT_EQ(wait(place), milliseconds(0));
}

TEST_F(RateLimitTest, holds_ordinary_requests_alone_for_as_long_as_the_server_asks) {
  limit.hold(seconds(3), now);
  limit.hold(seconds(1), now);  // does not end the longer one
  EXPECT_EQ(limit.held(kOrdinary, now), seconds(3));
  EXPECT_EQ(limit.held(kUrgent, now), seconds(0));
  EXPECT_EQ(limit.held(kOrdinary, now + seconds(2)), seconds(1));
  EXPECT_EQ(limit.held(kOrdinary, now + seconds(3)), seconds(0));
}

TEST_F(RateLimitTest, holds_for_no_longer_than_the_bound) {
  limit.hold(seconds(86400), now);
  EXPECT_EQ(limit.held(kOrdinary, now), RateLimit::kLongestHold);
}

TEST(RateLimit, of_zero_is_none) {
  RateLimit limit(0, 1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(limit.wait(limit.queue(kOrdinary), base::Clock::Steady()), milliseconds(0));
  }
}

// Requests that come as a seed says, for ten seconds; each asks again when it was told to.
class Traffic {
 public:
  explicit Traffic(unsigned seed) : random_(seed) {
    for (; now_ < base::Clock::Steady(seconds(110)); now_ += milliseconds(1)) {
      arrive();
      // Urgent ones ask first, as one that has enough turns for all may be lucky to ask before them.
      for (const auto urgency : {kUrgent, kOrdinary}) ask(urgency);
    }
  }

  std::vector<base::Clock::Steady> sent;
  bool overtaken = false;  // whether an ordinary one went while an urgent one had to wait
  static constexpr std::size_t kRate = 20;
  static constexpr std::size_t kBurst = 5;

 private:
  struct Waiting {
    RateLimit::Place place;
    base::Clock::Steady ask_at;
  };

  void arrive() {
    if (random_() % 40 != 0) return;
    for (auto n = random_() % 20; n > 0; --n) {
      waiting_.push_back({limit_.queue(random_() % 4 == 0 ? kUrgent : kOrdinary), now_});
    }
  }

  void ask(Urgency urgency) {
    const bool urgent_waits =
        std::ranges::any_of(waiting_, [](const Waiting& each) { return each.place.urgency == kUrgent; });
    std::erase_if(waiting_, [&](Waiting& each) {
      if (each.place.urgency != urgency || each.ask_at > now_) return false;
      const auto rest = limit_.wait(each.place, now_);
      each.ask_at = now_ + rest;
      if (rest > milliseconds(0)) return false;
      sent.push_back(now_);
      overtaken = overtaken || (urgency == kOrdinary && urgent_waits);
      return true;
    });
  }

  std::mt19937 random_;
  RateLimit limit_{kRate, kBurst};
  base::Clock::Steady now_{seconds(100)};
  std::vector<Waiting> waiting_;
};

TEST(RateLimit, keeps_the_rate_and_the_order_whatever_comes) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const Traffic traffic(seed);
    ASSERT_GT(traffic.sent.size(), 100U) << "seed " << seed;
    EXPECT_FALSE(traffic.overtaken) << "seed " << seed;
    // No second sees more than a burst and what the rate allows.
    constexpr std::size_t kMost = Traffic::kBurst + Traffic::kRate;
    for (std::size_t i = 0; i + kMost < traffic.sent.size(); ++i) {
      ASSERT_GT(traffic.sent[i + kMost] - traffic.sent[i], milliseconds(999)) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace weir::kube
