// Judges one interval of a release by asking Prometheus.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analysis/check.h"
#include "analysis/fetch.h"

namespace weir::analysis {

// What is to be judged of one interval.
struct Inquiry {
  std::vector<Metric> metrics;
  Subject subject;
  Window window;
  JudgeSettings judge;
  int step = 1;  // 1-based, of `steps`
  int steps = 1;
  std::string evidence;  // Judgement::evidence of the interval before; empty: none is known
};

// Judges every metric over the window. Thread-safe; blocks for as long as `fetch` does.
class Judge {
 public:
  virtual ~Judge() = default;
  [[nodiscard]] virtual Judgement judge(const Inquiry& inquiry) = 0;
};

// `address` is the operator's own Prometheus ("http://prometheus.monitoring:9090"), used by metrics without
// one. One built-in query serves all releases of a namespace with the same window; answers are shared for the
// same window.
[[nodiscard]] std::unique_ptr<Judge> make_prometheus_judge(std::string address, Fetch fetch);

}  // namespace weir::analysis
