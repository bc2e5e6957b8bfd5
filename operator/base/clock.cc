#include "operator/base/clock.h"

#include <condition_variable>

namespace weir::base {

Clock::Wall SystemClock::wall() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

Clock::Steady SystemClock::steady() const { return std::chrono::steady_clock::now(); }

// The steady side starts away from zero, so that "an hour ago" is a time too.
VirtualClock::VirtualClock(Wall start) : wall_(start), steady_(std::chrono::hours(24)) {}

Clock::Wall VirtualClock::wall() const {
  const std::lock_guard lock(mutex_);
  return wall_;
}

Clock::Steady VirtualClock::steady() const {
  const std::lock_guard lock(mutex_);
  return steady_;
}

void VirtualClock::advance(std::chrono::milliseconds by) {
  const std::lock_guard lock(mutex_);
  wall_ += by;
  steady_ += by;
}

bool pause(std::chrono::milliseconds duration, std::stop_token stop) {
  if (duration <= std::chrono::milliseconds(0)) return !stop.stop_requested();
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any stopped;
  stopped.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace weir::base
