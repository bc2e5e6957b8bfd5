#include "operator/kube/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "test/unit/kube/fake_transport.h"
#include "test/unit/kube/objects.h"

namespace weir::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

std::string event(const std::string& type, const Json& object) {
  return Json{{"type", type}, {"object", object}}.dump();
}

std::string bookmark(const std::string& version) {
  return event("BOOKMARK", {{"metadata", {{"resourceVersion", version}}}});
}

http::Response listed(const std::string& version, const std::vector<Json>& items) {
  return answer(200, Json{{"metadata", {{"resourceVersion", version}}}, {"items", items}}.dump());
}

class WatcherTest : public testing::Test {
 protected:
  WatcherTest() {
    store.on_change([this](const Change& change) { changes.push_back(change.key.name); });
  }
  WatcherOptions options() {
    WatcherOptions options;
    options.name_space = "shop";
    options.random = [] { return 0.5; };
    return options;
  }
  static ClientOptions client_options() {
    ClientOptions options;
    options.base_url = "https://api";
    return options;
  }
  milliseconds step() { return watcher.step({}); }
  void sync(const std::vector<Json>& items = {}) {
    transport.answers.emplace_back(listed("10", items));
    EXPECT_EQ(step(), milliseconds(0));
    changes.clear();
  }
  std::string last_url() const { return transport.requests.back().url; }

  FakeTransport transport;
  base::VirtualClock clock;
  Client client{transport, std::make_shared<Token>(""), clock, client_options()};
  std::vector<std::string> changes;
  Store store{{.trim = [](Json& object) { object["metadata"].erase("managedFields"); }}};
  Watcher watcher{client, clock, kServices, store, options()};
};

TEST_F(WatcherTest, lists_first_and_then_watches_from_the_lists_version) {
  transport.answers.emplace_back(listed("10", {served("a", "3"), served("b", "4")}));
  EXPECT_FALSE(watcher.state().synced);
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_TRUE(watcher.state().synced);
  EXPECT_THAT(changes, ElementsAre("a", "b"));

  transport.streams.push_back({{event("ADDED", served("c", "11", {}, "u2")), bookmark("20")}});
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_THAT(last_url(), HasSubstr("resourceVersion=10&"));
  EXPECT_THAT(changes, ElementsAre("a", "b", "c"));

  transport.streams.push_back({{bookmark("21")}});
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_THAT(last_url(), HasSubstr("resourceVersion=20&"));
}

TEST_F(WatcherTest, follows_changes_and_deletions) {
  sync({served("a", "3"), served("b", "4")});
  transport.streams.push_back(
      {{event("MODIFIED", served("a", "11", {{"n", 1}})), event("DELETED", served("b", "12"))}});
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_THAT(changes, ElementsAre("a", "b"));
  EXPECT_EQ(store.get({"shop", "a"})->object->at("spec").at("n"), 1);
  EXPECT_FALSE(store.get({"shop", "b"}));
}

TEST_F(WatcherTest, does_not_speak_again_of_what_it_knows_from_an_own_write) {
  sync({served("a", "3")});
  store.put(served("a", "11", {{"n", 1}}), clock.steady());
  changes.clear();
  transport.streams.push_back({{event("MODIFIED", served("a", "11", {{"n", 1}}))}});
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_TRUE(changes.empty());
}

TEST_F(WatcherTest, keeps_an_object_when_the_deletion_of_its_predecessor_comes_late) {
  sync({served("a", "3", {}, "old")});
  store.put(served("a", "12", {}, "new"), clock.steady());
  transport.streams.push_back({{event("DELETED", served("a", "11", {}, "old"))}});
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_TRUE(store.get({"shop", "a"}));
}

TEST_F(WatcherTest, stores_objects_trimmed_from_a_list_and_from_a_watch) {
  Json heavy = served("a", "3");
  heavy["metadata"]["managedFields"] = Json::array({1});
  transport.answers.emplace_back(listed("10", {heavy}));
  (void)watcher.step({});
  EXPECT_FALSE(store.get({"shop", "a"})->object->at("metadata").contains("managedFields"));
  heavy["metadata"]["resourceVersion"] = "11";
  transport.streams.push_back({{event("MODIFIED", heavy)}});
  (void)watcher.step({});
  EXPECT_FALSE(store.get({"shop", "a"})->object->at("metadata").contains("managedFields"));
}

TEST_F(WatcherTest, lists_again_at_once_when_its_version_is_gone) {
  for (const bool as_event : {false, true}) {
    sync({served("a", "3"), served("b", "4")});
    const std::string gone = R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})";
    if (as_event) {
      transport.streams.push_back({{bookmark("12"), event("ERROR", Json::parse(gone))}});
    } else {
      transport.streams.push_back({{}, answer(410, gone)});
    }
    EXPECT_EQ(step(), milliseconds(0));
    transport.answers.emplace_back(listed("30", {served("a", "3")}));
    EXPECT_EQ(step(), milliseconds(0));
    EXPECT_THAT(changes, ElementsAre("b"));
    transport.streams.push_back({{bookmark("31")}, failure(http::Failure::Broken)});
    (void)step();
    EXPECT_THAT(last_url(), HasSubstr("resourceVersion=30&"));
    transport.streams.push_back({{}, answer(410, gone)});
    (void)step();
  }
}

TEST_F(WatcherTest, does_not_hammer_a_server_for_which_every_version_is_gone) {
  sync();
  std::vector<milliseconds> delays;
  for (int i = 0; i < 3; ++i) {
    transport.streams.push_back({{}, answer(410)});
    delays.push_back(step());
    transport.answers.emplace_back(listed("10", {}));
    EXPECT_EQ(step(), milliseconds(0));
  }
  EXPECT_THAT(delays, ElementsAre(milliseconds(0), milliseconds(750), milliseconds(1500)));
}

TEST_F(WatcherTest, waits_longer_with_each_failure_up_to_half_a_minute) {
  std::vector<milliseconds> delays;
  for (int i = 0; i < 9; ++i) {
    transport.answers.emplace_back(failure(http::Failure::Connect));
    delays.push_back(step());
  }
  EXPECT_EQ(delays.front(), milliseconds(375));
  EXPECT_EQ(delays[1], milliseconds(750));
  EXPECT_EQ(delays.back(), milliseconds(22'500));  // three quarters of 30 s: the random is half
}

TEST_F(WatcherTest, starts_the_delays_afresh_once_events_come_again) {
  sync();
  for (int i = 0; i < 4; ++i) {
    transport.streams.push_back({{}, failure(http::Failure::Broken)});
    (void)step();
  }
  transport.streams.push_back({{bookmark("12")}, failure(http::Failure::Broken)});
  EXPECT_EQ(step(), milliseconds(375));
}

TEST_F(WatcherTest, watches_on_from_the_last_version_after_a_silence) {
  sync();
  transport.streams.push_back({{bookmark("15")}, failure(http::Failure::Timeout)});
  EXPECT_GT(step(), milliseconds(0));
  EXPECT_EQ(transport.requests.back().timeout, seconds(90));
  transport.streams.push_back({{bookmark("16")}});
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_THAT(last_url(), HasSubstr("resourceVersion=15&"));
}

TEST_F(WatcherTest, does_not_hammer_a_server_that_ends_every_watch_at_once) {
  sync();
  transport.streams.push_back({});
  EXPECT_EQ(step(), milliseconds(375));
  transport.streams.push_back({});
  EXPECT_EQ(step(), milliseconds(750));
}

TEST_F(WatcherTest, watches_on_at_once_when_the_server_ends_a_quiet_watch_in_its_time) {
  sync();
  transport.on_send = [&] { clock.advance(seconds(450)); };
  transport.streams.push_back({});
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_THAT(last_url(), HasSubstr("timeoutSeconds=450"));
}

TEST_F(WatcherTest, waits_as_long_as_the_server_asks) {
  transport.answers.emplace_back(answer(429, "", {{"retry-after", "20"}}));
  EXPECT_EQ(step(), seconds(20));
  clock.advance(seconds(20));
  sync();
  transport.streams.push_back({{}, answer(429, "", {{"retry-after", "7"}})});
  EXPECT_EQ(step(), seconds(7));
}

TEST_F(WatcherTest, ends_a_list_when_it_is_stopped) {
  std::stop_source stop;
  transport.on_send = [&] { stop.request_stop(); };
  (void)watcher.step(stop.get_token());
  EXPECT_FALSE(watcher.state().synced);
  EXPECT_EQ(watcher.state().last_error, "");
}

TEST_F(WatcherTest, says_that_a_kind_is_not_installed_and_tries_again) {
  transport.answers.emplace_back(answer(404, "404 page not found"));
  EXPECT_GT(step(), milliseconds(0));
  EXPECT_FALSE(watcher.state().synced);
  EXPECT_THAT(watcher.state().last_error, HasSubstr("list services in shop: 404 page not found (404)"));
  transport.answers.emplace_back(listed("10", {}));
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_TRUE(watcher.state().synced);
  EXPECT_EQ(watcher.state().last_error, "");
}

TEST_F(WatcherTest, keeps_what_it_has_while_the_server_is_away) {
  sync({served("a", "3")});
  transport.streams.push_back({{}, failure(http::Failure::Connect)});
  (void)step();
  EXPECT_TRUE(store.get({"shop", "a"}));
  EXPECT_TRUE(watcher.state().synced);
  EXPECT_FALSE(watcher.state().last_error.empty());
}

TEST_F(WatcherTest, ends_a_watch_at_once_when_it_is_stopped) {
  std::promise<void> seen;
  store.on_change([&](const Change&) { seen.set_value(); });
  Watcher running(client, clock, kServices, store, options());
  transport.answers.emplace_back(listed("10", {}));
  transport.streams.push_back({{event("ADDED", served("a", "11"))}, answer(200), true});
  running.start();
  seen.get_future().wait();
  running.stop();
  EXPECT_TRUE(transport.streams.empty());
  EXPECT_EQ(running.state().last_error, "");
}

}  // namespace
}  // namespace weir::kube
