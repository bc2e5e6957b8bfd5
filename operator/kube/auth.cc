#include "operator/kube/auth.h"

#include <cstdlib>
#include <filesystem>

#include "operator/kube/kubeconfig.h"

namespace weir::kube {
namespace {

constexpr std::chrono::minutes kTokenAge{1};

std::string trimmed(std::string text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  text.erase(end == std::string::npos ? 0 : end + 1);
  return text;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> paths;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    if (end > begin) paths.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return paths;
}

// The library cannot connect to an IPv6 address that is written in a URL; the API server has this name in
// every cluster, and its certificate carries it.
std::string host_in_url(const std::string& host) {
  return host.contains(':') ? "kubernetes.default.svc" : host;
}

std::expected<Connection, std::string> in_cluster(const std::string& host, const base::Clock& clock,
                                                  const Environment& environment) {
  const std::string& folder = environment.service_account;
  const auto ca = read_file(folder + "/ca.crt");
  if (!ca) return std::unexpected("in-cluster configuration: " + ca.error());
  const auto name_space = read_file(folder + "/namespace");
  Connection connection;
  connection.base_url =
      "https://" + host_in_url(host) + ":" + environment.variable("KUBERNETES_SERVICE_PORT").value_or("443");
  connection.tls.ca = *ca;
  connection.token = std::make_shared<Token>(folder + "/token", clock);
  connection.name_space = name_space && !name_space->empty() ? trimmed(*name_space) : "default";
  if (connection.token->value().empty()) {
    return std::unexpected("in-cluster configuration: " + folder + "/token holds no token");
  }
  return connection;
}

}  // namespace

std::string Token::value() {
  const std::lock_guard lock(mutex_);
  if (file_.empty()) return value_;
  const auto now = clock_->steady();
  if (read_at_ && now - *read_at_ < kTokenAge) return value_;
  if (const auto content = read_file(file_); content && !trimmed(*content).empty()) {
    value_ = trimmed(*content);
    read_at_ = now;
  }
  return value_;
}

void Token::refused() {
  const std::lock_guard lock(mutex_);
  read_at_.reset();
}

Environment process_environment() {
  Environment environment;
  environment.variable = [](const std::string& name) -> std::optional<std::string> {
    const char* value =
        std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): read before threads start
    if (value == nullptr) return std::nullopt;
    return value;
  };
  return environment;
}

std::expected<Connection, std::string> load_connection(const ConnectionChoice& choice,
                                                       const base::Clock& clock,
                                                       const Environment& environment) {
  if (!choice.kubeconfig.empty()) return read_kubeconfig({choice.kubeconfig}, choice.context, clock);
  if (const auto list = environment.variable("KUBECONFIG").value_or(""); !list.empty()) {
    return read_kubeconfig(split(list), choice.context, clock);
  }
  if (const auto host = environment.variable("KUBERNETES_SERVICE_HOST"); host && choice.context.empty()) {
    return in_cluster(*host, clock, environment);
  }
  const std::string home = environment.variable("HOME").value_or("");
  return read_kubeconfig({home + "/.kube/config"}, choice.context, clock);
}

}  // namespace weir::kube
