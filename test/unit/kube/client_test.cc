#include "operator/kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/kube/fake_transport.h"
#include "test/unit/kube/objects.h"

namespace weir::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

std::string status(int code, const std::string& reason, const Json& details = Json::object()) {
  return Json{
      {"kind", "Status"}, {"message", "because"}, {"reason", reason}, {"code", code}, {"details", details}}
      .dump();
}

class ClientTest : public testing::Test {
 protected:
  static ClientOptions options() {
    ClientOptions options;
    options.base_url = "https://api";
    return options;
  }
  Error error_for(http::Result<http::Response> response) {
    transport.answers = {std::move(response)};
    return client.get(kServices, {"shop", "web"}).error();
  }
  const http::Request& last() const { return transport.requests.back(); }

  FakeTransport transport;
  base::VirtualClock clock;
  std::shared_ptr<Token> token = std::make_shared<Token>("secret");
  Client client{transport, token, clock, options()};
  Json before = served("web", "17", {{"a", 1}});
  Json after = served("web", "17", {{"a", 2}});
};

TEST_F(ClientTest, gets_an_object_by_its_path_with_token_and_user_agent) {
  transport.answers = {answer(200, R"({"spec":{"unknown":null}})")};
  EXPECT_EQ(client.get(kDeployments, {"shop", "web"}).value(), Json::parse(R"({"spec":{"unknown":null}})"));
  EXPECT_EQ(last().method, "GET");
  EXPECT_EQ(last().url, "https://api/apis/apps/v1/namespaces/shop/deployments/web");
  EXPECT_EQ(last().headers.at("Authorization"), "Bearer secret");
  EXPECT_THAT(last().headers.at("User-Agent"), testing::StartsWith("weir/"));
}

TEST_F(ClientTest, sends_no_authorization_without_a_token) {
  Client anonymous(transport, std::make_shared<Token>(""), clock, options());
  transport.answers = {answer(200)};
  ASSERT_TRUE(anonymous.get(kPods, {"shop", "web"}));
  EXPECT_FALSE(last().headers.contains("Authorization"));
}

TEST_F(ClientTest, lists_all_pages_and_names_the_type_of_each_item) {
  transport.answers = {
      answer(200, R"({"metadata":{"continue":"n/1","resourceVersion":"5"},"items":[{"a":1}]})"),
      answer(200, R"({"metadata":{"resourceVersion":"5"},"items":[{"a":2}]})")};
  const auto listed = client.list(kPods, "shop", "app in (web)").value();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0], Json::parse(R"({"a":1,"apiVersion":"v1","kind":"Pod"})"));
  EXPECT_EQ(transport.requests[0].url,
            "https://api/api/v1/namespaces/shop/pods?limit=500&labelSelector=app%20in%20%28web%29");
  EXPECT_THAT(transport.requests[1].url, testing::EndsWith("&continue=n%2F1"));
}

TEST_F(ClientTest, lists_an_empty_collection_whose_items_are_null) {
  transport.answers = {answer(200, R"({"metadata":{"resourceVersion":"5"},"items":null})")};
  EXPECT_TRUE(client.list(kPods, "", "").value().empty());
  EXPECT_EQ(last().url, "https://api/api/v1/pods?limit=500");
}

TEST_F(ClientTest, repeats_an_answer_in_plain_text_on_one_line) {
  transport.answers = {answer(404, "404 page not found\n")};
  EXPECT_EQ(client.get(kPods, {"shop", "web"}).error().message, "get Pod shop/web: 404 page not found (404)");
}

TEST_F(ClientTest, says_where_a_redirection_leads) {
  transport.answers = {answer(302, "", {{"location", "https://sso/login"}}), answer(302, "")};
  EXPECT_EQ(
      client.get(kPods, {"shop", "web"}).error().message,
      "get Pod shop/web: the answer leads elsewhere, to https://sso/login, and is not followed: is this "
      "the address of the API server? (302)");
  EXPECT_EQ(client.get(kPods, {"shop", "web"}).error().message,
            "get Pod shop/web: the answer gives no reason (302)");
}

TEST_F(ClientTest, repeats_nothing_of_an_answer_that_a_terminal_obeys) {
  transport.answers = {answer(500, "\x1b[2J"), answer(500, R"({"message":"\u001b[2J"})"),
                       answer(200, "\x1b[2J")};
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(client.get(kPods, {"shop", "web"}).error().message, HasSubstr("\\u001b[2J"));
}

TEST_F(ClientTest, takes_no_answer_for_a_list_that_lacks_items_or_version) {
  for (const std::string body :
       {R"({})", R"({"kind":"Status","status":"Success"})", R"({"metadata":{"resourceVersion":"5"}})",
        R"({"metadata":{"resourceVersion":"5"},"items":{"a":{}}})",
        R"({"metadata":{"resourceVersion":"5"},"items":[1]})", R"({"metadata":{},"items":[]})",
        R"({"metadata":{"resourceVersion":""},"items":[]})", R"({"items":[]})"}) {
    transport.answers = {answer(200, body)};
    const auto listed = client.list(kPods, "shop", "");
    ASSERT_FALSE(listed) << body;
    EXPECT_EQ(listed.error().code, Code::BadAnswer) << body;
    EXPECT_THAT(listed.error().message, testing::StartsWith("list pods in shop: the answer has no "));
  }
}

TEST_F(ClientTest, creates_in_the_objects_namespace_and_signs_for_it) {
  transport.answers = {answer(201)};
  ASSERT_TRUE(client.create(kServices, object("web")));
  EXPECT_EQ(last().method, "POST");
  EXPECT_EQ(last().url, "https://api/api/v1/namespaces/shop/services?fieldManager=weir");
  EXPECT_EQ(Json::parse(last().body)["kind"], "Service");
}

TEST_F(ClientTest, patches_the_difference_on_condition_of_the_version) {
  transport.answers = {answer(200)};
  ASSERT_TRUE(client.update(kServices, before, after));
  EXPECT_EQ(last().method, "PATCH");
  EXPECT_EQ(last().headers.at("Content-Type"), "application/json-patch+json");
  EXPECT_EQ(last().url, "https://api/api/v1/namespaces/shop/services/web?fieldManager=weir");
  EXPECT_EQ(Json::parse(last().body), Json::parse(R"([
    {"op":"replace","path":"/metadata/resourceVersion","value":"17"},
    {"op":"replace","path":"/spec/a","value":2}])"));
}

TEST_F(ClientTest, patches_only_the_status_on_its_subresource) {
  after["status"] = {{"phase", "Pending"}};
  transport.answers = {answer(200)};
  ASSERT_TRUE(client.update_status(kCanaries, before, after));
  EXPECT_EQ(last().url,
            "https://api/apis/weir.dev/v1alpha1/namespaces/shop/canaries/web/status?fieldManager=weir");
  EXPECT_EQ(Json::parse(last().body)[1],
            Json::parse(R"({"op":"add","path":"/status","value":{"phase":"Pending"}})"));
}

TEST_F(ClientTest, sends_nothing_when_nothing_differs) {
  after = before;
  after["metadata"]["managedFields"] = Json::array({1});
  EXPECT_EQ(client.update(kServices, before, after).value(), before);
  EXPECT_TRUE(transport.requests.empty());
}

TEST_F(ClientTest, refuses_to_patch_what_has_no_version) {
  EXPECT_EQ(client.update(kServices, object("web"), after).error().code, Code::Invalid);
  EXPECT_TRUE(transport.requests.empty());
}

TEST_F(ClientTest, sends_text_that_is_not_utf8_with_replacements) {
  after["spec"]["a"] = "\xff";
  transport.answers = {answer(200)};
  EXPECT_TRUE(client.update(kServices, before, after));
}

TEST_F(ClientTest, says_conflict_when_a_patch_does_not_fit_because_the_object_has_changed) {
  transport.answers = {answer(422, status(422, "Invalid")), answer(200, served("web", "18").dump())};
  EXPECT_EQ(client.update(kServices, before, after).error().code, Code::Conflict);
}

TEST_F(ClientTest, says_invalid_when_the_server_names_the_field) {
  transport.answers = {answer(422, status(422, "Invalid", {{"causes", {{{"field", "spec.a"}}}}}))};
  const Error error = client.update(kServices, before, after).error();
  EXPECT_EQ(error.code, Code::Invalid);
  EXPECT_EQ(error.field, "spec.a");
}

TEST_F(ClientTest, removes_only_the_object_that_it_was_given_as_it_was_given) {
  transport.answers = {answer(200)};
  ASSERT_TRUE(client.remove(kServices, before));
  EXPECT_EQ(last().method, "DELETE");
  const Json body = Json::parse(last().body);
  EXPECT_EQ(body["preconditions"], Json::parse(R"({"uid":"u1","resourceVersion":"17"})"));
  EXPECT_EQ(body["propagationPolicy"], "Background");
}

TEST_F(ClientTest, takes_the_removal_of_what_is_gone_as_done) {
  transport.answers = {answer(404, status(404, "NotFound")), answer(409, status(409, "Conflict"))};
  EXPECT_TRUE(client.remove(kServices, before));
  EXPECT_EQ(client.remove(kServices, before).error().code, Code::Conflict);
}

TEST_F(ClientTest, tells_errors_apart_by_status_and_reason) {
  EXPECT_EQ(error_for(answer(404, status(404, "NotFound"))).code, Code::NotFound);
  EXPECT_EQ(error_for(answer(404, "404 page not found")).code, Code::NotFound);
  EXPECT_EQ(error_for(answer(409, status(409, "Conflict"))).code, Code::Conflict);
  EXPECT_EQ(error_for(answer(409, status(409, "AlreadyExists"))).code, Code::AlreadyExists);
  EXPECT_EQ(error_for(answer(400, status(400, "BadRequest"))).code, Code::Invalid);
  EXPECT_EQ(error_for(answer(403, status(403, "Forbidden"))).code, Code::Forbidden);
  EXPECT_EQ(error_for(answer(410, status(410, "Expired"))).code, Code::Gone);
  EXPECT_EQ(error_for(answer(503, "upstream")).code, Code::Unavailable);
  EXPECT_EQ(error_for(answer(504, status(504, "Timeout"))).code, Code::Timeout);
  EXPECT_EQ(error_for(answer(302, "")).code, Code::BadAnswer);
  EXPECT_EQ(error_for(answer(200, "<html>")).code, Code::BadAnswer);
  EXPECT_EQ(error_for(failure(http::Failure::Connect)).code, Code::Unavailable);
  EXPECT_EQ(error_for(failure(http::Failure::Timeout)).code, Code::Timeout);
  EXPECT_EQ(error_for(failure(http::Failure::Cancelled)).code, Code::Cancelled);
  EXPECT_EQ(error_for(failure(http::Failure::TooLarge)).code, Code::BadAnswer);
}

TEST_F(ClientTest, knows_a_namespace_that_is_being_deleted) {
  const Json causes = Json::array(
      {{{"reason", "NamespaceTerminating"}, {"field", "metadata.namespace"}, {"message", "shop is going"}}});
  const Error error = error_for(answer(403, status(403, "Forbidden", {{"causes", causes}})));
  EXPECT_EQ(error.code, Code::Terminating);
}

TEST_F(ClientTest, says_in_an_error_what_was_tried_on_what_and_what_came_back) {
  const Error error = error_for(answer(403, status(403, "Forbidden")));
  EXPECT_EQ(error.message, "get Service shop/web: because (403)");
  EXPECT_EQ(error.status, 403);
}

TEST_F(ClientTest, honours_retry_after_in_the_header_or_in_the_status) {
  Error error = error_for(answer(429, status(429, "TooManyRequests", {{"retryAfterSeconds", 3}})));
  EXPECT_EQ(error.code, Code::TooManyRequests);
  EXPECT_EQ(error.retry_after, seconds(3));
  clock.advance(seconds(3));
  error = error_for(answer(429, "", {{"retry-after", "7"}}));
  EXPECT_EQ(error.retry_after, seconds(7));
  clock.advance(seconds(7));
  error = error_for(answer(429, "", {{"retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"}}));
  EXPECT_FALSE(error.retry_after);
}

TEST_F(ClientTest, does_not_try_a_refused_token_again) {
  EXPECT_EQ(error_for(answer(401, status(401, "Unauthorized"))).code, Code::Forbidden);
  EXPECT_EQ(transport.requests.size(), 1U);
}

TEST_F(ClientTest, tells_the_observer_of_each_request) {
  std::vector<std::string> seen;
  ClientOptions observed = options();
  observed.observe = [&](std::string_view verb, const Resource& resource, int code, double took) {
    seen.push_back(std::string(verb) + " " + std::string(resource.plural) + " " + std::to_string(code) + " " +
                   std::to_string(static_cast<int>(took * 1000)));
  };
  transport.on_send = [&] { clock.advance(milliseconds(250)); };
  Client watched(transport, token, clock, observed);
  transport.answers = {answer(200), failure(http::Failure::Timeout)};
  (void)watched.update(kServices, before, after);
  (void)watched.get(kPods, {"shop", "web"});
  EXPECT_THAT(seen, testing::ElementsAre("patch services 200 250", "get pods 0 250"));
}

TEST_F(ClientTest, sends_nothing_once_it_is_stopped) {
  std::stop_source stop;
  ClientOptions stopped = options();
  stopped.stop = stop.get_token();
  Client ending(transport, token, clock, stopped);
  stop.request_stop();
  EXPECT_EQ(ending.get(kPods, {"shop", "web"}).error().code, Code::Cancelled);
}

TEST_F(ClientTest, watches_from_a_version_with_bookmarks) {
  transport.streams.push_back(
      {{R"({"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"6"}}})",
        R"({"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"7"}}})",
        R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}})"}});
  std::vector<WatchEvent> events;
  ASSERT_TRUE(client.watch(kPods, "shop", "5", seconds(300), seconds(90),
                           [&](WatchEvent event) { events.push_back(std::move(event)); }, {}));
  EXPECT_EQ(last().url,
            "https://api/api/v1/namespaces/shop/"
            "pods?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=300");
  EXPECT_EQ(last().timeout, seconds(90));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].type, WatchEvent::Type::Put);
  EXPECT_EQ(events[0].object["kind"], "Pod");
  EXPECT_EQ(events[1].type, WatchEvent::Type::Deleted);
  EXPECT_EQ(events[2].type, WatchEvent::Type::Bookmark);
}

TEST_F(ClientTest, says_gone_for_an_old_version_as_a_status_or_as_an_event) {
  const auto watch = [&] {
    return client.watch(kPods, "", "5", seconds(1), seconds(1), [](WatchEvent) {}, {});
  };
  transport.streams.push_back({{}, answer(410, status(410, "Expired"))});
  EXPECT_EQ(watch().error().code, Code::Gone);
  transport.streams.push_back({{R"({"type":"ERROR","object":)" + status(410, "Expired") + "}"}});
  EXPECT_EQ(watch().error().code, Code::Gone);
}

TEST_F(ClientTest, says_bad_answer_for_events_that_are_none) {
  for (const char* line : {"nonsense", R"({"type":"ADDED","object":{}})", R"({"type":"ADDED"})", R"([])"}) {
    transport.streams.push_back({{line}});
    const auto watched =
        client.watch(kPods, "", "5", seconds(1), seconds(1), [](WatchEvent) { ADD_FAILURE(); }, {});
    EXPECT_EQ(watched.error().code, Code::BadAnswer) << line;
  }
}

TEST_F(ClientTest, sends_no_ordinary_request_until_the_server_may_be_asked_again) {
  transport.answers = {answer(429, status(429, "TooManyRequests"), {{"retry-after", "3"}}), answer(200)};
  EXPECT_EQ(client.get(kServices, {"shop", "web"}).error().retry_after, seconds(3));
  clock.advance(milliseconds(500));
  const Error refused = client.update(kServices, before, after).error();
  EXPECT_EQ(refused.code, Code::TooManyRequests);
  EXPECT_EQ(refused.retry_after, seconds(3));  // 2.5 s, in whole seconds
  EXPECT_EQ(refused.message,
            "patch Service shop/web: not sent, the API server asked to be left alone for 3 s more");
  EXPECT_EQ(transport.requests.size(), 1U);
  clock.advance(milliseconds(2500));
  EXPECT_TRUE(client.update(kServices, before, after));
}

TEST_F(ClientTest, sends_urgent_requests_during_a_pause_that_the_server_asked_for) {
  const auto refusal = answer(429, status(429, "TooManyRequests"), {{"retry-after", "3"}});
  transport.answers = {refusal, answer(200), refusal, answer(200)};
  EXPECT_FALSE(client.get(kServices, {"shop", "web"}));
  EXPECT_TRUE(client.urgent().update(kServices, before, after));
  EXPECT_EQ(last().headers.at("Authorization"), "Bearer secret");
  clock.advance(seconds(3));
  EXPECT_FALSE(client.urgent().update(kServices, before, after));  // begins a pause as any other request does
  EXPECT_TRUE(client.urgent().update(kServices, before, after));
  EXPECT_EQ(client.get(kServices, {"shop", "web"}).error().code, Code::TooManyRequests);
  EXPECT_EQ(transport.requests.size(), 4U);
}

TEST_F(ClientTest, keeps_no_place_in_the_queue_for_a_request_that_it_did_not_send) {
  ClientOptions slow = options();
  slow.burst = 1;
  Client paused(transport, token, clock, slow);
  transport.answers = {answer(429, "", {{"retry-after", "3"}}), answer(200)};
  EXPECT_FALSE(paused.get(kServices, {"shop", "web"}));
  EXPECT_FALSE(paused.get(kServices, {"shop", "web"}));
  clock.advance(seconds(3));
  EXPECT_TRUE(paused.get(kServices, {"shop", "web"}));  // there is one turn, and nobody waits for it
}

TEST_F(ClientTest, pauses_after_a_watch_was_refused_and_goes_on_watching) {
  const auto watch = [&] {
    return client.watch(kPods, "", "5", seconds(1), seconds(1), [](WatchEvent) {}, {});
  };
  transport.streams.push_back({{}, answer(429, "", {{"retry-after", "2"}})});
  transport.streams.push_back({{}, answer(200)});
  EXPECT_EQ(watch().error().retry_after, seconds(2));
  EXPECT_EQ(client.get(kServices, {"shop", "web"}).error().code, Code::TooManyRequests);
  EXPECT_TRUE(watch());
}

TEST_F(ClientTest, bounds_the_pause_that_a_server_may_ask_for) {
  transport.answers = {answer(429, "", {{"retry-after", "86400"}}), answer(200)};
  EXPECT_EQ(client.urgent().get(kServices, {"shop", "web"}).error().retry_after, seconds(30));
  clock.advance(seconds(30));
  EXPECT_TRUE(client.get(kServices, {"shop", "web"}));
}

TEST_F(ClientTest, does_not_pause_for_an_error_of_one_request) {
  transport.answers = {answer(503, "", {{"retry-after", "3"}}), answer(429, ""), answer(200)};
  EXPECT_EQ(client.get(kServices, {"shop", "web"}).error().retry_after, seconds(3));
  EXPECT_FALSE(client.get(kServices, {"shop", "web"}));
  EXPECT_TRUE(client.get(kServices, {"shop", "web"}));
}

TEST_F(ClientTest, lists_fewer_objects_at_once_when_a_page_is_too_large) {
  transport.answers = {
      failure(http::Failure::TooLarge),
      answer(200, R"({"metadata":{"continue":"n","resourceVersion":"5"},"items":[{"a":1}]})"),
      answer(200, R"({"metadata":{"resourceVersion":"5"},"items":[{"a":2}]})")};
  EXPECT_EQ(client.list(kPods, "", "").value().size(), 2U);
  EXPECT_EQ(transport.requests[0].max_body, std::size_t{16} << 20);
  EXPECT_THAT(transport.requests[1].url, HasSubstr("?limit=125"));
  EXPECT_THAT(transport.requests[2].url, HasSubstr("?limit=125&continue=n"));
}

TEST_F(ClientTest, gives_up_on_a_list_whose_single_objects_are_too_large) {
  for (int i = 0; i < 5; ++i) transport.answers.push_back(failure(http::Failure::TooLarge));
  EXPECT_EQ(client.list(kPods, "", "").error().code, Code::BadAnswer);
  EXPECT_THAT(last().url, HasSubstr("?limit=1"));
}

}  // namespace
}  // namespace weir::kube
