// The model of the API server, and a client that speaks to it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/http/transport.h"
#include "operator/kube/auth.h"
#include "operator/kube/client.h"
#include "operator/kube/object.h"
#include "test/simulation/api_server.h"

namespace weir::simulation {

// Speaks to the server at once, as `writer`, and to its watches as they were `delay` ago.
class Direct final : public http::Transport {
 public:
  Direct(ApiServer& server, Writer writer) : server_(server), writer_(writer) {}
  http::Result<http::Response> send(const http::Request& request, std::stop_token) override {
    return server_.serve(request, writer_);
  }
  http::Result<http::Response> stream(const http::Request& request,
                                      const std::function<bool(std::string_view)>& on_line,
                                      std::stop_token) override {
    const auto watched = server_.watch(request, delay);
    for (const std::string& line : watched.lines) {
      if (!on_line(line)) break;
    }
    last = watched.version;
    return http::Response{.status = watched.status, .body = watched.body};
  }

  Millis delay{0};
  std::uint64_t last = 0;  // version that the last watch came to

 private:
  ApiServer& server_;
  Writer writer_;
};

class ApiServerTest : public testing::Test {
 protected:
  static constexpr Writer kOperator = 3;

  static std::string version(const Json& made) { return kube::metadata_text(made, "resourceVersion"); }

  kube::Result<std::vector<kube::WatchEvent>> watch(const kube::Resource& resource, const std::string& from,
                                                    const std::string& name_space = "shop") {
    std::vector<kube::WatchEvent> events;
    const auto watched =
        client.watch(resource, name_space, from, std::chrono::seconds(300), std::chrono::seconds(90),
                     [&](kube::WatchEvent event) { events.push_back(std::move(event)); }, {});
    if (!watched) return std::unexpected(watched.error());
    return events;
  }
  http::Response send(const std::string& method, const std::string& path, const std::string& body = "",
                      const std::string& type = "application/json") {
    return server.serve(
        {.method = method, .url = "https://api" + path, .headers = {{"Content-Type", type}}, .body = body},
        0);
  }
  void wait(Millis time) { executor.run_until(executor.now() + time); }

  Executor executor;
  ClusterClock clock{executor};
  ApiServer server{executor, clock};
  Direct transport{server, kOperator};
  kube::Client client{transport,
                      std::make_shared<kube::Token>(""),
                      clock,
                      {.base_url = "https://api:6443", .requests_per_second = 0}};
};

}  // namespace weir::simulation
