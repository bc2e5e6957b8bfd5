#include "operator/kube/clock.h"

#include <spdlog/fmt/fmt.h>

#include <condition_variable>

namespace weir::kube {

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

namespace {

std::string date_and_time(Clock::Wall time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace

std::string format_seconds(Clock::Wall time) { return date_and_time(time) + "Z"; }

std::string format_micros(Clock::Wall time) {
  const auto millis = time - std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{}.{:03}000Z", date_and_time(time), millis.count());
}

}  // namespace weir::kube
