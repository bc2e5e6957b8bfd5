#include "test/simulation/life.h"

#include <algorithm>

namespace weir::simulation {

void Life::freeze(Millis duration, bool clock_stops) {
  const Millis until = executor_.now() + duration;
  if (clock_stops) executor_.at(until, [this, duration] { clock.lose(duration); });
  frozen_until_ = std::max(frozen_until_, until);
}

void Life::enter(const Executor::Task& task) {
  if (dead_) return;
  if (executor_.now() < frozen_until_) {
    executor_.at(frozen_until_, [this, task] { enter(task); });
    return;
  }
  try {
    task();
  } catch (const Killed&) {
  }
}

void Life::check() {
  // It may be stopped again before it goes on.
  while (executor_.now() < frozen_until_) executor_.run_until(frozen_until_);
  if (dead_) throw Killed{};
}

}  // namespace weir::simulation
