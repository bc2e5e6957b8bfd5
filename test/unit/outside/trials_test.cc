#include "operator/outside/trials.h"

#include <gtest/gtest.h>

namespace weir::outside {
namespace {

class TrialsTest : public testing::Test {
 protected:
  bool begin(const std::string& name_space, std::chrono::minutes every = {}) {
    return trials.begin(name_space, clock.steady(), every);
  }

  base::VirtualClock clock;
  Trials trials;
};

TEST_F(TrialsTest, are_few_at_the_same_time_and_one_of_a_namespace) {
  EXPECT_TRUE(begin("0"));
  EXPECT_FALSE(begin("0"));
  for (std::size_t i = 1; i < kMaxTrials; ++i) EXPECT_TRUE(begin(std::to_string(i)));
  EXPECT_FALSE(begin("one more"));
  trials.end("0");
  EXPECT_TRUE(begin("one more"));
}

TEST_F(TrialsTest, go_to_who_has_waited_before_they_go_to_the_same_again) {
  for (std::size_t i = 0; i < kMaxTrials; ++i) EXPECT_TRUE(begin(std::to_string(i)));
  EXPECT_FALSE(begin("waits"));
  for (std::size_t i = 0; i + 1 < kMaxTrials; ++i) trials.end(std::to_string(i));
  const auto last = std::to_string(kMaxTrials - 1);
  trials.end(last);
  // All but one of the places may be taken by others.
  for (std::size_t i = 0; i + 1 < kMaxTrials; ++i) EXPECT_TRUE(begin(std::to_string(i)));
  EXPECT_FALSE(begin(last));
  EXPECT_TRUE(begin("waits"));
  EXPECT_FALSE(begin(last));
  trials.end("0");
  EXPECT_TRUE(begin(last));
}

TEST_F(TrialsTest, are_not_kept_for_who_asks_no_more) {
  for (std::size_t i = 0; i < kMaxTrials; ++i) EXPECT_TRUE(begin(std::to_string(i)));
  for (std::size_t i = 0; i < kMaxTrials; ++i) EXPECT_FALSE(begin("gone " + std::to_string(i)));
  clock.advance(std::chrono::minutes(1));
  EXPECT_FALSE(begin("asks"));
  for (std::size_t i = 0; i < kMaxTrials; ++i) trials.end(std::to_string(i));
  EXPECT_FALSE(begin("asks"));
  clock.advance(kTurnKept - std::chrono::seconds(59));
  EXPECT_TRUE(begin("asks"));
}

TEST_F(TrialsTest, keep_the_turn_of_who_asks_seldom_for_when_that_is) {
  constexpr std::chrono::minutes kSeldom{7};
  const auto begin_all = [this] {
    std::size_t begun = 0;
    for (std::size_t i = 0; i < kMaxTrials; ++i) begun += begin(std::to_string(i)) ? 1 : 0;
    return begun;
  };
  const auto end_all = [this] {
    for (std::size_t i = 0; i < kMaxTrials; ++i) trials.end(std::to_string(i));
  };
  EXPECT_EQ(begin_all(), kMaxTrials);
  EXPECT_FALSE(begin("seldom", kSeldom));
  clock.advance(kSeldom - kTurnKept - std::chrono::seconds(1));
  end_all();
  EXPECT_EQ(begin_all(), kMaxTrials) << "meanwhile others lose nothing";
  end_all();
  clock.advance(kTurnKept);
  EXPECT_EQ(begin_all(), kMaxTrials - 1);
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(begin("seldom", kSeldom));
}

TEST_F(TrialsTest, keep_the_turn_of_who_goes_on_asking) {
  for (std::size_t i = 0; i < kMaxTrials; ++i) EXPECT_TRUE(begin(std::to_string(i)));
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(begin("asks"));
    clock.advance(kTurnKept);
  }
  EXPECT_FALSE(begin("later"));
  trials.end("0");
  EXPECT_FALSE(begin("later"));
  EXPECT_TRUE(begin("asks"));
}

}  // namespace
}  // namespace weir::outside
