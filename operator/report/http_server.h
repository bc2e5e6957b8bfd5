// The operator's own small HTTP server: metrics and health.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace weir::report {

// What the server tells. Called from the server's own thread: they answer from memory, at once.
struct Endpoints {
  std::function<std::string()> metrics;  // Prometheus' text format
  std::function<std::optional<std::string>()>
      unwell;  // why the process should be restarted; empty: it is well
  std::function<std::optional<std::string>()> unready;  // why it cannot do its work now; empty: it can
};

// Serves GET /metrics, /healthz and /readyz ("ok", or 503 and the reason) until it is destroyed.
class HttpServer {
 public:
  // `listen` is "address:port": an IPv4 address, an IPv6 address in brackets or a host name; 0.0.0.0 stands
  // for every address of IPv4, [::] for every address of both families. The error is a sentence that names
  // it.
  [[nodiscard]] static std::expected<std::unique_ptr<HttpServer>, std::string> start(
      const std::string& listen, Endpoints endpoints);
  virtual ~HttpServer() = default;
};

}  // namespace weir::report
