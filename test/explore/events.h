// Everything that can happen next in a state of the small world.
#pragma once

#include <functional>
#include <string>

#include "test/explore/round.h"
#include "test/explore/world.h"

namespace weir::explore {

enum class Kind : Byte {
  Round,     // of the operator, to its end
  CutRound,  // the process dies after `which` writes of it
  Restart,   // the process dies between two rounds
  Watch,     // a watch brings what the API server has, of the kind of objects `which`
  Proxy,     // a proxy takes a change: `which` is 3 × proxy + part
  Verdict,   // the analysis answers: `which` is the Answer
  Pods,      // those of a workload become ready: 0 stable's, 1 the candidate's
  RollOut,   // of the candidate's newest template is done
  Edit,      // `which` of edits()
  Time       // passes, by a unit
};

struct Event {
  Kind kind = Kind::Round;
  Byte which = 0;
  friend bool operator==(const Event&, const Event&) = default;
};
[[nodiscard]] std::string describe(const Event& event);

// One way from a state to the next. `next` is canonical.
struct Step {
  Event event;
  World before;  // in the same form as `after`
  World after;   // not canonical: each proxy stands where it stood
  World next;
  const Round* round = nullptr;  // of events of the operator; what it wrote up to `next` is `writes`
  std::size_t writes = 0;
};

// Calls `visit` with everything that can happen in `world`, in an order that is always the same.
void each_step(const World& world, const Decide& decide, const std::function<void(const Step&)>& visit);

}  // namespace weir::explore
