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
#include "operator/outside/trials.h"

namespace weir::outside {

// A query that takes longer says nothing in time; Prometheus' own limit is two minutes.
inline constexpr std::chrono::milliseconds kFetchTimeout{10'000};
// A longer answer is not read: 4 MiB.
inline constexpr std::size_t kMaxFetchedBytes = std::size_t{4} << 20;
// A server that let a request time out is left alone for as long by who asked; then one of its requests at a
// time tries the server.
inline constexpr std::chrono::milliseconds kServerRest{5'000};
// A timeout that nothing followed is forgotten after this.
inline constexpr std::chrono::minutes kTimeoutRemembered{10};
// Transports that are kept; beyond that those without a request under way are made anew when they are needed,
// that of built-in queries apart.
inline constexpr std::size_t kMaxServers = 64;

// Whose request it is: a timeout counts against the next requests of the same asker to the same server, and
// against no others.
struct Asker {
  std::string name_space;
  // Of our own making, and to the operator's own server: what the namespace's own queries do is not held
  // against it.
  bool built_in = false;
  friend auto operator<=>(const Asker&, const Asker&) = default;
};

struct FetchRequest {
  Asker asker;
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
// redirect. A server that hangs costs those who asked it their answers, and the others little: whoever was
// not let down by a server asks it at once, and servers that answer nobody are tried by few at a time
// (trials.h). Thread-safe.
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
    bool built_in = false;                           // built-in queries go there
    std::optional<base::Clock::Steady> answered_at;  // last, whoever asked
  };
  // One asker's last request to a server timed out.
  struct Timeout {
    base::Clock::Steady at;
    base::Clock::Steady asked_at;            // last, whether or not anything was sent
    base::Clock::Steady::duration every{0};  // the longest time between two that were asked
    bool tried = false;                      // by one request, since then
  };
  using Asked = std::pair<Asker, std::string>;  // and an origin

  // Retry: of a server that answers others. Trial: of one that has answered nobody since.
  enum class Sending { Ordinary, Retry, Trial };
  enum class Outcome { Answered, TimedOut, Failed };

  [[nodiscard]] static Outcome outcome_of(const http::Result<http::Response>& answer);
  [[nodiscard]] std::shared_ptr<Server> server(const std::string& origin, const FetchRequest& request);
  // As what the request may be sent, and then `leave` follows; empty: it may not be sent now.
  [[nodiscard]] std::optional<Sending> enter(const Server& server, const Asked& asked);
  void leave(Server& server, const Asked& asked, Sending sending, Outcome outcome);
  [[nodiscard]] Trials& trials(const Asker& asker) { return asker.built_in ? built_in_trials_ : trials_; }

  const base::Clock& clock_;
  const std::stop_token stop_;
  const Observe observe_;
  std::mutex mutex_;
  std::map<std::pair<std::string, http::Tls>, std::shared_ptr<Server>> servers_;
  std::map<Asked, Timeout> timeouts_;
  Trials built_in_trials_;
  Trials trials_;  // of all others
};

}  // namespace weir::outside
