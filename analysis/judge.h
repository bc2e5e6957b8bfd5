// Judges one interval of a release by asking Prometheus.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "analysis/check.h"

namespace weir::analysis {

// How the analysis reaches a Prometheus: GET `url` with `headers`; the body of a 2xx answer, or a sentence
// saying why there is none. The edges provide it. Thread-safe.
struct Answer {
  int status = 0;  // of HTTP
  std::string body;
};
using Fetch = std::function<std::expected<Answer, std::string>(
    const std::string& url, const std::map<std::string, std::string>& headers, bool insecure_skip_verify)>;

// Judges every metric over the window. Thread-safe; blocks for as long as `fetch` does.
class Judge {
 public:
  virtual ~Judge() = default;
  [[nodiscard]] virtual Judgement judge(const std::vector<Metric>& metrics, const Subject& subject,
                                        const Window& window) = 0;
};

// `address` is the operator's own Prometheus ("http://prometheus.monitoring:9090"), used by metrics without
// one. One built-in query serves all releases of a namespace with the same window; answers are shared for the
// same window.
[[nodiscard]] std::unique_ptr<Judge> make_prometheus_judge(std::string address, Fetch fetch);

}  // namespace weir::analysis
