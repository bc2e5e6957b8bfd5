// A way through the small world, for people.
#pragma once

#include <string>
#include <vector>

#include "test/explore/search.h"

namespace weir::explore {

// One line an event, each followed by what it changed, and the broken invariant in the end.
[[nodiscard]] std::vector<std::string> timeline_of(const Finding& finding, const Limits& limits,
                                                   const Decide& decide);

}  // namespace weir::explore
