// HTTP as the operator needs it: one request, one answer, or an answer that comes line by line. The one place
// that sees cpprestsdk.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace weir::http {

struct Request {
  std::string method = "GET";
  std::string url;  // absolute, with the query already encoded
  std::map<std::string, std::string> headers;
  std::string body;
  std::chrono::milliseconds timeout{10'000};  // for the whole exchange; of a stream: without a byte received
  std::size_t max_body = std::size_t{64} << 20;  // bytes; a longer answer is an error
};

struct Response {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

enum class Failure { Connect, Timeout, TooLarge, Cancelled, Broken };

struct Error {
  Failure failure = Failure::Broken;
  std::string message;  // names method, origin and cause; never user, path, header or body
};

template <typename T>
using Result = std::expected<T, Error>;

// How the peer is authenticated and how we authenticate to it. Files and inline data are PEM.
struct Tls {
  std::string ca;           // PEM; empty: the system's trust store
  std::string client_cert;  // PEM; empty: none
  std::string client_key;
  bool insecure_skip_verify = false;
  friend auto operator<=>(const Tls&, const Tls&) = default;
};

// Thread-safe; connections are kept alive and shared. Follows no redirect. At most `max_in_flight` requests
// (streams apart) are open at a time; further callers wait.
class Transport {
 public:
  virtual ~Transport() = default;
  [[nodiscard]] virtual Result<Response> send(const Request& request, std::stop_token stop) = 0;
  // Hands over each line of the body as it comes, without its end, until the peer closes (the status is
  // returned), `on_line` returns false, or `stop` is requested. With a status other than 200 the body is
  // returned instead.
  [[nodiscard]] virtual Result<Response> stream(const Request& request,
                                                const std::function<bool(std::string_view)>& on_line,
                                                std::stop_token stop) = 0;
};

inline constexpr int kMaxInFlight = 16;

// Starts the thread that all transports of the process share. One: of two, one could close a connection while
// the other is about to read from it, which the library does not stand. Once: later calls do nothing. Call it
// first thing in main: it sets environment variables. make_transport calls it too.
void start_io();

// `base_url` is scheme, host and port; request urls must begin with it.
[[nodiscard]] std::unique_ptr<Transport> make_transport(const std::string& base_url, const Tls& tls,
                                                        int max_in_flight = kMaxInFlight);

// "https://host:8443" of a URL: what a message may show of it. Without user, password, path and query, and
// without anything that is not printable ASCII.
[[nodiscard]] std::string origin(std::string_view url);

// Percent-encodes one query or path component.
[[nodiscard]] std::string encode(std::string_view component);

}  // namespace weir::http
