// How the API server is reached and as whom: from a kubeconfig, or from the pod's ServiceAccount.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "operator/base/clock.h"
#include "operator/http/transport.h"

namespace weir::kube {

// A bearer token. Thread-safe.
class Token {
 public:
  // As it is; empty: there is none.
  explicit Token(std::string value) : value_(std::move(value)) {}
  // From a file that is read again as it rotates, at most once a minute. `clock` is the caller's.
  Token(std::string file, const base::Clock& clock) : file_(std::move(file)), clock_(&clock) {}

  // While the file cannot be read the last token goes on.
  [[nodiscard]] std::string value();
  // The server answered 401: the file is read again for the next `value`.
  void refused();

 private:
  std::mutex mutex_;
  std::string value_;
  std::string file_;
  const base::Clock* clock_ = nullptr;
  std::optional<base::Clock::Steady> read_at_;
};

struct Connection {
  std::string base_url;  // without a slash at its end
  http::Tls tls;
  std::shared_ptr<Token> token;  // never null
  std::string name_space;        // where names without a namespace are looked for; never empty
};

// What `load_connection` reads beside the files; tests bring their own.
struct Environment {
  std::function<std::optional<std::string>(const std::string&)> variable;  // of the process
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
};
[[nodiscard]] Environment process_environment();

struct ConnectionChoice {
  std::string kubeconfig;  // path; empty: see load_connection
  std::string context;     // empty: the current one
};

// The first there is of: the kubeconfig given, $KUBECONFIG (files joined by ':'), the pod's ServiceAccount
// (unless a context is named), ~/.kube/config. The error is a sentence that names the file and the field.
[[nodiscard]] std::expected<Connection, std::string> load_connection(const ConnectionChoice& choice,
                                                                     const base::Clock& clock,
                                                                     const Environment& environment);

}  // namespace weir::kube
