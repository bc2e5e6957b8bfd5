// A failed task that nobody observes must not end the process: every task here is observed, this is the net.
#define _REPORT_PPLTASK_UNOBSERVED_EXCEPTION() ((void)0)  // NOLINT(bugprone-reserved-identifier)

#include "operator/http/transport.h"

#include <cpprest/http_client.h>
#include <openssl/err.h>
#include <pplx/threadpool.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "operator/http/exchange.h"
#include "operator/http/sink.h"
#include "operator/http/tls.h"

namespace weir::http {
namespace {

namespace cpprest = web::http;
using Deadline = Exchange::Deadline;

// The library's own time-out is of silence only, and the same for all requests of a client: ours replaces it.
constexpr std::chrono::hours kLibraryTimeout{24};
constexpr const char* kNowhere = "/nonexistent/weir";

std::string value_or(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value == nullptr ? otherwise : value;
}

// The system's trust store as the environment names it, read before the library is led away from it: it would
// parse it for every connection.
TrustPaths divert_trust_paths() {
  TrustPaths paths{value_or(X509_get_default_cert_file_env(), X509_get_default_cert_file()),
                   value_or(X509_get_default_cert_dir_env(), X509_get_default_cert_dir())};
  setenv(X509_get_default_cert_file_env(), kNowhere, 1);  // NOLINT(concurrency-mt-unsafe)
  setenv(X509_get_default_cert_dir_env(), kNowhere, 1);   // NOLINT(concurrency-mt-unsafe)
  return paths;
}

const TrustPaths& system_trust() {
  static const TrustPaths paths = divert_trust_paths();
  return paths;
}

// The library hands on OpenSSL's codes as if they were the system's.
std::string reason_of(const std::error_code& code) {
  if (!code) return {};
  const auto number = static_cast<unsigned long>(code.value());
  const char* text = ERR_GET_LIB(number) == 0 ? nullptr : ERR_reason_error_string(number);
  return text == nullptr ? code.message() : text;
}

Error error_of(std::exception_ptr failure) {
  try {
    std::rethrow_exception(std::move(failure));
  } catch (const cpprest::http_exception& exception) {
    const std::string what = exception.what();
    const std::string reason = reason_of(exception.error_code());
    const bool connecting = what.contains("resolv") || what.contains("SSL handshake") ||
                            what.contains("SNI") || what.contains("connect");
    // What the library says of a refused connection is not the refusal.
    if (what.contains("Failed to connect to any")) return {Failure::Connect, "nobody answers there"};
    const bool said = reason.empty() || what.contains(reason);
    return {connecting ? Failure::Connect : Failure::Broken, said ? what : what + ": " + reason};
  } catch (const std::exception& exception) {
    return {Failure::Broken, exception.what()};
  }
}

Response head_of(const cpprest::http_response& answer) {
  Response head;
  head.status = answer.status_code();
  for (const auto& [name, value] : answer.headers()) {
    std::string lower = name;
    for (char& letter : lower) {
      if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    }
    head.headers.insert_or_assign(std::move(lower), value);
  }
  return head;
}

// Bounds the requests in flight.
class Slots {
 public:
  explicit Slots(int free) : free_(free) {}

  [[nodiscard]] bool acquire(Deadline deadline, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!released_.wait_until(lock, stop, deadline, [this] { return free_ > 0; })) return false;
    --free_;
    return true;
  }

  void release() {
    const std::lock_guard lock(mutex_);
    ++free_;
    released_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any released_;
  int free_;
};

// One sending of one request. Whoever gives up on it leaves: the connection is closed then, and callbacks
// that still come find the exchange alive.
class Flight {
 public:
  Flight(cpprest::client::http_client& client, const cpprest::http_request& request, std::size_t max_body)
      : exchange_(std::make_shared<Exchange>(max_body)) {
    try {
      launch(client, request);
    } catch (...) {
      exchange_->finish(error_of(std::current_exception()));
    }
  }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;
  // The library closes the connection where it is told to, and what reads from it there must not be in the
  // middle of that: the one thread that reads closes.
  ~Flight() {
    if (landed_) return;
    crossplat::threadpool::shared_instance().service().post([cancel = cancel_] { cancel.cancel(); });
  }

  [[nodiscard]] Result<Response> whole(Deadline deadline, const std::stop_token& stop) {
    auto response = exchange_->whole(deadline, stop);
    landed_ = response.has_value();
    return response;
  }
  [[nodiscard]] Exchange& exchange() { return *exchange_; }
  // The whole answer has been received: nothing is left to cancel.
  void land() { landed_ = true; }

 private:
  void launch(cpprest::client::http_client& client, cpprest::http_request request) {
    request.set_response_stream(SinkBuffer(exchange_).create_ostream());
    client.request(request, cancel_.get_token())
        .then([exchange = exchange_](const pplx::task<cpprest::http_response>& task) {
          try {
            const auto answer = task.get();
            exchange->take_head(head_of(answer));
            answer.content_ready().then(
                [exchange](const pplx::task<cpprest::http_response>& body) { finish(*exchange, body); });
          } catch (...) {
            exchange->finish(error_of(std::current_exception()));
          }
        });
  }

  static void finish(Exchange& exchange, const pplx::task<cpprest::http_response>& body) {
    try {
      (void)body.get();
      exchange.finish(std::nullopt);
    } catch (...) {
      exchange.finish(error_of(std::current_exception()));
    }
  }

  std::shared_ptr<Exchange> exchange_;
  pplx::cancellation_token_source cancel_;
  bool landed_ = false;
};

// Cuts a body into lines as it comes.
class Lines {
 public:
  explicit Lines(const std::function<bool(std::string_view)>& on_line) : on_line_(on_line) {}

  // False as soon as the receiver wants no more.
  [[nodiscard]] bool take(std::string_view bytes) {
    rest_ += bytes;
    std::size_t begin = 0;
    for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
      if (!hand_over(std::string_view(rest_).substr(begin, end - begin))) return false;
      begin = end + 1;
    }
    rest_.erase(0, begin);
    return true;
  }
  void end() {
    if (!rest_.empty()) (void)hand_over(rest_);
  }
  [[nodiscard]] std::size_t unfinished() const { return rest_.size(); }

 private:
  [[nodiscard]] bool hand_over(std::string_view line) const {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return on_line_(line);
  }

  const std::function<bool(std::string_view)>& on_line_;
  std::string rest_;
};

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(const std::string& base_url, const Tls& tls, int max_in_flight)
      : base_url_(base_url.ends_with('/') ? base_url.substr(0, base_url.size() - 1) : base_url),
        tls_(std::make_shared<TlsContext>(tls, system_trust())),
        slots_(max_in_flight) {
    cpprest::client::http_client_config config;
    config.set_max_redirects(0);  // following them is a data race in the library, and nobody here redirects
    config.set_timeout(kLibraryTimeout);
    config.set_validate_certificates(!tls.insecure_skip_verify);
    config.set_ssl_context_callback([context = tls_](boost::asio::ssl::context& connection) {
      if (!context->apply(connection.native_handle())) throw std::runtime_error("the TLS set-up was refused");
    });
    try {
      client_ = std::make_unique<cpprest::client::http_client>(base_url_, config);
    } catch (const std::exception&) {
      problem_ =
          "its URL cannot be used";  // the library's message repeats it, with a password that it may hold
    }
    if (problem_.empty()) problem_ = tls_->problem();
  }

  Result<Response> send(const Request& request, std::stop_token stop) override {
    const Deadline deadline = std::chrono::steady_clock::now() + request.timeout;
    if (!slots_.acquire(deadline, stop)) {
      const bool stopped = stop.stop_requested();
      return failed(request, {stopped ? Failure::Cancelled : Failure::Timeout,
                              stopped ? "stopped" : "too many requests are under way"});
    }
    auto answer = attempt(request, deadline, stop);
    // A kept connection that the peer has just closed fails at once. Only what changes nothing may be sent
    // again.
    if (!answer && answer.error().failure == Failure::Broken && request.method == "GET") {
      answer = attempt(request, deadline, stop);
    }
    slots_.release();
    if (!answer) return failed(request, answer.error());
    return answer;
  }

  Result<Response> stream(const Request& request, const std::function<bool(std::string_view)>& on_line,
                          std::stop_token stop) override {
    auto answer = receive(request, on_line, stop);
    if (!answer) return failed(request, answer.error());
    return answer;
  }

 private:
  [[nodiscard]] Result<Response> attempt(const Request& request, Deadline deadline,
                                         const std::stop_token& stop) {
    const auto prepared = prepare(request);
    if (!prepared) return std::unexpected(prepared.error());
    return Flight(*client_, *prepared, request.max_body).whole(deadline, stop);
  }

  [[nodiscard]] Result<Response> receive(const Request& request,
                                         const std::function<bool(std::string_view)>& on_line,
                                         const std::stop_token& stop) {
    const auto prepared = prepare(request);
    if (!prepared) return std::unexpected(prepared.error());
    Flight flight(*client_, *prepared, request.max_body);
    Lines lines(on_line);
    std::string body;
    while (true) {
      const auto bytes = flight.exchange().more(std::chrono::steady_clock::now() + request.timeout, stop);
      if (!bytes) return std::unexpected(bytes.error());
      Response head = flight.exchange().head().value_or(Response{});
      if (bytes->empty()) {
        flight.land();
        lines.end();
        return Response{head.status, head.headers, body};
      }
      if (head.status != 200) {
        body += *bytes;
      } else if (!lines.take(*bytes)) {
        return head;
      }
      if (body.size() > request.max_body || lines.unfinished() > request.max_body) {
        return std::unexpected(Error{Failure::TooLarge, "a line is longer than the limit"});
      }
    }
  }

  [[nodiscard]] Result<cpprest::http_request> prepare(const Request& request) const {
    if (!problem_.empty()) return std::unexpected(Error{Failure::Connect, problem_});
    const std::string path = request.url.starts_with(base_url_) ? request.url.substr(base_url_.size()) : "";
    if (!path.starts_with('/')) {
      return std::unexpected(Error{Failure::Connect, "the url is not of this transport's server"});
    }
    try {
      cpprest::http_request prepared(request.method);
      prepared.set_request_uri(path);
      if (!request.body.empty()) prepared.set_body(request.body, "application/json");
      for (const auto& [name, value] : request.headers) {
        // Sent as it is, it would end the header and begin another.
        if (value.find_first_of("\r\n") != std::string::npos) {
          return std::unexpected(Error{Failure::Broken, "the header " + name + " has a line break in it"});
        }
        prepared.headers().remove(name);
        prepared.headers().add(name, value);
      }
      return prepared;
    } catch (const std::exception& exception) {
      return std::unexpected(Error{Failure::Broken, exception.what()});
    }
  }

  [[nodiscard]] Result<Response> failed(const Request& request, const Error& error) const {
    return std::unexpected(
        Error{error.failure, request.method + " " + origin(base_url_) + ": " + error.message});
  }

  std::string base_url_;
  std::shared_ptr<const TlsContext> tls_;
  Slots slots_;
  std::unique_ptr<cpprest::client::http_client> client_;
  std::string problem_;  // why nothing can be sent
};

}  // namespace

void start_io() {
  static std::once_flag once;
  std::call_once(once, [] {
    (void)system_trust();
    try {
      crossplat::threadpool::initialize_with_threads(1);
    } catch (const std::exception&) {
      // Somebody has started them already: theirs serve as well.
      return;
    }
  });
}

std::unique_ptr<Transport> make_transport(const std::string& base_url, const Tls& tls, int max_in_flight) {
  start_io();
  return std::make_unique<CpprestTransport>(base_url, tls, max_in_flight);
}

}  // namespace weir::http
