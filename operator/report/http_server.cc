#include "operator/report/http_server.h"

#include <cpprest/http_listener.h>

#include <exception>
#include <utility>

namespace weir::report {
namespace {

using web::http::http_request;
using web::http::status_codes;
using web::http::experimental::listener::http_listener;

constexpr const char* kPlainText = "text/plain; charset=utf-8";
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

// A client that went away is no concern of ours, but a task's failure that nobody looks at ends the process.
void send(const http_request& request, web::http::status_code status, const std::string& body,
          const char* type) {
  request.reply(status, body, type).then([](const pplx::task<void>& sent) {
    try {
      sent.get();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): see above
    }
  });
}

void send_health(const http_request& request, const std::optional<std::string>& problem) {
  if (problem) {
    send(request, status_codes::ServiceUnavailable, *problem + "\n", kPlainText);
  } else {
    send(request, status_codes::OK, "ok\n", kPlainText);
  }
}

void answer(const http_request& request, const Endpoints& endpoints) {
  const auto path = request.request_uri().path();
  if (path == "/metrics") {
    send(request, status_codes::OK, endpoints.metrics(), kMetricsText);
  } else if (path == "/healthz") {
    send_health(request, endpoints.unwell());
  } else if (path == "/readyz") {
    send_health(request, endpoints.unready());
  } else {
    send(request, status_codes::NotFound, "not found: /metrics, /healthz and /readyz are served\n",
         kPlainText);
  }
}

class ListeningServer final : public HttpServer {
 public:
  ListeningServer(const std::string& listen, Endpoints endpoints)
      : endpoints_(std::move(endpoints)), listener_(web::uri("http://" + listen)) {
    listener_.support([](const http_request& request) {
      send(request, status_codes::MethodNotAllowed, "only GET is served\n", kPlainText);
    });
    listener_.support(web::http::methods::GET,
                      [this](const http_request& request) { answer(request, endpoints_); });
    listener_.open().wait();
  }
  ~ListeningServer() override {
    try {
      listener_.close().wait();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): it is closed one way or the other
    }
  }
  ListeningServer(const ListeningServer&) = delete;
  ListeningServer& operator=(const ListeningServer&) = delete;

 private:
  const Endpoints endpoints_;
  http_listener listener_;
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
