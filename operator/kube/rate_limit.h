// A token bucket: so many requests a second on average, so many at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>

#include "operator/kube/clock.h"

namespace weir::kube {

// Thread-safe.
class RateLimit {
 public:
  // `burst` is at least one. A rate of 0 sets no limit.
  RateLimit(double per_second, int burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}

  // Takes a turn and says how long to wait for it. Turns come in the order in which they are taken.
  [[nodiscard]] std::chrono::milliseconds take(Clock::Steady now) {
    if (per_second_ <= 0) return std::chrono::milliseconds(0);
    const std::lock_guard lock(mutex_);
    if (filled_at_ == Clock::Steady()) filled_at_ = now;
    const double passed = std::chrono::duration<double>(now - filled_at_).count();
    filled_at_ = std::max(filled_at_, now);
    tokens_ = std::min(burst_, tokens_ + std::max(0.0, passed) * per_second_) - 1;
    if (tokens_ >= 0) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(
        std::chrono::duration<double>(-tokens_ / per_second_));
  }

 private:
  const double per_second_;
  const double burst_;
  std::mutex mutex_;
  double tokens_;
  Clock::Steady filled_at_;
};

}  // namespace weir::kube
