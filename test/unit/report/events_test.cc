#include "operator/report/events.h"

#include <gtest/gtest.h>

namespace weir::report {
namespace {

using strategies::Event;
using strategies::Severity;

const CanaryRef kCanary{"shop", "checkout-v2", "uid-1"};
const Event kEvent{Severity::Warning, "CheckFailed", "p99 612 ms > 500 ms"};
const strategies::TimePoint kNow{std::chrono::milliseconds{1'767'268'800'123}};

TEST(Event, has_what_kubernetes_asks_for) {
  auto event = make_event(kCanary, kEvent, kNow);
  const auto name = event["metadata"]["name"].get<std::string>();
  EXPECT_TRUE(name.starts_with("checkout-v2."));
  EXPECT_EQ(name.size(), std::string("checkout-v2.").size() + 16);
  event["metadata"].erase("name");
  EXPECT_EQ(event, Json::parse(R"({
    "apiVersion": "v1", "kind": "Event",
    "metadata": {"namespace": "shop"},
    "involvedObject": {"apiVersion": "weir.dev/v1alpha1", "kind": "Canary", "namespace": "shop",
                       "name": "checkout-v2", "uid": "uid-1"},
    "type": "Warning", "reason": "CheckFailed", "message": "p99 612 ms > 500 ms",
    "source": {"component": "weir"}, "reportingComponent": "weir", "reportingInstance": "",
    "firstTimestamp": "2026-01-01T12:00:00Z", "lastTimestamp": "2026-01-01T12:00:00Z", "count": 1})"));
}

TEST(Event, has_a_name_that_is_a_function_of_what_it_says) {
  const auto name = [](const CanaryRef& canary, const Event& event, strategies::TimePoint now) {
    return make_event(canary, event, now)["metadata"]["name"].get<std::string>();
  };
  const auto first = name(kCanary, kEvent, kNow);
  EXPECT_EQ(name(kCanary, kEvent, kNow), first);
  EXPECT_NE(name({"shop", "checkout-v2", "uid-2"}, kEvent, kNow), first);
  EXPECT_NE(name(kCanary, {Severity::Warning, "CheckFailed", "other"}, kNow), first);
  EXPECT_NE(name(kCanary, {Severity::Warning, "Other", "p99 612 ms > 500 ms"}, kNow), first);
  EXPECT_NE(name(kCanary, kEvent, kNow + std::chrono::milliseconds{1}), first);
}

TEST(Event, has_a_name_of_a_legal_length_and_end) {
  const std::string long_name = std::string(235, 'a') + "." + std::string(17, 'b');
  const auto name = make_event({"shop", long_name, "u"}, kEvent, kNow)["metadata"]["name"].get<std::string>();
  EXPECT_LE(name.size(), 253U);
  EXPECT_FALSE(name.contains(".."));
}

TEST(Event, has_a_message_of_1024_bytes_at_most) {
  auto event = kEvent;
  event.message = std::string(1025, 'x');
  const auto message = make_event(kCanary, event, kNow)["message"].get<std::string>();
  EXPECT_EQ(message, std::string(1021, 'x') + "…");
}

TEST(Shorten, leaves_what_fits_and_cuts_between_characters) {
  EXPECT_EQ(shorten("abc", 3), "abc");
  EXPECT_EQ(shorten("abcdef", 5), "ab…");
  EXPECT_EQ(shorten("aéééé", 7), "aé…");
  EXPECT_EQ(shorten("aéééé", 6), "aé…");
  EXPECT_EQ(shorten("aéééé", 5), "a…");
  EXPECT_EQ(shorten("abc", 2), "ab");
}

TEST(EventLog, counts_repetitions_in_the_event_that_was_made) {
  EventLog log;
  const auto first = log.record(kCanary, kEvent, kNow);
  EXPECT_TRUE(first.create);
  EXPECT_EQ(first.name_space, "shop");
  EXPECT_EQ(first.body["metadata"]["name"], first.name);
  const auto second = log.record(kCanary, kEvent, kNow + std::chrono::seconds{30});
  EXPECT_FALSE(second.create);
  EXPECT_EQ(second.name_space, "shop");
  EXPECT_EQ(second.name, first.name);
  EXPECT_EQ(second.body, (Json{{"count", 2}, {"lastTimestamp", "2026-01-01T12:00:30Z"}}));
  EXPECT_EQ(log.record(kCanary, kEvent, kNow + std::chrono::seconds{60}).body["count"], 3);
}

TEST(EventLog, makes_another_event_of_anything_else) {
  EventLog log;
  (void)log.record(kCanary, kEvent, kNow);
  EXPECT_TRUE(log.record({"shop", "checkout-v2", "uid-2"}, kEvent, kNow).create);
  EXPECT_TRUE(log.record(kCanary, {Severity::Normal, kEvent.reason, kEvent.message}, kNow).create);
  EXPECT_TRUE(log.record(kCanary, {Severity::Warning, "Other", kEvent.message}, kNow).create);
  EXPECT_TRUE(log.record(kCanary, {Severity::Warning, kEvent.reason, "other"}, kNow).create);
}

TEST(EventLog, makes_another_event_after_a_long_silence) {
  EventLog log;
  const auto first = log.record(kCanary, kEvent, kNow);
  const auto later = log.record(kCanary, kEvent, kNow + kEventRepetition + std::chrono::milliseconds{1});
  EXPECT_TRUE(later.create);
  EXPECT_NE(later.name, first.name);
}

TEST(EventLog, makes_another_event_when_the_first_was_lost) {
  EventLog log;
  const auto first = log.record(kCanary, kEvent, kNow);
  log.forget("shop", first.name);
  log.forget("shop", "unknown");
  EXPECT_TRUE(log.record(kCanary, kEvent, kNow).create);
}

TEST(EventLog, remembers_a_bounded_number_of_events_the_last_repeated_ones) {
  EventLog log;
  (void)log.record(kCanary, {Severity::Normal, "Old", ""}, kNow);
  (void)log.record(kCanary, {Severity::Normal, "Repeated", ""}, kNow);
  for (std::size_t i = 0; i < kMaxKnownEvents - 1; ++i) {
    EXPECT_TRUE(log.record(kCanary, {Severity::Normal, "R", std::to_string(i)}, kNow).create);
    EXPECT_FALSE(log.record(kCanary, {Severity::Normal, "Repeated", ""}, kNow).create);
  }
  EXPECT_TRUE(log.record(kCanary, {Severity::Normal, "Old", ""}, kNow).create);
}

}  // namespace
}  // namespace weir::report
