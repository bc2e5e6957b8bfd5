#include "operator/process/metrics_fetch.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>

#include "analysis/providers/prometheus/api.h"
#include "test/unit/http/loopback.h"

namespace weir::process {
namespace {

using http::Connection;
using http::Loopback;
using testing::HasSubstr;

constexpr std::string_view kOne = R"({"status":"success","data":{"resultType":"vector","result":[]}})";

class MetricsFetchTest : public testing::Test {
 protected:
  [[nodiscard]] analysis::QueryResult ask(const analysis::Server& server) const {
    return analysis::ask(fetch, server, "up", clock.wall());
  }

  report::Metrics metrics{"test"};
  base::VirtualClock clock;
  std::stop_source stop;
  analysis::Fetch fetch = make_metrics_fetch(metrics, clock, stop.get_token());
};

TEST_F(MetricsFetchTest, asks_as_the_server_wants_to_be_asked) {
  const auto identity = http::make_identity("metrics");
  std::promise<std::string> asked;
  const Loopback server(
      [&](Connection& connection) {
        asked.set_value(connection.read_request());
        connection.answer(200, kOne);
      },
      &identity);
  ASSERT_TRUE(ask({.address = server.url(),
                   .headers = {{"Authorization", "Bearer s3cret"}},
                   .tls = {.ca_bundle = identity.certificate}}));
  const auto request = asked.get_future().get();
  EXPECT_THAT(request, HasSubstr("GET /api/v1/query?query=up&time="));
  EXPECT_THAT(request, HasSubstr("Bearer s3cret"));
}

TEST_F(MetricsFetchTest, sends_user_and_password_by_the_basic_scheme) {
  std::promise<std::string> asked;
  const Loopback server([&](Connection& connection) {
    asked.set_value(connection.read_request());
    connection.answer(200, kOne);
  });
  ASSERT_TRUE(ask({.address = server.url(),
                   .basic_auth = analysis::BasicAuth{.username = "Aladdin", .password = "open sesame"}}));
  // The example of RFC 7617.
  EXPECT_THAT(asked.get_future().get(), HasSubstr("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
}

TEST_F(MetricsFetchTest, says_how_long_an_answer_may_be_and_counts_the_queries) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "100000\r\n" + std::string(0x100000, ' ') + "\r\n";
    while (connection.write(chunk)) {  // until the client closes
    }
  });
  const auto answer = ask({.address = server.url(), .asker = {.name_space = "shop", .built_in = true}});
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("answered with more than the 4194304 bytes"));
  EXPECT_THAT(metrics.text(), HasSubstr("weir_prometheus_queries_total{result=\"error\"} 1\n"));
  const auto own = ask({.address = server.url(), .asker = {.name_space = "shop"}});
  ASSERT_FALSE(own);
  EXPECT_THAT(own.error().message, HasSubstr("answered with more than the 262144 bytes"));
}

TEST_F(MetricsFetchTest, says_for_whom_it_asks) {
  std::atomic<bool> well = false;
  const Loopback server([&](Connection& connection) {
    while (!connection.read_request().empty()) {
      if (!well) return connection.wait_for_close();
      connection.answer(200, kOne);
    }
  });
  const auto asks = [&](const std::string& name_space, bool built_in) {
    return fetch({.asker = {.name_space = name_space, .built_in = built_in},
                  .url = server.url() + "/",
                  .timeout = std::chrono::seconds(1)})
        .has_value();
  };
  EXPECT_FALSE(asks("shop", false));
  well = true;
  EXPECT_FALSE(asks("shop", false));
  EXPECT_TRUE(asks("shop", true));
  EXPECT_TRUE(asks("bank", false));
}

}  // namespace
}  // namespace weir::process
