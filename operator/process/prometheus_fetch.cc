#include "operator/process/prometheus_fetch.h"

namespace weir::process {
namespace {

// A query that takes longer says nothing in time; Prometheus' own limit is two minutes.
constexpr std::chrono::milliseconds kTimeout{10'000};
constexpr std::size_t kLargestAnswer = std::size_t{8} << 20;  // bytes

// "https://host:port" of a URL.
std::string base_of(const std::string& url) {
  const auto scheme = url.find("://");
  const auto path = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  return url.substr(0, path);
}

}  // namespace

http::Transport& PrometheusFetch::transport(const std::string& base_url, bool insecure_skip_verify) {
  const std::scoped_lock lock(mutex_);
  auto& known = transports_[{base_url, insecure_skip_verify}];
  if (!known) known = http::make_transport(base_url, {.insecure_skip_verify = insecure_skip_verify});
  return *known;
}

std::expected<analysis::Answer, std::string> PrometheusFetch::operator()(
    const std::string& url, const std::map<std::string, std::string>& headers, bool insecure_skip_verify) {
  const auto begin = std::chrono::steady_clock::now();
  const http::Request request{
      .url = url, .headers = headers, .timeout = kTimeout, .max_body = kLargestAnswer};
  auto answer = transport(base_of(url), insecure_skip_verify).send(request, stop_);
  const bool succeeded = answer && answer->status / 100 == 2;
  metrics_.count_prometheus_query(succeeded, std::chrono::steady_clock::now() - begin);
  if (!answer) return std::unexpected(answer.error().message);
  return analysis::Answer{.status = answer->status, .body = std::move(answer->body)};
}

}  // namespace weir::process
