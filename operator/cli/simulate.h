// `kubectl weir simulate`: what a release would come to, before there is one.
#pragma once

#include <cstdint>
#include <vector>

#include "operator/cli/cli.h"
#include "operator/cli/rehearsal.h"

namespace weir::cli {

inline constexpr int kDefaultRuns = 1000;
inline constexpr int kMaxRuns = 1'000'000;

struct Quantiles {
  double mean = 0;
  double median = 0;
  double p90 = 0;
};
// Of no values: zeros.
[[nodiscard]] Quantiles quantiles_of(std::vector<double> values);

struct Rehearsals {
  int runs = 0;
  int promoted = 0;
  int rolled_back = 0;
  Quantiles requests;  // of the candidate, until the end
  Quantiles failures;  // among them
  Quantiles seconds;   // until the end, of runs that have one
  Quantiles seconds_to_promotion;
  Quantiles seconds_to_rollback;
  std::uint64_t typical = 0;  // seed of a run that ended as most did, in about the median time

  [[nodiscard]] int unfinished() const { return runs - promoted - rolled_back; }
};

// Runs with seeds drawn from `seed`.
[[nodiscard]] Rehearsals rehearse_all(const canary::Canary& canary, const RehearsalOptions& options, int runs,
                                      std::uint64_t seed);

[[nodiscard]] int simulate(const Arguments& arguments, Console& console);

}  // namespace weir::cli
