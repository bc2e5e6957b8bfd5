// What a watch of the model of the API server shows, and when.
#include <gtest/gtest.h>

#include <string>

#include "operator/kube/client.h"
#include "test/simulation/api_server.h"
#include "test/unit/kube/objects.h"
#include "test/unit/simulation/api_server_client.h"

namespace weir::simulation {
namespace {

using kube::Code;
using kube::kLeases;
using kube::kServices;
using kube::object;
using kube::WatchEvent;

TEST_F(ApiServerTest, watches_from_a_version_on) {
  const Json first = server.put(kServices, object("a"));
  const Json second = server.put(kServices, object("b"));
  const Json third = server.put(kServices, object("b", {{"n", 1}}));
  server.put(kServices, object("c", {}, "elsewhere"));
  server.put(kLeases, object("d"));
  ASSERT_TRUE(server.erase(kServices, {"shop", "a"}));

  const auto events = watch(kServices, version(first)).value();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].object, second);
  EXPECT_EQ(events[1].object, third);
  EXPECT_EQ(events[2].type, WatchEvent::Type::Deleted);
  EXPECT_EQ(version(events[2].object), std::to_string(server.objects().last_version()));
  EXPECT_EQ(transport.last, server.objects().last_version());
  EXPECT_EQ(watch(kServices, version(first), "").value().size(), 4U);
}

TEST_F(ApiServerTest, names_the_type_of_each_event) {
  server.put(kServices, object("a"));
  server.put(kServices, object("a", {{"n", 1}}));
  server.erase(kServices, {"shop", "a"});
  const auto watched = server.watch({.url = "/api/v1/services?watch=true&resourceVersion=0"}, Millis(0));
  ASSERT_EQ(watched.lines.size(), 3U);
  EXPECT_EQ(Json::parse(watched.lines[0])["type"], "ADDED");
  EXPECT_EQ(Json::parse(watched.lines[1])["type"], "MODIFIED");
  EXPECT_EQ(Json::parse(watched.lines[2])["type"], "DELETED");
}

TEST_F(ApiServerTest, shows_a_late_watch_only_what_is_old_enough) {
  transport.delay = 5s;
  const std::string first = version(server.put(kServices, object("a")));
  wait(3s);
  const std::string second = version(server.put(kServices, object("b")));
  wait(2s);
  EXPECT_EQ(server.newest(kServices, 5s), std::stoull(first));
  EXPECT_EQ(server.newest(kServices, 0s), std::stoull(second));
  EXPECT_EQ(server.newest(kLeases, 0s), 0U);
  EXPECT_EQ(watch(kServices, "0").value().size(), 1U);
  wait(3s);
  EXPECT_EQ(watch(kServices, "0").value().size(), 2U);
}

TEST_F(ApiServerTest, sends_a_bookmark_of_the_state_when_there_is_no_event) {
  const std::string from = version(server.put(kServices, object("a")));
  const std::string newest = version(server.put(kLeases, object("lock")));
  const auto events = watch(kServices, from).value();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, WatchEvent::Type::Bookmark);
  EXPECT_EQ(version(events[0].object), newest);
  EXPECT_EQ(transport.last, std::stoull(newest));
}

TEST_F(ApiServerTest, never_lets_a_bookmark_pass_an_event_that_is_still_on_its_way) {
  const std::string from = version(server.put(kServices, object("a")));
  wait(9s);
  server.put(kServices, object("b"));
  server.put(kLeases, object("lock"));
  transport.delay = 5s;
  const auto late = watch(kServices, from).value();
  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(version(late[0].object), from);

  transport.delay = 20s;  // older than what the watcher has seen already
  EXPECT_TRUE(watch(kServices, from).value().empty());
  EXPECT_EQ(transport.last, std::stoull(from));
}

TEST_F(ApiServerTest, answers_a_watch_from_before_the_compaction_with_gone) {
  const std::string old = version(server.put(kServices, object("a")));
  const std::string newest = version(server.put(kServices, object("b")));
  server.compact();
  const auto gone = watch(kServices, old);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::Gone);
  EXPECT_EQ(gone.error().status, 410);
  EXPECT_TRUE(watch(kServices, newest));
  EXPECT_EQ(server.newest(kServices, 0s), std::stoull(newest));
}

TEST_F(ApiServerTest, forgets_the_oldest_events_of_a_kind_that_changes_often) {
  const std::string first = version(server.put(kServices, object("a")));
  const std::string lease = version(server.put(kLeases, object("lock")));
  for (int i = 0; i < 2'001; ++i) server.put(kServices, object("a", {{"n", i}}));
  EXPECT_EQ(watch(kServices, first).error().code, Code::Gone);
  EXPECT_EQ(watch(kServices, lease).error().code, Code::Gone);
  EXPECT_EQ(watch(kServices, std::to_string(std::stoull(lease) + 1)).value().size(), 2'000U);
  EXPECT_TRUE(watch(kLeases, first));
}

TEST_F(ApiServerTest, refuses_a_watch_that_names_no_version) {
  for (const char* url : {"/api/v1/services?watch=true", "/api/v1/services?watch=true&resourceVersion=x",
                          "/api/v1/services?resourceVersion=1",
                          "/api/v1/namespaces/shop/services/web?watch=true&resourceVersion=1"}) {
    EXPECT_EQ(server.watch({.url = url}, Millis(0)).status, 400) << url;
  }
  EXPECT_EQ(server.watch({.url = "/api/v1/nodes?watch=true&resourceVersion=1"}, Millis(0)).status, 404);
}

}  // namespace
}  // namespace weir::simulation
