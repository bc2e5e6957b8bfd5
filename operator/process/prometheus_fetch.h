// How the analysis reaches a Prometheus: over one kept transport for each server.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "analysis/judge.h"
#include "operator/http/transport.h"
#include "operator/report/metrics.h"

namespace weir::process {

// Thread-safe.
class PrometheusFetch {
 public:
  // Borrows `metrics`; `stop` ends every query under way.
  PrometheusFetch(report::Metrics& metrics, std::stop_token stop)
      : metrics_(metrics), stop_(std::move(stop)) {}

  [[nodiscard]] std::expected<analysis::Answer, std::string> operator()(
      const std::string& url, const std::map<std::string, std::string>& headers, bool insecure_skip_verify);

 private:
  [[nodiscard]] http::Transport& transport(const std::string& base_url, bool insecure_skip_verify);

  report::Metrics& metrics_;
  std::stop_token stop_;
  std::mutex mutex_;
  std::map<std::pair<std::string, bool>, std::unique_ptr<http::Transport>> transports_;
};

}  // namespace weir::process
