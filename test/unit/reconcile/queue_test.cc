#include "operator/reconcile/queue.h"

#include <gtest/gtest.h>

namespace weir::reconcile {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

kube::Key key(const std::string& name) { return {"shop", name}; }

TEST(Queue, gives_a_key_once_however_often_it_was_added) {
  Queue queue;
  queue.add(key("a"), steady_clock::now());
  queue.add(key("a"), steady_clock::now());
  EXPECT_EQ(queue.depth(), 1U);
  EXPECT_EQ(queue.take({})->name, "a");
  EXPECT_EQ(queue.depth(), 0U);
}

TEST(Queue, takes_the_earliest_of_two_times_for_a_key) {
  Queue queue;
  queue.add(key("a"), steady_clock::now() + std::chrono::hours(1));
  queue.add(key("a"), steady_clock::now());
  EXPECT_EQ(queue.take({})->name, "a");
}

TEST(Queue, does_not_give_a_key_to_two_threads_at_once) {
  Queue queue;
  queue.add(key("a"), steady_clock::now());
  EXPECT_EQ(queue.take({})->name, "a");
  queue.add(key("a"), steady_clock::now());
  queue.add(key("b"), steady_clock::now() + milliseconds(1));
  EXPECT_EQ(queue.take({})->name, "b");
  queue.done(key("a"));
  EXPECT_EQ(queue.take({})->name, "a");
}

TEST(Queue, gives_what_is_urgent_before_what_has_waited_longer) {
  Queue queue;
  queue.add(key("a"), steady_clock::now() - milliseconds(10));
  queue.add(key("rollback"), steady_clock::now() - milliseconds(5), true);
  EXPECT_EQ(queue.take({})->name, "rollback");
  EXPECT_EQ(queue.take({})->name, "a");
}

TEST(Queue, gives_without_waiting_only_what_is_due) {
  Queue queue;
  const auto now = steady_clock::now();
  EXPECT_FALSE(queue.next_due(now));
  queue.add(key("a"), now + milliseconds(5));
  EXPECT_FALSE(queue.take_due(now));
  EXPECT_EQ(queue.next_due(now), now + milliseconds(5));
  EXPECT_EQ(queue.take_due(now + milliseconds(5))->name, "a");
  queue.add(key("a"), now);
  EXPECT_FALSE(queue.next_due(now)) << "it is being worked on";
}

TEST(Queue, ends_a_wait_when_asked_to_stop) {
  Queue queue;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(queue.take(stop.get_token()));
}

TEST(Queue, backs_off_twice_as_long_after_each_failure_up_to_a_limit) {
  Queue queue;
  EXPECT_EQ(queue.failed(key("a")), milliseconds(50));
  EXPECT_EQ(queue.failed(key("a")), milliseconds(100));
  queue.forget(key("a"));
  EXPECT_EQ(queue.failed(key("a")), milliseconds(50));
  EXPECT_EQ(Queue::back_off(100), milliseconds(5'000));
}

}  // namespace
}  // namespace weir::reconcile
