// One round of the operator in the small world: observe, decide, act, and what every write came to.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "strategies/plan.h"
#include "test/explore/world.h"

namespace weir::explore {

// What is explored: strategies::decide, or a broken one that must be found out.
using Decide = std::function<strategies::Decision(const strategies::Release&, const strategies::Observed&,
                                                  strategies::TimePoint)>;

// Each is one write to the API server.
enum class Deed : Byte {
  Status,
  Finalizer,
  LetGo,
  MakeOwnService,
  DeleteOwnService,
  Prepare,
  CleanUp,
  Route,
  Restore,
  Select,
  ScaleUp,
  ScaleDown,
  RemoveLeftovers
};
[[nodiscard]] std::string_view to_string(Deed deed);

struct Written {
  Deed deed = Deed::Status;
  World after;
};

struct Round {
  World seen;                   // as it was when it was decided
  std::vector<Written> writes;  // in order; the first that the API server refuses ends the round
  World after;                  // with what the process remembers; but for that as after the last write
};

[[nodiscard]] Round run_round(const World& world, const Decide& decide);

// Another process takes its place: it lists everything anew, and knows nothing of before.
void restart(World& world);

}  // namespace weir::explore
