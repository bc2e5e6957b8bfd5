#include "operator/process/prometheus_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <semaphore>

#include "analysis/prometheus.h"
#include "test/unit/http/loopback.h"

namespace weir::process {
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

class PrometheusFetchTest : public testing::Test {
 protected:
  using Headers = std::map<std::string, std::string>;

  [[nodiscard]] analysis::QueryResult ask(PrometheusFetch& by, const std::string& address,
                                          Headers headers = {}) const {
    return analysis::ask(std::ref(by), {address, std::move(headers), false}, "up", clock.wall());
  }
  [[nodiscard]] std::string error_of(PrometheusFetch& by, const std::string& address,
                                     Headers headers = {}) const {
    const auto answer = ask(by, address, std::move(headers));
    return answer ? "it answered" : answer.error().message;
  }

  report::Metrics metrics{"test"};
  base::VirtualClock clock;
  std::stop_source stop;
  PrometheusFetch fetch{metrics, clock, stop.get_token(), std::chrono::minutes(1)};
  PrometheusFetch hasty{metrics, clock, stop.get_token(), std::chrono::seconds(1)};  // for servers that hang
};

TEST_F(PrometheusFetchTest, sends_headers_to_the_server_that_they_belong_to_alone) {
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
  ASSERT_TRUE(ask(fetch, with.url(), {{"Authorization", "Bearer s3cret"}}));
  ASSERT_TRUE(ask(fetch, without.url()));
  const auto request = asked.get_future().get();
  EXPECT_THAT(request, HasSubstr("GET /api/v1/query?query=up&time="));
  EXPECT_THAT(request, HasSubstr("Bearer s3cret"));
  EXPECT_THAT(other.get_future().get(), Not(HasSubstr("s3cret")));
}

TEST_F(PrometheusFetchTest, follows_no_redirect_and_names_where_it_leads) {
  const Loopback target(always(200, std::string(kOne)));
  const Loopback server(always(302, "", "Location: " + target.url() + "/x?token=s3cret\r\n"));
  const auto error = error_of(fetch, server.url(), {{"Authorization", "Bearer s3cret"}});
  EXPECT_EQ(error, "Prometheus at " + server.url() + " did not answer: it redirects to " + target.url() +
                       " (HTTP 302), and redirects are not followed: set the address that is meant");
  EXPECT_EQ(target.connections(), 0);
}

TEST_F(PrometheusFetchTest, shows_of_a_redirect_no_password_and_no_more_than_its_origin) {
  for (const auto& [location, shown] : std::vector<std::pair<std::string, std::string>>{
           {"https://user:s3cret@other:8443/s3cret", "https://other:8443 (HTTP 307)"},
           {"//other/s3cret", "http://other (HTTP 307)"},
           {"/s3cret", "another path (HTTP 307)"}}) {
    const Loopback server(always(307, "", "Location: " + location + "\r\n"));
    const auto error = error_of(fetch, server.url());
    EXPECT_THAT(error, HasSubstr("it redirects to " + shown));
    EXPECT_THAT(error, Not(HasSubstr("s3cret")));
  }
  const Loopback nowhere(always(301, ""));
  EXPECT_THAT(error_of(fetch, nowhere.url()), HasSubstr("it redirects to another path (HTTP 301)"));
}

TEST_F(PrometheusFetchTest, reads_no_more_than_the_limit_and_names_it) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "100000\r\n" + std::string(0x100000, ' ') + "\r\n";
    while (connection.write(chunk)) {  // until the client closes
    }
  });
  EXPECT_THAT(error_of(fetch, server.url()), HasSubstr("answered with more than the 4194304 bytes"));
}

TEST_F(PrometheusFetchTest, shows_no_header_whatever_goes_wrong) {
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
    EXPECT_THAT(error_of(fetch, address, headers), Not(HasSubstr("s3cret"))) << address;
  }
  EXPECT_THAT(error_of(hasty, silent.url(), headers), Not(HasSubstr("s3cret")));
  EXPECT_THAT(error_of(fetch, refusing.url(), {{"Authorization", "Bearer s3cret\n"}}),
              Not(HasSubstr("s3cret")));
}

TEST_F(PrometheusFetchTest, leaves_a_server_alone_that_let_a_query_time_out) {
  std::atomic<bool> well = false;
  const Loopback server(while_well(well));
  EXPECT_THAT(error_of(hasty, server.url()), HasSubstr("no answer in time"));
  well = true;
  EXPECT_THAT(error_of(hasty, server.url()), HasSubstr("its last query ended in a timeout"));
  EXPECT_EQ(server.connections(), 1);
  clock.advance(kServerRest);
  EXPECT_TRUE(ask(hasty, server.url()));
  EXPECT_TRUE(ask(hasty, server.url()));  // it is well again
}

TEST_F(PrometheusFetchTest, asks_a_server_again_that_answered_with_an_error) {
  const Loopback server(always(503, "busy"));
  EXPECT_THAT(error_of(fetch, server.url()), HasSubstr("503"));
  EXPECT_THAT(error_of(fetch, server.url()), HasSubstr("503"));
}

TEST_F(PrometheusFetchTest, tries_few_of_the_servers_that_hang_at_the_same_time) {
  std::counting_semaphore<> arrived(0);
  std::vector<std::unique_ptr<Loopback>> servers;
  std::vector<std::future<std::string>> first;
  const auto error_at = [&](const std::string& url) { return hasty(url + "/", {}, false).error(); };
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
  EXPECT_TRUE(hasty(well.url() + "/", {}, false));
  for (auto& error : trials) EXPECT_THAT(error.get(), HasSubstr("no answer in time"));
}

}  // namespace
}  // namespace weir::process
