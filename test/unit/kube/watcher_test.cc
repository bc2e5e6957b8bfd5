#include "operator/kube/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
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
  Watcher watcher{client, clock, {.resource = kServices}, store, options()};
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
  Json answered = served("a", "11", {{"n", 1}});
  answered["apiVersion"] = "v1";
  store.put(answered, clock.steady());
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
  sync();
  std::vector<milliseconds> delays;
  for (int i = 0; i < 9; ++i) {
    transport.streams.push_back({{}, failure(http::Failure::Broken)});
    delays.push_back(step());
  }
  EXPECT_EQ(delays.front(), milliseconds(375));
  EXPECT_EQ(delays[1], milliseconds(750));
  EXPECT_EQ(delays.back(), milliseconds(22'500));  // three quarters of 30 s: the random is half
}

TEST_F(WatcherTest, keeps_what_it_has_and_waits_when_a_list_comes_without_items) {
  sync({served("a", "3")});
  transport.streams.push_back({{}, answer(410)});
  EXPECT_EQ(step(), milliseconds(0));
  std::vector<milliseconds> delays;
  for (int i = 0; i < 3; ++i) {
    transport.answers.emplace_back(answer(200, "{}"));
    delays.push_back(step());
  }
  EXPECT_THAT(delays, ElementsAre(milliseconds(750), milliseconds(1'500), milliseconds(3'000)));
  EXPECT_TRUE(store.get({"shop", "a"}));
  EXPECT_TRUE(changes.empty());
  EXPECT_THAT(watcher.state().last_error, HasSubstr("the answer has no list of items"));
}

TEST_F(WatcherTest, is_not_synced_by_a_list_without_a_version) {
  transport.answers.emplace_back(answer(200, R"({"metadata":{},"items":[]})"));
  EXPECT_GT(step(), milliseconds(0));
  EXPECT_FALSE(watcher.state().synced);
}

TEST_F(WatcherTest, waits_no_longer_than_five_seconds_for_its_first_list) {
  milliseconds longest{0};
  for (int i = 0; i < 9; ++i) {
    transport.answers.emplace_back(failure(http::Failure::Connect));
    longest = std::max(longest, step());
  }
  EXPECT_EQ(longest, milliseconds(3'750));  // three quarters of 5 s
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

// As by a proxy that ends connections every few seconds, of a kind of which nothing changes.
TEST_F(WatcherTest, starts_the_delays_afresh_after_a_watch_that_lasted) {
  sync();
  transport.on_send = [&] { clock.advance(seconds(3)); };
  for (int i = 0; i < 4; ++i) {
    transport.streams.push_back({{}, failure(http::Failure::Broken)});
    EXPECT_EQ(step(), milliseconds(375));
  }
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

TEST_F(WatcherTest, says_that_a_kind_that_is_needed_is_not_installed_and_tries_again) {
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
  Watcher running(client, clock, {.resource = kServices}, store, options());
  transport.answers.emplace_back(listed("10", {}));
  transport.streams.push_back({{event("ADDED", served("a", "11"))}, answer(200), true});
  running.start();
  seen.get_future().wait();
  running.stop();
  EXPECT_TRUE(transport.streams.empty());
  EXPECT_EQ(running.state().last_error, "");
}

// A kind whose definition may be missing, in a group of two versions.
class OptionalKindTest : public WatcherTest {
 protected:
  static constexpr std::array<std::string_view, 2> kOlder{"v1beta1", "v1alpha3"};
  static constexpr Kind kRoutes{.resource = kVirtualServices, .optional = true, .other_versions = kOlder};
  static constexpr std::string_view kGroup = "https://api/apis/networking.istio.io";

  milliseconds step() { return routes.step({}); }
  void answers(int status, const Json& body = Json::object()) {
    transport.answers.emplace_back(answer(status, body.dump()));
  }
  // What the server says of the group, and of the versions that are looked at one by one.
  void has_versions(const std::vector<std::string>& versions) {
    Json body{{"kind", "APIGroup"}, {"versions", Json::array()}};
    for (const auto& version : versions) body["versions"].push_back({{"version", version}});
    answers(200, body);
  }
  void has_kinds(const std::vector<std::string>& plurals) {
    Json body{{"kind", "APIResourceList"}, {"resources", Json::array()}};
    for (const auto& plural : plurals) body["resources"].push_back({{"name", plural}});
    answers(200, body);
  }
  // The kind is asked for and the server has nothing of the group.
  void go_without() {
    answers(404);
    answers(404);
    EXPECT_GT(step(), milliseconds(0));
  }

  Watcher routes{client, clock, kRoutes, store, options()};
};

TEST_F(OptionalKindTest, is_synced_and_empty_when_the_server_does_not_have_it) {
  go_without();
  EXPECT_EQ(last_url(), kGroup);
  EXPECT_TRUE(routes.state().synced);
  EXPECT_EQ(routes.state().last_error, "");
  EXPECT_EQ(store.size(), 0U);
}

TEST_F(OptionalKindTest, is_not_synced_before_the_server_has_said_that_it_is_missing) {
  answers(404);
  answers(503);
  EXPECT_GT(step(), milliseconds(0));
  EXPECT_FALSE(routes.state().synced);
  EXPECT_THAT(routes.state().last_error, HasSubstr("get /apis/networking.istio.io"));
}

TEST_F(OptionalKindTest, is_not_missing_because_an_answer_lists_nothing) {
  answers(404);
  answers(200);
  EXPECT_GT(step(), milliseconds(0));
  EXPECT_FALSE(routes.state().synced);
  EXPECT_THAT(routes.state().last_error,
              HasSubstr("get /apis/networking.istio.io: the answer has no list of versions"));
  answers(404);
  has_versions({"v1"});
  answers(200);
  EXPECT_GT(step(), milliseconds(0));
  EXPECT_FALSE(routes.state().synced);
  EXPECT_THAT(routes.state().last_error, HasSubstr("/v1: the answer has no list of resources"));
}

TEST_F(OptionalKindTest, is_asked_for_every_half_minute_at_most) {
  go_without();
  std::vector<milliseconds> delays;
  for (int i = 0; i < 8; ++i) {
    answers(404);
    delays.push_back(step());
    EXPECT_EQ(last_url(), kGroup);
  }
  EXPECT_EQ(delays.front(), milliseconds(750));
  EXPECT_EQ(delays.back(), milliseconds(22'500));
}

TEST_F(OptionalKindTest, is_watched_soon_after_it_has_come) {
  go_without();
  for (int i = 0; i < 8; ++i) {
    answers(404);
    (void)step();
  }
  has_versions({"v1", "v1beta1"});
  has_kinds({"virtualservices"});
  EXPECT_EQ(step(), milliseconds(375));
  transport.answers.emplace_back(listed("10", {served("a", "3")}));
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_THAT(last_url(), HasSubstr("/v1/namespaces/shop/virtualservices?"));
  EXPECT_THAT(changes, ElementsAre("a"));
}

TEST_F(OptionalKindTest, is_missing_as_long_as_its_group_lacks_it) {
  answers(404);
  has_versions({"v1", "v1beta1"});
  has_kinds({"gateways"});
  has_kinds({"gateways"});
  EXPECT_GT(step(), milliseconds(0));
  EXPECT_TRUE(routes.state().synced);
}

TEST_F(OptionalKindTest, is_read_and_written_in_the_best_version_that_the_server_has) {
  answers(404);
  has_versions({"v1alpha3", "v1beta1"});
  has_kinds({"virtualservices", "virtualservices/status"});
  EXPECT_GT(step(), milliseconds(0));
  EXPECT_EQ(last_url(), std::string(kGroup) + "/v1beta1");
  EXPECT_FALSE(routes.state().synced) << "it was not listed yet";

  transport.answers.emplace_back(listed("10", {served("a", "3")}));
  EXPECT_EQ(step(), milliseconds(0));
  const auto kept = store.get({"shop", "a"});
  EXPECT_EQ(kept->object->at("apiVersion"), "networking.istio.io/v1beta1");
  transport.streams.push_back({{event("ADDED", served("b", "11", {}, "u2"))}});
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_THAT(last_url(), HasSubstr("/v1beta1/namespaces/shop/virtualservices?watch"));

  Json edited = *kept->object;
  edited["spec"]["n"] = 1;
  for (Api* api : {static_cast<Api*>(&client), &client.urgent()}) {
    answers(200, edited);
    EXPECT_TRUE(api->update(kVirtualServices, *kept->object, edited));
    EXPECT_THAT(last_url(), HasSubstr("/v1beta1/namespaces/shop/virtualservices/a?"));
  }
  answers(201, edited);
  EXPECT_TRUE(client.create(kVirtualServices, object("c")));
  EXPECT_EQ(Json::parse(transport.requests.back().body)["apiVersion"], "networking.istio.io/v1beta1");
}

TEST_F(OptionalKindTest, is_looked_for_in_other_versions_when_its_own_goes) {
  transport.answers.emplace_back(listed("10", {served("a", "3")}));
  EXPECT_EQ(step(), milliseconds(0));
  transport.streams.push_back({{}, answer(404)});
  EXPECT_EQ(step(), milliseconds(0));
  answers(404);
  has_versions({"v1alpha3"});
  has_kinds({"virtualservices"});
  EXPECT_GT(step(), milliseconds(0));
  EXPECT_TRUE(store.get({"shop", "a"})) << "it is there, in another version";
  transport.answers.emplace_back(listed("12", {served("a", "3")}));
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_EQ(store.get({"shop", "a"})->object->at("apiVersion"), "networking.istio.io/v1alpha3");
}

TEST_F(OptionalKindTest, loses_its_objects_when_it_goes) {
  transport.answers.emplace_back(listed("10", {served("a", "3")}));
  EXPECT_EQ(step(), milliseconds(0));
  transport.streams.push_back({{}, answer(404)});
  EXPECT_EQ(step(), milliseconds(0));
  changes.clear();
  go_without();
  EXPECT_THAT(changes, ::testing::IsEmpty()) << "a server that starts may not know its kinds yet";
  go_without();
  EXPECT_THAT(changes, ElementsAre("a"));
  EXPECT_EQ(store.size(), 0U);
  EXPECT_TRUE(routes.state().synced);
}

}  // namespace
}  // namespace weir::kube
