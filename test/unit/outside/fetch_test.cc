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

TEST_F(FetchTest, tries_few_of_the_servers_that_hang_at_the_same_time) {
  std::counting_semaphore<> arrived(0);
  std::vector<std::unique_ptr<Loopback>> servers;
  std::vector<std::future<std::string>> first;
  const auto error_at = [&](const std::string& url) { return error_of(ask_briefly(url)); };
  for (int i = 0; i < kMaxTrials + 1; ++i) {
    servers.push_back(std::make_unique<Loopback>([&](Connection& connection) {
      connection.read_request();
      arrived.release();
      connection.wait_for_close();
    }));
    first.push_back(std::async(std::launch::async, error_at, servers.back()->url()));
  }
  for (auto& error : first) EXPECT_THAT(error.get(), HasSubstr("no answer in time"));
  for (int i = 0; i < kMaxTrials + 1; ++i) arrived.acquire();

  clock.advance(kServerRest);
  std::vector<std::future<std::string>> trials;
  for (int i = 0; i < kMaxTrials; ++i) {
    trials.push_back(std::async(std::launch::async, error_at, servers[static_cast<std::size_t>(i)]->url()));
    arrived.acquire();
    EXPECT_THAT(error_at(servers[static_cast<std::size_t>(i)]->url()), HasSubstr("not asked again yet"));
  }
  EXPECT_THAT(error_at(servers.back()->url()), HasSubstr("not asked again yet"));
  const Loopback well(always(200, std::string(kOne)));
  EXPECT_TRUE(ask_briefly(well.url()));
  for (auto& error : trials) EXPECT_THAT(error.get(), HasSubstr("no answer in time"));
}

}  // namespace
}  // namespace weir::outside
