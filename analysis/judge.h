// Judges one interval of a release by asking providers of metrics.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analysis/check.h"
#include "analysis/fetch.h"
#include "analysis/provider.h"

namespace weir::analysis {

// What is to be judged of one interval.
struct Inquiry {
  std::vector<Metric> metrics;
  Subject subject;
  Window window;
  JudgeSettings judge;
  int step = 1;  // 1-based, of `steps`
  int steps = 1;
  std::string evidence;              // Judgement::evidence of the interval before; empty: none is known
  bool counts_split = false;         // what proxies send to each version is counted as well
  bool counts_direct = false;        // with those requests to the Service that no divided route carries
  bool counts_only_trusted = false;  // without those of proxies that are not trusted (Subject::trusted)
};

// Judges every metric over the window. Thread-safe; blocks for as long as the providers do.
class Judge {
 public:
  virtual ~Judge() = default;
  [[nodiscard]] virtual Judgement judge(const Inquiry& inquiry) = 0;
};

// Asks of each metric the provider that it names; `own`, which is one of `providers`, of a metric that names
// none, and for the counts of the sequential judge.
[[nodiscard]] std::unique_ptr<Judge> make_judge(Providers providers, std::string own);

// Over all providers there are (providers/registry.h). `address` is the operator's own Prometheus
// ("http://prometheus.monitoring:9090"), used by metrics without one. One built-in query serves all releases
// of a namespace with the same window; answers are shared for the same window.
[[nodiscard]] std::unique_ptr<Judge> make_prometheus_judge(std::string address, Fetch fetch);

}  // namespace weir::analysis
