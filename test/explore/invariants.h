// What must hold in the small world, by the names of docs/reliability.md: judged by what a request would
// meet, from the objects and from what the proxies have, and never by what the operator believes.
//
// The operator answers for its own writes, and for what a proxy comes to by taking them. What an edit breaks
// is its author's: it counts against the operator only if it makes it worse, or leaves it so when nothing
// more will happen.
#pragma once

#include <optional>
#include <string>

#include "test/explore/events.h"

namespace weir::explore {

struct Breach {
  std::string name;  // S5, lost, L3 …
  std::string message;
  friend bool operator==(const Breach&, const Breach&) = default;
};

// Of one event; empty: everything holds.
[[nodiscard]] std::optional<Breach> breach_of(const Step& step);
// Of a state in which nothing will happen any more unless somebody edits an object or a process dies.
[[nodiscard]] std::optional<Breach> breach_at_rest(const World& world);

}  // namespace weir::explore
