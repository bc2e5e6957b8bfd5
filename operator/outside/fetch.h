// How the outside is reached: one request, one answer, over one kept transport for each server.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "operator/base/clock.h"
#include "operator/http/transport.h"

namespace weir::outside {

// A query that takes longer says nothing in time; Prometheus' own limit is two minutes.
inline constexpr std::chrono::milliseconds kFetchTimeout{10'000};
// A longer answer is not read: 4 MiB.
inline constexpr std::size_t kMaxFetchedBytes = std::size_t{4} << 20;
// A server that let a request time out is left alone for as long; then one request at a time tries it.
inline constexpr std::chrono::milliseconds kServerRest{5'000};
// Of all servers that let a request time out so many may be tried at the same time, so that the desk's
// threads are left to those that answer.
inline constexpr int kMaxTrials = 2;
// Transports that are kept; beyond that those without a request under way are made anew when they are needed.
inline constexpr std::size_t kMaxServers = 64;

struct FetchRequest {
  std::string method = "GET";
  std::string url;                             // absolute, with the query already encoded
  std::map<std::string, std::string> headers;  // may hold credentials
  std::string body;                            // application/json, unless a header says otherwise
  http::Tls tls;
  std::chrono::milliseconds timeout = kFetchTimeout;  // of the whole exchange
  std::size_t max_body = kMaxFetchedBytes;            // of the answer
};

struct FetchResponse {
  int status = 0;  // of HTTP
  std::string body;
  bool too_large = false;  // the body was longer than max_body, and neither it nor the status is here
};

// Asks over http and https, sends a request's headers to the server of its url alone, and follows no
// redirect. A server that hangs costs its own releases their answers, and the others little. Thread-safe.
class Fetch {
 public:
  // Of each request that was sent: what came, and how long it took.
  using Observe =
      std::function<void(const http::Result<http::Response>& answer, std::chrono::duration<double> took)>;

  // Borrows `clock`; `stop` ends every request under way; `observe` may be empty.
  Fetch(const base::Clock& clock, std::stop_token stop, Observe observe)
      : clock_(clock), stop_(std::move(stop)), observe_(std::move(observe)) {}

  // Blocks until the request's timeout at most. The error is the part of a sentence that begins with "it did
  // not answer: ". It names no header, no query, and of another server no more than its origin.
  [[nodiscard]] std::expected<FetchResponse, std::string> operator()(const FetchRequest& request);

 private:
  struct Server {
    std::unique_ptr<http::Transport> transport;
    std::optional<base::Clock::Steady> timed_out_at;  // its last request did
    bool tried = false;                               // by one request, since then
  };

  enum class Sending { Ordinary, Trial };

  [[nodiscard]] std::shared_ptr<Server> server(const std::string& origin, const http::Tls& tls);
  // As what the request may be sent, and then `leave` follows; empty: it may not be sent now.
  [[nodiscard]] std::optional<Sending> enter(Server& server);
  void leave(Server& server, Sending sending, bool timed_out);

  const base::Clock& clock_;
  const std::stop_token stop_;
  const Observe observe_;
  std::mutex mutex_;
  std::map<std::pair<std::string, http::Tls>, std::shared_ptr<Server>> servers_;
  int trials_ = 0;
};

}  // namespace weir::outside
