// A transport that plays a script and remembers what it was asked.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "operator/http/transport.h"

namespace weir::kube {

inline http::Response answer(int status, std::string body = "{}",
                             std::map<std::string, std::string> headers = {}) {
  return {status, std::move(headers), std::move(body)};
}

inline http::Result<http::Response> failure(http::Failure kind) {
  return std::unexpected(http::Error{kind, "broken"});
}

class FakeTransport final : public http::Transport {
 public:
  struct Stream {
    std::vector<std::string> lines;
    http::Result<http::Response> end = answer(200);
    bool until_stopped = false;  // after the lines
  };

  std::deque<http::Result<http::Response>> answers;
  std::deque<Stream> streams;
  std::vector<http::Request> requests;
  std::function<void()> on_send;

  http::Result<http::Response> send(const http::Request& request, std::stop_token stop) override {
    requests.push_back(request);
    if (on_send) on_send();
    if (stop.stop_requested()) return failure(http::Failure::Cancelled);
    if (answers.empty()) {
      ADD_FAILURE() << "no answer is left for " << request.method << " " << request.url;
      return failure(http::Failure::Connect);
    }
    auto next = answers.front();
    answers.pop_front();
    return next;
  }

  http::Result<http::Response> stream(const http::Request& request,
                                      const std::function<bool(std::string_view)>& on_line,
                                      std::stop_token stop) override {
    requests.push_back(request);
    if (on_send) on_send();
    if (streams.empty()) {
      ADD_FAILURE() << "no stream is left for " << request.url;
      return failure(http::Failure::Connect);
    }
    const Stream next = streams.front();
    streams.pop_front();
    for (const std::string& line : next.lines) {
      if (!on_line(line)) return answer(200);
    }
    if (!next.until_stopped) return next.end;
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any stopped;
    stopped.wait(lock, stop, [] { return false; });
    return failure(http::Failure::Cancelled);
  }
};

}  // namespace weir::kube
