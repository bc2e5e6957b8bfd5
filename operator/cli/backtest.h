// `kubectl weir backtest`: the judges over recorded data.
#pragma once

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
  routing::TrustedNamespaces trusted = {};
};

// What the interval that ends at `at` came to.
struct Replayed {
  analysis::TimePoint at;
  analysis::Judgement judgement;
  int failed_checks = 0;  // so far
};

// Judges interval after interval as one step, until the release would have been taken back, or the end.
// Metrics with a template are left out: they have no query here.
[[nodiscard]] std::vector<Replayed> replay(analysis::Judge& judge, const Replay& past);

[[nodiscard]] int backtest(const Arguments& arguments, Console& console);

}  // namespace weir::cli
