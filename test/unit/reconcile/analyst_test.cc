#include "operator/reconcile/analyst.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "operator/base/base64.h"
#include "operator/kube/object.h"
#include "operator/reconcile/credentials.h"

namespace weir::reconcile {
namespace {

using testing::ElementsAre;

// Answers what it is told to, and counts how often it was asked.
class ScriptedJudge final : public analysis::Judge {
 public:
  analysis::Judgement judge(const analysis::Inquiry& inquiry) override {
    ++asked;
    length = inquiry.window.length.count();
    sequential = inquiry.judge.sequential;
    counts = inquiry.counts_split;
    metrics = inquiry.metrics;
    analysis::Judgement judgement{.message = "fine", .evidence = inquiry.evidence + "+"};
    judgement.outcome = analysis::Outcome::Pass;
    return judgement;
  }
  std::vector<analysis::Metric> metrics;  // that were asked about last
  std::atomic<int> asked{0};
  std::atomic<std::int64_t> length{0};                 // of the last window, in seconds
  std::atomic<bool> sequential{false}, counts{false};  // what was asked for last
};

Question question(int index, const std::string& uid = "a") {
  Question question{.uid = uid, .generation = 1};
  question.request.step = 1;
  question.request.index = index;
  question.request.template_hash = "h";
  question.request.window = strategies::Seconds{30};
  question.request.evidence = "before";
  return question;
}

class AnalystTest : public testing::Test {
 protected:
  const kube::Key key{"shop", "checkout-v2"};
  ScriptedJudge judge;
  outside::Desk desk;
  std::vector<std::string> done;  // messages
  std::vector<std::string> read;  // Secrets
  kube::Result<kube::Json> secret = kube::Json{{"data", {{"token", "czNjcmV0"}}}};
  DeskAnalyst analyst{
      desk, judge,
      [this](const kube::Key& of) {
        read.push_back(kube::to_string(of));
        return secret;
      },
      [this](const kube::Key&, const analysis::Judgement& judgement) { done.push_back(judgement.message); }};

  // Of two metrics, the second one's.
  Question with_credentials() {
    auto asked = question(1);
    asked.metrics = {{.name = "request-duration"}, {.name = "errors"}};
    asked.credentials = {{.metric = 1, .secret = {"monitoring", "login"}, .template_name = "errors"}};
    return asked;
  }
};

TEST_F(AnalystTest, reads_credentials_when_the_question_has_its_turn_and_not_before) {
  analyst.ask(key, with_credentials());
  EXPECT_THAT(read, ElementsAre());
  EXPECT_TRUE(desk.step());
  EXPECT_THAT(read, ElementsAre("monitoring/login"));
  ASSERT_EQ(judge.metrics.size(), 2U);
  EXPECT_TRUE(judge.metrics[0].secret.empty());
  EXPECT_EQ(judge.metrics[1].secret, (std::map<std::string, std::string>{{"token", "s3cret"}}));
  EXPECT_EQ(judge.metrics[1].problem, "");
}

TEST_F(AnalystTest, says_which_secret_of_which_template_cannot_be_read) {
  secret = std::unexpected(kube::Error{.message = "it is not there"});
  analyst.ask(key, with_credentials());
  EXPECT_TRUE(desk.step());
  ASSERT_EQ(judge.metrics.size(), 2U);
  EXPECT_EQ(judge.metrics[0].problem, "");
  EXPECT_EQ(judge.metrics[1].problem,
            "Secret monitoring/login of MetricTemplate errors cannot be read: it is not there");
  EXPECT_TRUE(judge.metrics[1].secret.empty());
}

TEST(Secrets, are_read_without_the_newlines_of_the_files_that_they_came_from) {
  const auto with = [](const kube::Json& data) { return entries_of({{"data", data}}); };
  EXPECT_EQ(with({{"token", base::encode_base64("s3cret\r\n")}, {"api-key", "!"}, {"n", 7}}),
            (std::map<std::string, std::string>{{"token", "s3cret"}, {"api-key", ""}, {"n", ""}}));
  EXPECT_TRUE(entries_of(kube::Json::object()).empty());
  EXPECT_TRUE(with(kube::Json::array({1})).empty());
}

TEST_F(AnalystTest, answers_with_the_identity_of_the_question) {
  EXPECT_FALSE(analyst.knows(key, question(1)));
  analyst.ask(key, question(1));
  EXPECT_TRUE(analyst.knows(key, question(1)));
  EXPECT_FALSE(analyst.answer(key));
  EXPECT_TRUE(desk.step());
  EXPECT_THAT(done, ElementsAre("fine"));
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

TEST_F(AnalystTest, forgets_an_answer_when_asked_something_else_or_told_to) {
  const kube::Key other{"shop", "b"};
  analyst.ask(key, question(1));
  analyst.ask(other, question(1, "b"));
  EXPECT_TRUE(desk.step());
  EXPECT_TRUE(desk.step());
  EXPECT_EQ(judge.asked, 2);
  analyst.forget(key);
  EXPECT_FALSE(analyst.answer(key));
  EXPECT_TRUE(analyst.answer(other));
  analyst.ask(other, question(2, "b"));
  EXPECT_FALSE(analyst.answer(other));
}

TEST_F(AnalystTest, judges_of_a_release_only_what_was_asked_last) {
  auto next_step = question(1);
  next_step.request.step = 2;
  analyst.ask(key, question(1));
  analyst.ask(key, question(2));
  analyst.ask(key, next_step);
  while (desk.step()) {
  }
  EXPECT_EQ(judge.asked, 1);
  EXPECT_TRUE(analyst.knows(key, next_step));
  EXPECT_EQ(analyst.answer(key)->step, 2);
}

TEST_F(AnalystTest, passes_on_that_an_interval_was_too_early) {
  analysis::Judgement judgement{.undecided = true, .too_early = true};
  EXPECT_TRUE(to_verdict(question(1), judgement).too_early);
  judgement.too_early = false;
  EXPECT_FALSE(to_verdict(question(1), judgement).too_early);
}

TEST_F(AnalystTest, says_of_a_check_that_finds_no_place_that_it_was_not_judged) {
  for (std::size_t i = 0; i < outside::kMostWaiting; ++i) {
    const auto name = std::to_string(i);
    analyst.ask({"shop", name}, question(1, name));
  }
  analyst.ask(key, question(1, "one more"));
  EXPECT_TRUE(analyst.knows(key, question(1)));
  const auto verdict = analyst.answer(key);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->outcome, strategies::Outcome::Inconclusive);
  EXPECT_THAT(done, ElementsAre("not judged: 4096 checks of namespace shop wait for an answer already; see "
                                "whether its metrics servers are slow"));
}

Question count(int index, int weight = 100) {
  auto question = reconcile::question(index);
  question.request.weight = strategies::Weight::of(weight).value();
  question.request.counts = true;
  question.request.judges = false;
  return question;
}

TEST_F(AnalystTest, takes_a_count_for_another_question_than_a_check_and_the_next_one_for_another_still) {
  analyst.ask(key, count(2));
  EXPECT_TRUE(analyst.knows(key, count(2)));
  EXPECT_TRUE(analyst.knows(key, count(1))) << "who has not seen an answer yet gets this one";
  EXPECT_FALSE(analyst.knows(key, count(3)));
  EXPECT_FALSE(analyst.knows(key, count(2, 50)));
  EXPECT_FALSE(analyst.knows(key, question(2)));
}

TEST_F(AnalystTest, hands_on_what_was_counted_with_the_time_that_it_is_of) {
  auto asked = count(1);
  asked.request.earliest = strategies::TimePoint{strategies::Seconds{100}};
  asked.request.window_end = strategies::TimePoint{strategies::Seconds{130}};
  const auto told = [&](const analysis::Split& split) { return to_verdict(asked, {.split = split}); };
  const auto verdict = told({.division = analysis::Division::Differs, .message = "31 of 310"});
  EXPECT_EQ(verdict.tally.division, strategies::Division::Differs);
  EXPECT_EQ(verdict.tally.message, "31 of 310");
  EXPECT_FALSE(verdict.judges);
  EXPECT_EQ(verdict.weight, strategies::Weight::all());
  EXPECT_EQ(verdict.earliest, asked.request.earliest);
  EXPECT_EQ(verdict.window_end, asked.request.window_end);
  EXPECT_EQ(told({.division = analysis::Division::Agrees}).tally.division, strategies::Division::Agrees);
  EXPECT_EQ(told({.division = analysis::Division::UntrustedDiffers}).tally.division,
            strategies::Division::UntrustedDiffers);
  const auto unknown = told({.server_answers = false});
  EXPECT_EQ(unknown.tally.division, strategies::Division::NotCounted);
  EXPECT_FALSE(unknown.tally.answered);
}

TEST_F(AnalystTest, asks_of_a_count_no_judge) {
  auto asked = count(1);
  asked.judge.sequential = true;
  analyst.ask(key, asked);
  EXPECT_TRUE(desk.step());
  EXPECT_FALSE(judge.sequential);
  EXPECT_TRUE(judge.counts);
}

}  // namespace
}  // namespace weir::reconcile
