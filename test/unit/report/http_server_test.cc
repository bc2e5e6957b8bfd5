#include "operator/report/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>

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
    auto started = start(listen_);
    ASSERT_TRUE(started) << started.error();
    server_ = std::move(*started);
  }

  std::expected<std::unique_ptr<HttpServer>, std::string> start(const std::string& listen) {
    return HttpServer::start(listen, {.metrics = [] { return "weir_info 1\n"; },
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
  auto again = start(listen_);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(get("/healthz").status, 200);
}

// More than it keeps: the kubelet's probe must not be turned away.
TEST_F(Serving, answers_whoever_asks_while_others_only_stay) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(listen_.substr(listen_.rfind(':') + 1))));
  std::vector<int> idle;
  for (int i = 0; i < 200; ++i) {
    idle.push_back(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(connect(idle.back(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  EXPECT_EQ(get("/healthz").status, 200);
  for (const int connection : idle) close(connection);
}

TEST_F(Serving, says_why_it_cannot) {
  const auto second = start(listen_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), testing::StartsWith("cannot serve metrics and health on " + listen_ + ": "));
  EXPECT_FALSE(HttpServer::start("no port", {}));
}

// The whole answer to a request by hand: what is asked here is by which address it comes.
std::string by_hand(int family, const std::string& port, const std::string& request) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  v4.sin_port = v6.sin6_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  const auto* address =
      family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  const int client = socket(family, SOCK_STREAM, 0);
  std::string answer;
  if (connect(client, address, family == AF_INET ? sizeof(v4) : sizeof(v6)) == 0 &&
      write(client, request.data(), request.size()) == std::ssize(request)) {
    std::array<char, 1024> block{};
    for (ssize_t count = 0; (count = read(client, block.data(), block.size())) > 0;)
      answer.append(block.data(), static_cast<std::size_t>(count));
  }
  close(client);
  return answer;
}

constexpr const char* kHealthOnce = "GET /healthz HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n";

bool has_ipv6() {
  const int probe = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool has = bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(probe);
  return has;
}

TEST_F(Serving, listens_on_every_address_of_both_families) {
  const auto port = free_address().substr(std::string("127.0.0.1:").size());
  const auto started = start("[::]:" + port);
  ASSERT_TRUE(started) << started.error();
  EXPECT_THAT(by_hand(AF_INET, port, kHealthOnce), testing::EndsWith("ok\n"));
  if (has_ipv6()) {
    EXPECT_THAT(by_hand(AF_INET6, port, kHealthOnce), testing::EndsWith("ok\n"));
  }
}

TEST_F(Serving, listens_on_one_address_of_ipv6_alone) {
  if (!has_ipv6()) GTEST_SKIP() << "there is no IPv6 here";
  const auto port = free_address().substr(std::string("127.0.0.1:").size());
  const auto started = start("[::1]:" + port);
  ASSERT_TRUE(started) << started.error();
  EXPECT_THAT(by_hand(AF_INET6, port, kHealthOnce), testing::EndsWith("ok\n"));
  EXPECT_EQ(by_hand(AF_INET, port, kHealthOnce), "");
}

TEST_F(Serving, answers_one_request_after_another_on_a_connection) {
  const auto port = listen_.substr(listen_.find(':') + 1);
  const auto answers =
      by_hand(AF_INET, port, std::string("GET /readyz HTTP/1.1\r\nHost: weir\r\n\r\n") + kHealthOnce);
  EXPECT_EQ(answers.find("200 OK"), answers.find("HTTP/1.1 ") + 9);
  EXPECT_NE(answers.find("200 OK"), answers.rfind("200 OK"));
}

// The rest of such a request would be taken for the next one.
TEST_F(Serving, ends_the_connection_after_a_request_with_a_body) {
  const auto port = listen_.substr(listen_.find(':') + 1);
  const auto answer = by_hand(AF_INET, port,
                              "POST /metrics HTTP/1.1\r\nHost: weir\r\nContent-Length: 33\r\n\r\n"
                              "GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n");
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 405"));
  EXPECT_EQ(answer.find("200 OK"), std::string::npos);
}

TEST_F(Serving, ends_a_connection_whose_head_is_too_long) {
  const auto port = listen_.substr(listen_.find(':') + 1);
  EXPECT_EQ(by_hand(AF_INET, port, "GET /" + std::string(20'000, 'a')), "");
  EXPECT_EQ(get("/healthz").status, 200);
}

}  // namespace
}  // namespace weir::report
