// How the analysis reaches a metrics server. The edges provide it.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace weir::analysis {

// A longer body is refused unread. 4 MiB are some ten thousand series of Prometheus, which a built-in query
// may answer: it asks for a whole namespace.
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{4} << 20;
// The same of a query that somebody wrote, which must answer one series: what a stranger's server sends has
// no more memory than this, a few times over. 256 KiB are some thousand series.
inline constexpr std::size_t kMaxOwnAnswerBytes = std::size_t{256} << 10;

// On whose behalf a server is asked. What one asker meets with is not held against another.
struct Asker {
  std::string name_space;
  bool built_in = false;  // a query that nobody wrote, to the operator's own server
  friend auto operator<=>(const Asker&, const Asker&) = default;
};

// How the server is authenticated.
struct Tls {
  std::string ca_bundle;  // PEM; empty: the certificates that the system trusts
  bool insecure_skip_verify = false;
  friend auto operator<=>(const Tls&, const Tls&) = default;
};

// Of HTTP's Basic scheme, which the edge encodes. Never logged.
struct BasicAuth {
  std::string username;
  std::string password;
  friend auto operator<=>(const BasicAuth&, const BasicAuth&) = default;
};

struct Request {
  Asker asker;
  std::string method = "GET";
  std::string url;
  std::map<std::string, std::string> headers;  // credentials among them: never logged
  std::optional<BasicAuth> basic_auth;
  std::string body;
  Tls tls;
  std::optional<std::chrono::milliseconds> timeout;  // empty: as the edge has it
  std::size_t max_body = kMaxAnswerBytes;            // of the answer
};

struct Answer {
  int status = 0;  // of HTTP
  std::string body;
  bool too_large = false;  // the body was longer than the request's max_body, and is not here
};

// The error is the end of a sentence: why there is no answer. Blocks until there is one, or until the
// request's timeout. Thread-safe.
using Fetch = std::function<std::expected<Answer, std::string>(const Request&)>;

}  // namespace weir::analysis
