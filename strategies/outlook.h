// What comes next for a release, from what it asks for and how it stands: for the state machine, which acts
// by it, and for everybody who tells a person. Nobody computes it a second time.
#pragma once

#include <optional>

#include "strategies/plan.h"

namespace weir::strategies {

struct Outlook {
  std::optional<TimePoint> next_check;       // when the next interval of this step is judged
  std::optional<TimePoint> deadline;         // when the release is taken back unless it makes headway before
  std::optional<TimePoint> stable_released;  // when stable's pods go, if somebody still has a use for them
};

// `watched_since`: since when an operator looks after the release without a pause; empty: all the time. What
// does not come by itself is empty: a suspended release, and one that waits behind another, has no deadline.
// A suspended one is judged all the same.
[[nodiscard]] Outlook outlook(const Spec& spec, const Status& status,
                              std::optional<TimePoint> watched_since = std::nullopt);

}  // namespace weir::strategies
