#include "operator/process/process.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "operator/http/transport.h"
#include "test/unit/http/loopback.h"

namespace weir::process {
namespace {

using http::Connection;
using http::Loopback;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr seconds kPatience{20};

// An API server that lacks every kind whose path has `missing` in it, and has no objects of the others.
Loopback::Handler without(const std::string& missing) {
  return [missing](Connection& connection) {
    for (auto request = connection.read_request(); !request.empty(); request = connection.read_request()) {
      if (request.contains(missing)) {
        connection.answer(404, "404 page not found");
      } else if (request.contains("watch=true")) {
        return connection.wait_for_close();
      } else {
        connection.answer(200, R"({"metadata":{"resourceVersion":"1"},"items":[]})");
      }
    }
  };
}

// "127.0.0.1:PORT" of a port that was free a moment ago.
std::string free_address() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(listener, raw, size), 0);
  EXPECT_EQ(::getsockname(listener, raw, &size), 0);
  ::close(listener);
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

// The operator as a process of its own would be, against this API server.
class Running {
 public:
  explicit Running(const std::string& api) : kubeconfig_(testing::TempDir() + "weir-process-kubeconfig") {
    std::ofstream(kubeconfig_)
        << R"({apiVersion: v1, kind: Config, current-context: here, users: [{name: me, user: {token: t}}],
      clusters: [{name: here, cluster: {server: ")"
        << api << R"("}}],
      contexts: [{name: here, context: {cluster: here, user: me}}]})";
    options_.kubeconfig = kubeconfig_;
    options_.listen = address_;
    thread_ = std::jthread([this](const std::stop_token& stop) { EXPECT_EQ(run(options_, stop), 0); });
  }
  ~Running() {
    thread_.request_stop();
    thread_.join();
    std::filesystem::remove(kubeconfig_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  http::Response ask(const std::string& path) {
    return transport_->send({.url = "http://" + address_ + path}, {}).value_or(http::Response{});
  }
  // Asks until the answer has this status and this in it; whether it came to that.
  bool comes_to(const std::string& path, int status, const std::string& part) {
    for (const auto end = std::chrono::steady_clock::now() + kPatience;
         std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(milliseconds(20))) {
      const auto answer = ask(path);
      if (answer.status == status && answer.body.contains(part)) return true;
    }
    return false;
  }

 private:
  const std::string address_ = free_address();
  const std::string kubeconfig_;
  std::unique_ptr<http::Transport> transport_ = http::make_transport("http://" + address_, {});
  Options options_;
  std::jthread thread_;
};

TEST(Process, is_ready_and_leads_without_the_kinds_of_any_router) {
  const Loopback api(without("networking.istio.io"));
  Running weir(api.url());
  EXPECT_TRUE(weir.comes_to("/readyz", 200, ""));
  EXPECT_TRUE(weir.comes_to("/metrics", 200, "weir_leader 1"));
}

TEST(Process, is_not_ready_without_a_kind_that_every_release_needs) {
  const Loopback api(without("metrictemplates"));
  Running weir(api.url());
  EXPECT_TRUE(weir.comes_to("/readyz", 503, "list metrictemplates in all namespaces: 404"));
  EXPECT_THAT(weir.ask("/metrics").body, HasSubstr("weir_leader 0"));
}

}  // namespace
}  // namespace weir::process
