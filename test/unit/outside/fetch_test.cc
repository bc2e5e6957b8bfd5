#include "operator/outside/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <semaphore>

#include "test/unit/http/loopback.h"

namespace weir::outside {
namespace {

using http::Connection;
using http::Loopback;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kOne = R"({"status":"success","data":{"resultType":"vector","result":[]}})";

Loopback::Handler always(int status, std::string body, std::string headers = "") {
  return [=](Connection& connection) {
    while (!connection.read_request().empty()) connection.answer(status, body, headers);
  };
}

// Answers while `well`, else lets the client wait until it gives up.
Loopback::Handler while_well(const std::atomic<bool>& well) {
  return [&well](Connection& connection) {
    while (!connection.read_request().empty()) {
      if (!well) return connection.wait_for_close();
      connection.answer(200, kOne);
    }
  };
}

class FetchTest : public testing::Test {
 protected:
  using Headers = std::map<std::string, std::string>;
  using Answer = std::expected<FetchResponse, std::string>;

  Answer ask(const std::string& address, Headers headers = {}) {
    return fetch({.url = address + "/api?query=up",
                  .headers = std::move(headers),
                  .timeout = std::chrono::minutes(1)});
  }
  // For servers that hang.
  Answer ask_briefly(const std::string& address, Headers headers = {}) {
    return fetch({.url = address + "/", .headers = std::move(headers), .timeout = std::chrono::seconds(1)});
  }
  // On behalf of somebody, and briefly.
  std::string error_for(const Asker& asker, const Loopback& server) {
    return error_of(fetch({.asker = asker, .url = server.url() + "/", .timeout = std::chrono::seconds(1)}));
  }
  static std::string error_of(const Answer& answer) { return answer ? "it answered" : answer.error(); }

  base::VirtualClock clock;
  std::stop_source stop;
  std::atomic<int> observed = 0;
  Fetch fetch{clock, stop.get_token(),
              [this](const http::Result<http::Response>&, std::chrono::duration<double>) { ++observed; }};
};

TEST_F(FetchTest, sends_headers_to_the_server_that_they_belong_to_alone) {
  std::promise<std::string> asked;
  std::promise<std::string> other;
  const auto tell = [](std::promise<std::string>& request) {
    return [&request](Connection& connection) {
      request.set_value(connection.read_request());
      connection.answer(200, kOne);
    };
  };
  const Loopback with(tell(asked));
  const Loopback without(tell(other));
  ASSERT_TRUE(ask(with.url(), {{"Authorization", "Bearer s3cret"}}));
  ASSERT_TRUE(ask(without.url()));
  const auto request = asked.get_future().get();
  EXPECT_THAT(request, HasSubstr("GET /api?query=up "));
  EXPECT_THAT(request, HasSubstr("Bearer s3cret"));
  EXPECT_THAT(other.get_future().get(), Not(HasSubstr("s3cret")));
}

TEST_F(FetchTest, follows_no_redirect_and_names_where_it_leads) {
  const Loopback target(always(200, std::string(kOne)));
  const Loopback server(always(302, "", "Location: " + target.url() + "/x?token=s3cret\r\n"));
  const auto error = error_of(ask(server.url(), {{"Authorization", "Bearer s3cret"}}));
  EXPECT_EQ(error, "it redirects to " + target.url() +
                       " (HTTP 302), and redirects are not followed: set the address that is meant");
  EXPECT_EQ(target.connections(), 0);
}

TEST_F(FetchTest, shows_of_a_redirect_no_password_and_no_more_than_its_origin) {
  for (const auto& [location, shown] : std::vector<std::pair<std::string, std::string>>{
           {"https://user:s3cret@other:8443/s3cret", "https://other:8443 (HTTP 307)"},
           {"//other/s3cret", "http://other (HTTP 307)"},
           {"/s3cret", "another path (HTTP 307)"}}) {
    const Loopback server(always(307, "", "Location: " + location + "\r\n"));
    const auto error = error_of(ask(server.url()));
    EXPECT_THAT(error, HasSubstr("it redirects to " + shown));
    EXPECT_THAT(error, Not(HasSubstr("s3cret")));
  }
  const Loopback nowhere(always(301, ""));
  EXPECT_THAT(error_of(ask(nowhere.url())), HasSubstr("it redirects to another path (HTTP 301)"));
}

TEST_F(FetchTest, reads_no_more_than_the_limit_and_says_so) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "100000\r\n" + std::string(0x100000, ' ') + "\r\n";
    while (connection.write(chunk)) {  // until the client closes
    }
  });
  const auto answer = ask(server.url());
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_TRUE(answer->too_large);
  EXPECT_EQ(answer->body, "");
}

TEST_F(FetchTest, shows_no_header_whatever_goes_wrong) {
  const std::map<std::string, std::string> headers{{"Authorization", "Bearer s3cret"}};
  std::string nobody;
  {
    const Loopback server(always(200, ""));
    nobody = server.url();
  }
  const Loopback refusing(always(401, "who are you"));
  const Loopback silent([](Connection& connection) { connection.wait_for_close(); });
  const Loopback breaking([](Connection& connection) { connection.read_request(); });
  for (const auto& address : {nobody, refusing.url(), breaking.url(), std::string("http://a b")}) {
    EXPECT_THAT(error_of(ask(address, headers)), Not(HasSubstr("s3cret"))) << address;
  }
  EXPECT_THAT(error_of(ask_briefly(silent.url(), headers)), Not(HasSubstr("s3cret")));
  EXPECT_THAT(error_of(ask(refusing.url(), {{"Authorization", "Bearer s3cret\n"}})),
              Not(HasSubstr("s3cret")));
}

TEST_F(FetchTest, leaves_a_server_alone_that_let_a_query_time_out) {
  std::atomic<bool> well = false;
  const Loopback server(while_well(well));
  EXPECT_THAT(error_of(ask_briefly(server.url())), HasSubstr("no answer in time"));
  well = true;
  EXPECT_THAT(error_of(ask_briefly(server.url())), HasSubstr("its last query ended in a timeout"));
  EXPECT_EQ(server.connections(), 1);
  clock.advance(kServerRest);
  EXPECT_TRUE(ask_briefly(server.url()));
  EXPECT_TRUE(ask_briefly(server.url()));  // it is well again
}

TEST_F(FetchTest, asks_a_server_again_that_answered_with_an_error) {
  const Loopback server(always(503, "busy"));
  EXPECT_EQ(ask(server.url())->status, 503);
  EXPECT_EQ(ask(server.url())->body, "busy");
}

TEST_F(FetchTest, sends_method_and_body) {
  std::promise<std::string> asked;
  const Loopback server([&](Connection& connection) {
    asked.set_value(connection.read_request());
    connection.answer(200, "ok");
  });
  const auto answer = fetch({.method = "POST",
                             .url = server.url() + "/hook",
                             .headers = {{"Content-Type", "text/plain"}},
                             .body = "approve?"});
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->body, "ok");
  const auto request = asked.get_future().get();
  EXPECT_THAT(request, testing::StartsWith("POST /hook HTTP/1.1"));
  EXPECT_THAT(request, testing::ContainsRegex("Content-Type: ?text/plain"));
  EXPECT_THAT(request, testing::EndsWith("approve?"));
}

TEST_F(FetchTest, trusts_a_server_by_the_certificates_of_the_request_alone) {
  const auto identity = http::make_identity("metrics");
  const auto stranger = http::make_identity("stranger");
  const Loopback server(always(200, std::string(kOne)), &identity);
  const auto by = [&](http::Tls tls) { return fetch({.url = server.url() + "/", .tls = std::move(tls)}); };
  const auto trusted = by({.ca = stranger.certificate + identity.certificate});
  ASSERT_TRUE(trusted) << trusted.error();
  EXPECT_EQ(trusted->body, kOne);
  // A connection that is kept for those who trust the server is not shared with those who do not.
  EXPECT_THAT(error_of(by({})), HasSubstr("certificate verify failed"));
  EXPECT_THAT(error_of(by({.ca = stranger.certificate})), HasSubstr("certificate verify failed"));
  EXPECT_THAT(error_of(by({.ca = "no certificate"})), HasSubstr("the CA holds no PEM certificate"));
  EXPECT_TRUE(by({.insecure_skip_verify = true}));
}

TEST_F(FetchTest, tells_of_each_request_that_was_sent) {
  const Loopback server([](Connection& connection) { connection.wait_for_close(); });
  EXPECT_FALSE(ask_briefly(server.url()));
  EXPECT_EQ(observed, 1);
  EXPECT_FALSE(ask_briefly(server.url()));  // it is left alone
  EXPECT_EQ(observed, 1);
}

TEST_F(FetchTest, holds_a_timeout_against_who_asked_and_the_server_alone) {
  std::atomic<bool> well = false;
  const Loopback server(while_well(well));
  const Loopback other(always(200, std::string(kOne)));
  EXPECT_THAT(error_for({"slow"}, server), HasSubstr("no answer in time"));
  well = true;
  EXPECT_EQ(error_for({"shop"}, server), "it answered");
  EXPECT_EQ(error_for({"slow", true}, server), "it answered");
  EXPECT_EQ(error_for({"slow"}, other), "it answered");
  EXPECT_THAT(error_for({"slow"}, server), HasSubstr("not asked again yet"));
}

TEST_F(FetchTest, keeps_the_connection_of_built_in_queries_however_many_servers_others_name) {
  const Loopback server(always(200, std::string(kOne)));
  EXPECT_EQ(error_for({"much"}, server), "it answered");
  EXPECT_EQ(error_for({"shop", true}, server), "it answered");
  const auto connections = server.connections();
  for (std::size_t port = 1; port <= kMaxServers; ++port) {
    (void)fetch({.asker = {"much"},
                 .url = "http://127.0.0.1:" + std::to_string(port) + "/",
                 .timeout = std::chrono::seconds(1)});
  }
  EXPECT_EQ(error_for({"shop", true}, server), "it answered");
  EXPECT_EQ(server.connections(), connections);
}

// Servers that hang, each with a namespace that one of its requests has let down.
class FetchTrialTest : public FetchTest {
 protected:
  FetchTrialTest() {
    std::vector<std::future<std::string>> first;
    for (std::size_t i = 0; i <= kMaxTrials; ++i) {
      hanging.push_back(std::make_unique<Loopback>([&](Connection& connection) {
        connection.read_request();
        arrived.release();
        connection.wait_for_close();
      }));
    }
    for (std::size_t i = 0; i <= kMaxTrials; ++i) first.push_back(ask_later(i, i));
    for (auto& error : first) {
      EXPECT_THAT(error.get(), HasSubstr("no answer in time"));
      arrived.acquire();
    }
  }

  static Asker namespace_of(std::size_t number) { return {"hangs-" + std::to_string(number)}; }
  std::string error_at(std::size_t name_space, std::size_t server) {
    return error_for(namespace_of(name_space), *hanging[server]);
  }
  std::future<std::string> ask_later(std::size_t name_space, std::size_t server) {
    return std::async(std::launch::async,
                      [this, name_space, server] { return error_at(name_space, server); });
  }
  // All trials that there may be at the same time.
  std::vector<std::future<std::string>> try_all() {
    std::vector<std::future<std::string>> trials;
    for (std::size_t i = 0; i < kMaxTrials; ++i) {
      trials.push_back(ask_later(i, i));
      arrived.acquire();
    }
    return trials;
  }

  std::counting_semaphore<> arrived{0};
  std::vector<std::unique_ptr<Loopback>> hanging;
};

TEST_F(FetchTrialTest, few_servers_that_hang_are_tried_at_the_same_time) {
  clock.advance(kServerRest);
  auto trials = try_all();
  for (std::size_t i = 0; i <= kMaxTrials; ++i) {
    EXPECT_THAT(error_at(i, i), HasSubstr("not asked again yet"));
  }
  const Loopback well(always(200, std::string(kOne)));
  EXPECT_EQ(error_for(namespace_of(0), well), "it answered");
  for (auto& error : trials) EXPECT_THAT(error.get(), HasSubstr("no answer in time"));
}

TEST_F(FetchTrialTest, a_namespace_has_one_trial_however_many_of_its_servers_hang) {
  EXPECT_THAT(error_at(0, 1), HasSubstr("no answer in time"));
  arrived.acquire();
  clock.advance(kServerRest);
  auto one = ask_later(0, 0);
  arrived.acquire();
  EXPECT_THAT(error_at(0, 1), HasSubstr("not asked again yet"));
  auto of_another = ask_later(1, 1);
  arrived.acquire();
  EXPECT_THAT(one.get(), HasSubstr("no answer in time"));
  EXPECT_THAT(of_another.get(), HasSubstr("no answer in time"));
}

TEST_F(FetchTrialTest, the_turn_of_a_namespace_that_asks_seldom_is_kept_until_it_asks_again) {
  clock.advance(std::chrono::minutes(5));
  auto trials = try_all();
  EXPECT_THAT(error_at(kMaxTrials, kMaxTrials), HasSubstr("not asked again yet"));
  for (auto& error : trials) EXPECT_THAT(error.get(), HasSubstr("no answer in time"));
  clock.advance(std::chrono::seconds(270));
  std::vector<std::future<std::string>> others;
  for (std::size_t i = 0; i + 1 < kMaxTrials; ++i) {
    others.push_back(ask_later(i, i));
    arrived.acquire();
  }
  EXPECT_THAT(error_at(kMaxTrials - 1, kMaxTrials - 1), HasSubstr("not asked again yet"));
  clock.advance(std::chrono::seconds(30));
  EXPECT_THAT(error_at(kMaxTrials, kMaxTrials), HasSubstr("no answer in time"));
  for (auto& error : others) EXPECT_THAT(error.get(), HasSubstr("no answer in time"));
}

TEST_F(FetchTrialTest, a_timeout_that_nothing_followed_is_forgotten) {
  clock.advance(kTimeoutRemembered);
  EXPECT_THAT(error_at(0, 0), HasSubstr("no answer in time"));
  arrived.acquire();
  auto one = ask_later(1, 1);
  arrived.acquire();
  EXPECT_THAT(error_at(1, 1), HasSubstr("no answer in time"));  // no trial: there may be two
  EXPECT_THAT(one.get(), HasSubstr("no answer in time"));
}

TEST_F(FetchTrialTest, a_server_that_answers_others_is_asked_whoever_else_has_trials) {
  std::atomic<bool> well = false;
  const Loopback server(while_well(well));
  EXPECT_THAT(error_for({"shop"}, server), HasSubstr("no answer in time"));
  well = true;
  EXPECT_EQ(error_for({"bank"}, server), "it answered");
  clock.advance(kServerRest);
  auto trials = try_all();
  EXPECT_EQ(error_for({"shop"}, server), "it answered");
  for (auto& error : trials) EXPECT_THAT(error.get(), HasSubstr("no answer in time"));
}

TEST_F(FetchTrialTest, built_in_queries_have_trials_of_their_own) {
  std::atomic<bool> well = false;
  const Loopback server(while_well(well));
  EXPECT_THAT(error_for({"shop", true}, server), HasSubstr("no answer in time"));
  well = true;
  clock.advance(kServerRest);
  auto trials = try_all();
  EXPECT_EQ(error_for({"shop", true}, server), "it answered");
  for (auto& error : trials) EXPECT_THAT(error.get(), HasSubstr("no answer in time"));
}

}  // namespace
}  // namespace weir::outside
