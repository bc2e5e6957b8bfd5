#include "operator/reconcile/analyst.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <latch>

namespace weir::reconcile {
namespace {

// Answers what it is told to, and counts how often it was asked.
class ScriptedJudge final : public analysis::Judge {
 public:
  analysis::Judgement judge(const analysis::Inquiry& inquiry) override {
    ++asked;
    length = inquiry.window.length.count();
    analysis::Judgement judgement{.message = "fine", .evidence = inquiry.evidence + "+"};
    judgement.outcome = analysis::Outcome::Pass;
    return judgement;
  }
  std::atomic<int> asked{0};
  std::atomic<std::int64_t> length{0};  // of the last window, in seconds
};

Question question(int index) {
  Question question{.generation = 1};
  question.request.step = 1;
  question.request.index = index;
  question.request.template_hash = "h";
  question.request.window = strategies::Seconds{30};
  question.request.evidence = "before";
  return question;
}

TEST(Analyst, answers_with_the_identity_of_the_question) {
  ScriptedJudge judge;
  std::latch answered(1);
  ThreadedAnalyst analyst(judge,
                          [&](const kube::Key&, const analysis::Judgement&) { answered.count_down(); });
  analyst.start(1);
  const kube::Key key{"shop", "checkout-v2"};
  EXPECT_FALSE(analyst.knows(key, question(1)));
  analyst.ask(key, question(1));
  answered.wait();
  const auto verdict = analyst.answer(key);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->outcome, strategies::Outcome::Pass);
  EXPECT_EQ(verdict->index, 1);
  EXPECT_EQ(verdict->template_hash, "h");
  EXPECT_EQ(judge.length, 30);
  EXPECT_EQ(verdict->evidence, "before+");
  EXPECT_TRUE(analyst.knows(key, question(1)));
  EXPECT_FALSE(analyst.knows(key, question(2)));
}

TEST(Analyst, forgets_an_answer_when_asked_something_else_or_told_to) {
  ScriptedJudge judge;
  std::latch answered(2);
  ThreadedAnalyst analyst(judge,
                          [&](const kube::Key&, const analysis::Judgement&) { answered.count_down(); });
  analyst.start(2);
  analyst.ask({"shop", "a"}, question(1));
  analyst.ask({"shop", "b"}, question(1));
  answered.wait();
  EXPECT_EQ(judge.asked, 2);
  analyst.forget({"shop", "a"});
  EXPECT_FALSE(analyst.answer({"shop", "a"}));
  EXPECT_TRUE(analyst.answer({"shop", "b"}));
}

}  // namespace
}  // namespace weir::reconcile
