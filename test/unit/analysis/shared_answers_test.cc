#include "analysis/providers/prometheus/shared_answers.h"

#include <atomic>
#include <latch>
#include <thread>

#include "test/unit/analysis/scripted_prometheus.h"

namespace weir::analysis {
namespace {

const TimePoint kNow{std::chrono::seconds{1'700'000'000}};
const Server kServer{"http://prometheus:9090", {}, {}};

TEST(SharedAnswers, ask_the_same_question_once) {
  ScriptedPrometheus prometheus;
  SharedAnswers answers(prometheus.fetch());
  const auto first = answers.ask(kServer, "up", kNow);
  const auto second = answers.ask(kServer, "up", kNow + std::chrono::milliseconds{900});
  EXPECT_EQ(first, second);
  EXPECT_EQ(prometheus.asked().size(), 1U);
}

TEST(SharedAnswers, are_not_shared_between_different_questions) {
  ScriptedPrometheus prometheus;
  SharedAnswers answers(prometheus.fetch());
  (void)answers.ask(kServer, "up", kNow);
  (void)answers.ask(kServer, "down", kNow);
  (void)answers.ask(kServer, "up", kNow + Seconds{1});
  (void)answers.ask({kServer.address, {{"Authorization", "other"}}, {}}, "up", kNow);
  EXPECT_EQ(prometheus.asked().size(), 4U);
}

TEST(SharedAnswers, ask_again_after_an_error) {
  ScriptedPrometheus prometheus;
  SharedAnswers answers(prometheus.fetch());
  prometheus.is_down("refused");
  EXPECT_FALSE(answers.ask(kServer, "up", kNow)->has_value());
  prometheus.is_back();
  EXPECT_TRUE(answers.ask(kServer, "up", kNow)->has_value());
}

TEST(SharedAnswers, are_forgotten_after_their_lifetime) {
  ScriptedPrometheus prometheus;
  SharedAnswers answers(prometheus.fetch());
  (void)answers.ask(kServer, "up", kNow);
  (void)answers.ask(kServer, "up", kNow + kAnswerLifetime + Seconds{1});
  (void)answers.ask(kServer, "up", kNow);
  EXPECT_EQ(prometheus.asked().size(), 3U);
}

TEST(SharedAnswers, are_kept_in_a_bounded_number) {
  ScriptedPrometheus prometheus;
  SharedAnswers answers(prometheus.fetch());
  (void)answers.ask(kServer, "q", kNow);
  for (std::size_t i = 0; i < kMaxKeptAnswers; ++i) {
    (void)answers.ask(kServer, "q" + std::to_string(i), kNow + Seconds{1});
  }
  (void)answers.ask(kServer, "q", kNow);
  EXPECT_EQ(prometheus.asked("q").size(), kMaxKeptAnswers + 2);
}

TEST(SharedAnswers, let_others_wait_for_the_one_that_is_asking) {
  std::latch asking(1);
  std::latch may_answer(1);
  std::atomic<int> fetched = 0;
  SharedAnswers answers([&](const Request&) -> std::expected<Answer, std::string> {
    ++fetched;
    asking.count_down();
    may_answer.wait();
    return Answer{200, vector_answer({{{}, "7"}})};
  });
  std::atomic<int> right = 0;
  const auto ask = [&] {
    const auto answer = answers.ask(kServer, "up", kNow);
    if (answer->has_value() && (*answer)->series.at(0).value == 7) ++right;
  };
  {
    std::jthread first(ask);
    asking.wait();
    std::jthread second(ask);
    std::jthread third(ask);
    may_answer.count_down();
  }
  EXPECT_EQ(fetched, 1);
  EXPECT_EQ(right, 3);
}

}  // namespace
}  // namespace weir::analysis
