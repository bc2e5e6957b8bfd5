#include "operator/outside/desk.h"

#include <gmock/gmock.h>

#include <atomic>
#include <latch>
#include <semaphore>

namespace weir::outside {
namespace {

using testing::ElementsAre;

QuestionId id_of(const std::string& uid, const std::string& name = "judge") {
  return {.uid = uid, .generation = 1, .step = "1", .name = name};
}

struct Judged {
  double value = 0;
};
enum class Agreed { Yes, No };

class DeskTest : public testing::Test {
 protected:
  // A question that notes its name when it is answered.
  void ask(const std::string& uid, const std::string& name_space) {
    EXPECT_TRUE(desk.ask<int>(id_of(uid), name_space,
                              [this, uid] {
                                answered.push_back(uid);
                                return 1;
                              },
                              {}));
  }
  void run() {
    while (desk.step()) {
    }
  }

  Desk desk;
  std::vector<std::string> answered;
};

TEST_F(DeskTest, answers_questions_of_different_kinds) {
  double told = 0;
  ASSERT_TRUE(desk.ask<Judged>(
      id_of("a", "judge"), "shop", [] { return Judged{99.5}; },
      [&](const Judged& judged) { told = judged.value; }));
  ASSERT_TRUE(desk.ask<Agreed>(id_of("a", "load-test"), "shop", [] { return Agreed::No; }, {}));
  EXPECT_FALSE(desk.answer<Judged>(id_of("a", "judge")));
  run();
  EXPECT_EQ(told, 99.5);
  ASSERT_TRUE(desk.answer<Judged>(id_of("a", "judge")));
  EXPECT_EQ(desk.answer<Judged>(id_of("a", "judge"))->value, 99.5);
  EXPECT_EQ(desk.answer<Agreed>(id_of("a", "load-test")), Agreed::No);
  EXPECT_FALSE(desk.answer<Agreed>(id_of("a", "judge")));  // of another type
  EXPECT_FALSE(desk.answer<Agreed>(id_of("b", "load-test")));
}

TEST_F(DeskTest, lets_namespaces_take_turns_and_answers_the_oldest_of_each_first) {
  for (const auto* uid : {"a1", "a2", "a3"}) ask(uid, "a");
  for (const auto* uid : {"b1", "b2"}) ask(uid, "b");
  ask("c1", "c");
  run();
  EXPECT_THAT(answered, ElementsAre("a1", "b1", "c1", "a2", "b2", "a3"));
}

TEST_F(DeskTest, keeps_threads_free_for_others_of_a_namespace_whose_questions_hang) {
  std::atomic<int> hanging = 0;
  std::latch let_go(1);
  std::latch full(kMostAtOnce);
  std::latch all(kMostAtOnce + 3);
  for (int i = 0; i < kMostAtOnce + 3; ++i) {
    ASSERT_TRUE(desk.ask<int>(
        id_of(std::to_string(i)), "hangs",
        [&] {
          if (++hanging <= kMostAtOnce) full.count_down();
          let_go.wait();
          return 1;
        },
        [&](int) { all.count_down(); }));
  }
  desk.start(kMostAtOnce + 1);
  full.wait();
  std::latch well(1);
  ASSERT_TRUE(desk.ask<int>(id_of("well"), "well", [] { return 2; }, [&](int) { well.count_down(); }));
  well.wait();
  EXPECT_EQ(hanging, kMostAtOnce);
  let_go.count_down();
  all.wait();
  EXPECT_EQ(hanging, kMostAtOnce + 3);
}

TEST_F(DeskTest, keeps_threads_free_for_others_of_several_namespaces_whose_questions_hang) {
  std::latch let_go(1);
  const auto hang = [&](const std::string& name_space, std::latch& begun) {
    for (int i = 0; i < kMostAtOnce; ++i) {
      ASSERT_TRUE(desk.ask<int>(id_of(name_space + std::to_string(i)), name_space,
                                [&] {
                                  begun.count_down();
                                  let_go.wait();
                                  return 1;
                                },
                                {}));
    }
  };
  std::latch first(kMostAtOnce);
  std::latch second(kMostAtOnce);
  desk.start(kMostAtOnce + 2);
  hang("first", first);
  first.wait();
  hang("second", second);
  std::latch well(1);
  ASSERT_TRUE(desk.ask<int>(id_of("well"), "well", [] { return 2; }, [&](int) { well.count_down(); }));
  well.wait();
  EXPECT_FALSE(second.try_wait());
  let_go.count_down();
  second.wait();  // what waited is answered by and by
  desk.stop();
}

TEST_F(DeskTest, asks_a_question_that_was_replaced_no_more) {
  const auto id = id_of("a");
  const auto ask_for = [&](int answer) {
    ASSERT_TRUE(desk.ask<int>(id, "shop",
                              [this, answer] {
                                answered.push_back(std::to_string(answer));
                                return answer;
                              },
                              {}));
  };
  ask_for(1);
  ask_for(2);
  run();
  EXPECT_THAT(answered, ElementsAre("2"));
  EXPECT_EQ(desk.answer<int>(id), 2);
  ask_for(3);
  EXPECT_FALSE(desk.answer<int>(id));
}

TEST_F(DeskTest, drops_the_answer_to_a_question_that_was_replaced_while_it_was_under_way) {
  const auto id = id_of("a");
  bool told = false;
  ASSERT_TRUE(desk.ask<int>(
      id, "shop",
      [&] {
        EXPECT_TRUE(desk.ask<int>(id, "shop", [] { return 2; }, {}));
        return 1;
      },
      [&](int) { told = true; }));
  EXPECT_TRUE(desk.step());
  EXPECT_FALSE(told);
  EXPECT_FALSE(desk.answer<int>(id));
  run();
  EXPECT_EQ(desk.answer<int>(id), 2);
}

TEST_F(DeskTest, forgets_questions_that_wait_that_are_under_way_and_that_are_answered) {
  ask("waits", "shop");
  desk.forget(id_of("waits"));
  EXPECT_FALSE(desk.step());

  bool told = false;
  const auto id = id_of("under way");
  ASSERT_TRUE(desk.ask<int>(
      id, "shop",
      [&] {
        desk.forget(id);
        return 1;
      },
      [&](int) { told = true; }));
  run();
  EXPECT_FALSE(told);
  EXPECT_FALSE(desk.answer<int>(id));

  ask("answered", "shop");
  run();
  desk.forget(id_of("answered"));
  EXPECT_FALSE(desk.answer<int>(id_of("answered")));
}

TEST_F(DeskTest, takes_so_many_questions_of_a_namespace_and_more_once_some_are_answered) {
  for (std::size_t i = 0; i < kMostWaiting; ++i) ask(std::to_string(i), "much");
  const auto one_more = [this] { return desk.ask<int>(id_of("one more"), "much", [] { return 1; }, {}); };
  EXPECT_FALSE(one_more());
  ask("0", "much");  // it replaces one
  ask("other", "little");
  EXPECT_TRUE(desk.step());
  EXPECT_TRUE(desk.step());
  EXPECT_TRUE(one_more());
}

TEST_F(DeskTest, is_stopped_without_answering_what_waits) {
  std::latch begun(1);
  std::binary_semaphore go(0);
  ASSERT_TRUE(desk.ask<int>(id_of("a"), "shop",
                            [&] {
                              begun.count_down();
                              go.acquire();
                              return 1;
                            },
                            {}));
  desk.start(1);
  begun.wait();
  ask("b", "shop");
  std::jthread stopper([this] { desk.stop(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  go.release();
  stopper.join();
  EXPECT_EQ(desk.answer<int>(id_of("a")), 1);
  EXPECT_THAT(answered, ElementsAre());
}

}  // namespace
}  // namespace weir::outside
