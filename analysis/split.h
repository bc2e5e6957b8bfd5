// Whether requests are divided between the versions as the routes say.
#pragma once

#include <string>
#include <vector>

#include "analysis/check.h"

namespace weir::analysis {

// Requests of the Service that one proxy has sent to each version. Whole numbers.
struct Sent {
  std::string proxy;  // for a person: "gateway-7d5 (gateway.istio-system)"
  double candidate = 0;
  double stable = 0;
  bool trusted = true;  // its namespace is one of Subject::trusted, or the release's own, or not known
  [[nodiscard]] double total() const { return candidate + stable; }
};

// How often requests that are divided as the weight says are taken for others, of one look.
inline constexpr double kSplitAlpha = 1e-4;

// The candidate's part of these requests against its weight in per cent, by the exact binomial distribution
// (binomial.h), on both sides together with probability `alpha`. At 0 and at 100 one request of the other
// version is enough to differ. NotCounted: of so few a proxy that sends all to one version, or half to each,
// would not be told from one that follows.
[[nodiscard]] Division divide(int weight, double candidate, double stable, double alpha = kSplitAlpha);

// Of `subject.weight`: all proxies together, and each alone. Those that are not trusted can only make it
// UntrustedDiffers: neither do they outweigh the others, nor hide that these differ. `since`: "in the last
// 60s".
[[nodiscard]] Split compare_split(const Subject& subject, const std::vector<Sent>& sent,
                                  const std::string& since);

}  // namespace weir::analysis
