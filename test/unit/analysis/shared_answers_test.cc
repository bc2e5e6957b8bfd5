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

Server asked_for(const std::string& name_space) {
  return {.address = kServer.address, .asker = {.name_space = name_space, .built_in = true}};
}

TEST(SharedAnswers, are_not_shared_between_namespaces_since_one_may_be_refused_what_the_other_is_not) {
  ScriptedPrometheus prometheus;
  SharedAnswers answers(prometheus.fetch());
  (void)answers.ask(asked_for("shop"), "up", kNow);
  (void)answers.ask(asked_for("bank"), "up", kNow);
  EXPECT_EQ(prometheus.asked().size(), 2U);
}

TEST(SharedAnswers, of_the_namespace_that_has_most_are_forgotten_first) {
  ScriptedPrometheus prometheus;
  SharedAnswers answers(prometheus.fetch());
  (void)answers.ask(asked_for("shop"), "up", kNow);
  for (std::size_t i = 0; i < kMaxKeptAnswers; ++i) {
    (void)answers.ask(asked_for("much"), "q" + std::to_string(i), kNow + Seconds{1});
  }
  (void)answers.ask(asked_for("shop"), "up", kNow);
  EXPECT_EQ(prometheus.asked("up").size(), 1U);
  (void)answers.ask(asked_for("much"), "q0", kNow + Seconds{1});
  EXPECT_EQ(prometheus.asked("q0").size(), 2U);
}

TEST(SharedAnswers, are_kept_in_bounded_memory) {
  std::vector<Point> points(10'000);
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i] = {{{std::string(150, 'x'), std::to_string(i)}}, "1"};
  }
  ScriptedPrometheus prometheus;
  prometheus.answers("large", vector_answer(points));
  SharedAnswers answers(prometheus.fetch());
  // Each takes more than 2 MiB.
  constexpr std::size_t kAsked = kMaxKeptBytes / (std::size_t{2} << 20);
  for (std::size_t i = 0; i < kAsked; ++i) {
    const auto at = kNow + Seconds{static_cast<int>(i)};
    EXPECT_TRUE(answers.ask(asked_for("shop"), "large", at)->has_value());
  }
  (void)answers.ask(asked_for("shop"), "large", kNow);
  EXPECT_EQ(prometheus.asked().size(), kAsked + 1);
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
