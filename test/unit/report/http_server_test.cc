#include "operator/report/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "operator/http/transport.h"

namespace weir::report {
namespace {

// A port of the loopback address that nobody listens on.
std::string free_address() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(listener);
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

class Serving : public testing::Test {
 protected:
  void SetUp() override {
    auto started = start();
    ASSERT_TRUE(started) << started.error();
    server_ = std::move(*started);
  }

  std::expected<std::unique_ptr<HttpServer>, std::string> start() {
    return HttpServer::start(listen_, {.metrics = [] { return "weir_info 1\n"; },
                                       .unwell = [this] { return unwell_; },
                                       .unready = [this] { return unready_; }});
  }

  http::Result<http::Response> send(const std::string& method, const std::string& path) {
    const std::string base = "http://" + listen_;
    return http::make_transport(base, {})->send({.method = method, .url = base + path}, {});
  }
  http::Response get(const std::string& path) {
    const auto response = send("GET", path);
    EXPECT_TRUE(response) << response.error().message;
    return response.value_or(http::Response{});
  }

  const std::string listen_ = free_address();
  std::optional<std::string> unwell_;
  std::optional<std::string> unready_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(Serving, gives_metrics_in_the_text_format_of_prometheus) {
  const auto response = get("/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "weir_info 1\n");
  EXPECT_THAT(response.headers.at("content-type"), testing::StartsWith("text/plain; version=0.0.4"));
}

TEST_F(Serving, tells_life_and_readiness_apart) {
  unready_ = "caches are not filled yet";
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/healthz").body, "ok\n");
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/readyz").body, "caches are not filled yet\n");

  unready_.reset();
  unwell_ = "no round for 10m";
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_EQ(get("/healthz").status, 503);
}

TEST_F(Serving, refuses_other_paths_and_methods) {
  EXPECT_EQ(get("/").status, 404);
  EXPECT_EQ(get("/metrics/x").status, 404);
  const auto posted = send("POST", "/metrics");
  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->status, 405);
}

TEST_F(Serving, ends_with_the_server_and_the_port_is_free_again) {
  EXPECT_EQ(get("/healthz").status, 200);
  server_.reset();
  EXPECT_FALSE(send("GET", "/healthz"));
  auto again = start();
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(Serving, says_why_it_cannot) {
  const auto second = start();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), testing::StartsWith("cannot serve metrics and health on " + listen_ + ": "));
  EXPECT_FALSE(HttpServer::start("no port", {}));
}

}  // namespace
}  // namespace weir::report
