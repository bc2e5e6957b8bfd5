// `kubectl weir backtest`: the judges over recorded data.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analysis/judge.h"
#include "operator/canary/canary.h"
#include "operator/cli/cli.h"
#include "operator/routing/trust.h"

namespace weir::cli {

struct Replay {
  canary::Canary canary;
  std::string stable;  // Deployment that served before
  int weight = 0;      // per cent, that the candidate had
  analysis::TimePoint from, to;
  routing::TrustedNamespaces trusted;
};

// What the interval that ends at `at` came to.
struct Replayed {
  analysis::TimePoint at;
  analysis::Judgement judgement;
  int failed_checks = 0;  // so far
};

// Intervals in a row without an answer of the provider after which a replay ends: the others would not get
// one either, and each may wait for its time limit.
inline constexpr int kMostWithoutAnswer = 3;

// Judges interval after interval as one step, until the release would have been taken back, the provider has
// not answered kMostWithoutAnswer times in a row, or the end. `on_interval` is told of each as soon as it is
// known. Metrics with a template are left out: they have no query here.
[[nodiscard]] std::vector<Replayed> replay(analysis::Judge& judge, const Replay& past,
                                           const std::function<void(const Replayed&)>& on_interval);

// Of how many intervals anything was measured or counted; the verdict of the others is what a policy makes of
// no answer.
[[nodiscard]] int judged(const std::vector<Replayed>& intervals);

// Exits with kFailed where nothing was judged, or not to the end.
[[nodiscard]] int backtest(const Arguments& arguments, Console& console);

}  // namespace weir::cli
