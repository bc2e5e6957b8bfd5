// One interval of the sequential judge: what the provider counted in it, taken into the evidence.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "analysis/judge.h"
#include "analysis/provider.h"
#include "analysis/sequential.h"

namespace weir::analysis {

// Stable's counts before the release: how long is looked back, and in how many intervals its dispersion is
// taken.
inline constexpr int kHistoryIntervals = 60;
// So many of the analysis' intervals, but ten minutes at least and an hour at most.
[[nodiscard]] Seconds history_length(Seconds interval);
// After a pause no more than this is caught up with.
inline constexpr Seconds kLongestInterval{3600};

struct Compared {
  Trial trial;
  Look look;
  bool counted = false;     // the interval is part of the trial now
  std::string no_data;      // why it is not; empty if it is
  bool all_failed = false;  // there were requests of the candidate, and none succeeded
  std::string remark;       // what the failures are counted with beside the usual; or empty
  std::vector<std::string> warnings;
};

// Takes the built-in metrics of `inquiry` from the end of the last interval that was counted up to
// `inquiry.window.end`, a whole second of it. Nothing is counted while the candidate had no request, or
// stable had none though it should: what was scraped late falls in the next interval. Blocks as
// the provider does.
[[nodiscard]] std::expected<Compared, ProviderError> compare(RequestCounter& counter, const Inquiry& inquiry);

}  // namespace weir::analysis
