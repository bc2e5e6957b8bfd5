// What comes next for a release, from what it asks for and how it stands: for the state machine, which acts
// by it, and for everybody who tells a person. Nobody computes it a second time.
#pragma once

#include <optional>

#include "strategies/plan.h"

namespace weir::strategies {

struct Outlook {
  // When the next interval of this step is judged.
  std::optional<TimePoint> next_check;
  // Since when the step's weight has reached every proxy: samples from before do not count.
  std::optional<TimePoint> samples_from;
  // Until when a weight of the promotion is held; the last one is not.
  std::optional<TimePoint> promotion_step_over;
  // When the release is taken back unless it makes headway before.
  std::optional<TimePoint> deadline;
  // When the phase has lasted for the progress deadline: what it could do without is not waited for longer.
  TimePoint end_of_phase;
  // When stable's pods go, if somebody still has a use for them.
  std::optional<TimePoint> stable_released;
};

// It is behind another release of its Service, which takes as long as it takes.
[[nodiscard]] bool waits_behind_another(const Status& status);

// `watched_since`: since when an operator looks after the release without a pause; empty: all the time. No
// status has it: whoever knows the status only gets the earliest `deadline` and `end_of_phase`, which come
// later if no operator was there for a while, and must say so. All other times are the same for everybody.
//
// What does not come by itself is empty: a suspended release, and one that waits behind another, has no
// deadline. A suspended one is judged all the same.
[[nodiscard]] Outlook outlook(const Spec& spec, const Status& status,
                              std::optional<TimePoint> watched_since = std::nullopt);

}  // namespace weir::strategies
