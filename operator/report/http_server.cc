#include "operator/report/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <list>
#include <string_view>
#include <thread>
#include <utility>

namespace weir::report {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using beast::http::status;
using Parser = beast::http::request_parser<beast::http::empty_body>;
using Response = beast::http::response<beast::http::string_body>;

constexpr const char* kPlainText = "text/plain; charset=utf-8";
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

constexpr std::uint32_t kLargestHead = 8'192;                         // bytes of a request
constexpr std::size_t kLargestRead = 2U * std::size_t{kLargestHead};  // bytes
constexpr std::size_t kMostConnections = 64;
// Longer than the time between two scrapes, which share a connection.
constexpr std::chrono::seconds kIdle{90};
constexpr std::chrono::seconds kAfterFailure{1};  // until connections are taken again

struct Answer {
  status code = status::ok;
  std::string body;
  const char* type = kPlainText;
};

Answer health(const std::optional<std::string>& problem) {
  if (problem) return {status::service_unavailable, *problem + "\n"};
  return {status::ok, "ok\n"};
}

Answer answer(std::string_view target, const Endpoints& endpoints) {
  const auto path = target.substr(0, target.find('?'));
  if (path == "/metrics") return {status::ok, endpoints.metrics(), kMetricsText};
  if (path == "/healthz") return health(endpoints.unwell());
  if (path == "/readyz") return health(endpoints.unready());
  return {status::not_found, "not found: /metrics, /healthz and /readyz are served\n"};
}

Answer answer(const beast::http::request<beast::http::empty_body>& request, const Endpoints& endpoints) {
  if (request.method() != beast::http::verb::get) return {status::method_not_allowed, "only GET is served\n"};
  try {
    return answer(std::string_view(request.target().data(), request.target().size()), endpoints);
  } catch (const std::exception& failure) {
    return {status::internal_server_error, std::string(failure.what()) + "\n"};
  }
}

// One connection: a request, its answer, and so on. Lives as long as something is awaited on it.
class Session final : public std::enable_shared_from_this<Session> {
 public:
  using All = std::list<Session*>;  // the one that asked last is the last

  // Stands in `open`, which, as the endpoints, outlives it.
  Session(tcp::socket socket, const Endpoints& endpoints, All& open)
      : stream_(std::move(socket)),
        endpoints_(endpoints),
        open_(open),
        place_(open.insert(open.end(), this)) {}
  ~Session() { open_.erase(place_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void close() { stream_.close(); }

  void read() {
    parser_ = std::make_unique<Parser>();  // one reads one request
    parser_->header_limit(kLargestHead);
    stream_.expires_after(kIdle);
    beast::http::async_read_header(stream_, buffer_, *parser_,
                                   [self = shared_from_this()](const beast::error_code& error, std::size_t) {
                                     if (!error) self->respond();
                                   });
  }

 private:
  void respond() {
    open_.splice(open_.end(), open_, place_);
    stream_.expires_after(kIdle);
    const auto& request = parser_->get();
    auto [code, body, type] = answer(request, endpoints_);
    response_ = Response(code, request.version());
    response_.set(beast::http::field::content_type, type);
    // What follows a head that announces a body is not read.
    response_.keep_alive(request.keep_alive() && parser_->is_done());
    response_.body() = std::move(body);
    response_.prepare_payload();
    beast::http::async_write(stream_, response_,
                             [self = shared_from_this()](const beast::error_code& error, std::size_t) {
                               const bool goes_on = !error && self->response_.keep_alive();
                               self->response_ = {};  // an idle connection keeps no page of metrics
                               if (goes_on) self->read();
                             });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{kLargestRead};
  std::unique_ptr<Parser> parser_;
  Response response_;
  const Endpoints& endpoints_;
  All& open_;
  const All::iterator place_;
};

// "address:port" taken apart; an IPv6 address without its brackets.
std::pair<std::string, std::string> split(const std::string& listen) {
  const auto colon = listen.rfind(':');
  auto host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {std::move(host), listen.substr(colon + 1)};
}

tcp::acceptor bound(asio::io_context& io, const tcp::endpoint& endpoint) {
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol());
  acceptor.set_option(tcp::acceptor::reuse_address(true));
  const bool all = endpoint.address() == asio::ip::address_v6::any();
  if (endpoint.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only(!all));
  acceptor.bind(endpoint);
  acceptor.listen();
  return acceptor;
}

tcp::acceptor listening(asio::io_context& io, const std::string& listen) {
  const auto [host, port] = split(listen);
  const tcp::endpoint endpoint = *tcp::resolver(io).resolve(host, port).begin();
  try {
    return bound(io, endpoint);
  } catch (const boost::system::system_error& failure) {
    // A machine without IPv6 has no other addresses than those of IPv4.
    const bool all = endpoint.address() == asio::ip::address_v6::any();
    if (!all || failure.code() != asio::error::address_family_not_supported) throw;
    return bound(io, {tcp::v4(), endpoint.port()});
  }
}

class ListeningServer final : public HttpServer {
 public:
  ListeningServer(const std::string& listen, Endpoints endpoints)
      : endpoints_(std::move(endpoints)), acceptor_(listening(io_, listen)), again_(io_) {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~ListeningServer() override {
    io_.stop();
    thread_.join();
  }
  ListeningServer(const ListeningServer&) = delete;
  ListeningServer& operator=(const ListeningServer&) = delete;

 private:
  void accept() {
    acceptor_.async_accept([this](const beast::error_code& error, tcp::socket socket) {
      if (error) return accept_later();
      // Whoever asks now comes before those that only stay: the kubelet must not be kept out.
      if (open_.size() >= kMostConnections) open_.front()->close();
      std::make_shared<Session>(std::move(socket), endpoints_, open_)->read();
      accept();
    });
  }

  // There may be no descriptor left.
  void accept_later() {
    again_.expires_after(kAfterFailure);
    again_.async_wait([this](const beast::error_code& error) {
      if (!error) accept();
    });
  }

  const Endpoints endpoints_;
  Session::All open_;
  asio::io_context io_{1};  // ends the sessions: it goes before what they use
  tcp::acceptor acceptor_;
  asio::steady_timer again_;
  std::thread thread_;
};

}  // namespace

std::expected<std::unique_ptr<HttpServer>, std::string> HttpServer::start(const std::string& listen,
                                                                          Endpoints endpoints) {
  try {
    return std::make_unique<ListeningServer>(listen, std::move(endpoints));
  } catch (const std::exception& e) {
    return std::unexpected("cannot serve metrics and health on " + listen + ": " + e.what());
  }
}

}  // namespace weir::report
