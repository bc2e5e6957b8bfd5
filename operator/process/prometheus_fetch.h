// How the analysis reaches a Prometheus: over one kept transport for each server.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "analysis/judge.h"
#include "operator/base/clock.h"
#include "operator/http/transport.h"
#include "operator/report/metrics.h"

namespace weir::process {

// A query that takes longer says nothing in time; Prometheus' own limit is two minutes.
inline constexpr std::chrono::milliseconds kQueryTimeout{10'000};
// A server that let a query time out is left alone for as long; then one query at a time tries it.
inline constexpr std::chrono::milliseconds kServerRest{5'000};
// Of all servers that let a query time out so many may be tried at the same time, so that the threads of the
// analysis are left to those that answer.
inline constexpr int kMaxTrials = 2;
// Transports that are kept; beyond that those without a query under way are made anew when they are needed.
inline constexpr std::size_t kMaxServers = 64;

// Asks over http and https, sends a request's headers to the server of its url alone, follows no redirect,
// and reads no more than analysis::kMaxAnswerBytes. A server that hangs costs its own releases their answers,
// and the others little. Thread-safe.
class PrometheusFetch {
 public:
  // Borrows `metrics` and `clock`; `stop` ends every query under way.
  PrometheusFetch(report::Metrics& metrics, const base::Clock& clock, std::stop_token stop,
                  std::chrono::milliseconds timeout = kQueryTimeout)
      : metrics_(metrics), clock_(clock), stop_(std::move(stop)), timeout_(timeout) {}

  // The error is the part of a sentence that begins with "Prometheus did not answer: ". It names no header,
  // no query, and of another server no more than its origin.
  [[nodiscard]] std::expected<analysis::Answer, std::string> operator()(
      const std::string& url, const std::map<std::string, std::string>& headers, bool insecure_skip_verify);

 private:
  struct Server {
    std::unique_ptr<http::Transport> transport;
    std::optional<base::Clock::Steady> timed_out_at;  // its last query did
    bool tried = false;                               // by one query, since then
  };

  enum class Query { Ordinary, Trial };

  [[nodiscard]] std::shared_ptr<Server> server(const std::string& origin, bool insecure_skip_verify);
  // As what the query may be sent, and then `leave` follows; empty: it may not be sent now.
  [[nodiscard]] std::optional<Query> enter(Server& server);
  void leave(Server& server, Query query, bool timed_out);

  report::Metrics& metrics_;
  const base::Clock& clock_;
  const std::stop_token stop_;
  const std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::map<std::pair<std::string, bool>, std::shared_ptr<Server>> servers_;
  int trials_ = 0;
};

}  // namespace weir::process
