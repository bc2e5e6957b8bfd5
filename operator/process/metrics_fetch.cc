#include "operator/process/metrics_fetch.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "operator/base/base64.h"
#include "operator/outside/fetch.h"

namespace weir::process {

namespace {

std::map<std::string, std::string> headers_of(const analysis::Request& request) {
  auto headers = request.headers;
  if (const auto& basic = request.basic_auth)
    headers["Authorization"] = "Basic " + base::encode_base64(basic->username + ":" + basic->password);
  return headers;
}

}  // namespace

analysis::Fetch make_metrics_fetch(report::Metrics& metrics, const base::Clock& clock, std::stop_token stop) {
  const auto count = [&metrics](const http::Result<http::Response>& answer, report::Duration took) {
    metrics.count_prometheus_query(answer && answer->status / 100 == 2, took);
  };
  return [fetch = std::make_shared<outside::Fetch>(clock, std::move(stop), count)](
             const analysis::Request& request) -> std::expected<analysis::Answer, std::string> {
    auto answer = (*fetch)(
        {.asker = {.name_space = request.asker.name_space, .built_in = request.asker.built_in},
         .method = request.method,
         .url = request.url,
         .headers = headers_of(request),
         .body = request.body,
         .tls = {.ca = request.tls.ca_bundle, .insecure_skip_verify = request.tls.insecure_skip_verify},
         .timeout = request.timeout.value_or(outside::kFetchTimeout),
         .max_body = request.max_body});
    if (!answer) return std::unexpected(std::move(answer.error()));
    return analysis::Answer{
        .status = answer->status, .body = std::move(answer->body), .too_large = answer->too_large};
  };
}

}  // namespace weir::process
