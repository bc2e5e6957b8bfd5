// Whether a simulated process lives, stands still, and what its clock says.
#pragma once

#include <functional>

#include "operator/base/clock.h"
#include "test/simulation/executor.h"

namespace weir::simulation {

// Thrown through the operator's code out of any call that reaches the outside once its process has died:
// nothing of it goes on, as after a SIGKILL. No std::exception, so that nobody takes it for a failure of a
// library.
struct Killed {};

// The clock of one process, with faults of its own.
class ProcessClock final : public base::Clock {
 public:
  explicit ProcessClock(const base::Clock& cluster) : cluster_(cluster) {}
  [[nodiscard]] Wall wall() const override { return cluster_.wall() + skew_; }
  [[nodiscard]] Steady steady() const override { return cluster_.steady() - stopped_; }

  void jump(Millis by) { skew_ += by; }
  // The machine was suspended for so long: its monotonic clock did not count that time.
  void lose(Millis time) { stopped_ += time; }

 private:
  const base::Clock& cluster_;
  Millis skew_{0};
  Millis stopped_{0};
};

class Life {
 public:
  Life(Executor& executor, const base::Clock& cluster) : clock(cluster), executor_(executor) {}

  ProcessClock clock;

  void kill() { dead_ = true; }
  [[nodiscard]] bool dead() const { return dead_; }
  // Nothing of the process goes on for so long; what others send it waits.
  void freeze(Millis duration, bool clock_stops);

  // Lets the process do something now, or when it is no longer frozen; nothing if it is dead.
  void enter(const Executor::Task& task);
  // To be called wherever the process has waited for the outside.
  void check();

 private:
  Executor& executor_;
  Millis frozen_until_{0};
  bool dead_ = false;
};

}  // namespace weir::simulation
