// Whose turn it is to send a request: a token bucket with a queue that puts urgent requests first, and the
// pause that the server asked for. Decides only; who waits, and on which clock, is the caller's.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <set>

#include "operator/base/clock.h"

namespace weir::kube {

enum class Urgency {
  Urgent,   // takes traffic back: a rollback, the repair of a route
  Ordinary  // can wait
};

// In any time t at most burst + rate · t turns are given, urgent ones among them. An urgent request goes
// before every ordinary one that waits, however long it has waited; among equals the first comes first.
// Thread-safe.
class RateLimit {
 public:
  // A place in the queue.
  struct Place {
    Urgency urgency = Urgency::Ordinary;
    std::uint64_t number = 0;
  };

  // No server makes ordinary requests wait longer than this, whatever it asks for.
  static constexpr std::chrono::seconds kLongestHold{30};

  // `burst` is at least one. A rate of 0 sets no limit.
  RateLimit(double per_second, int burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}

  // Queues up. The place is given back by a `wait` that answers zero, or by `leave`.
  [[nodiscard]] Place queue(Urgency urgency) {
    const std::lock_guard lock(mutex_);
    const Place place{urgency, ++last_};
    waiting(urgency).insert(place.number);
    return place;
  }

  // Zero: it is this one's turn, and it is taken. Else ask again after that long: it can take longer if
  // urgent ones come meanwhile.
  [[nodiscard]] std::chrono::milliseconds wait(const Place& place, base::Clock::Steady now) {
    const std::lock_guard lock(mutex_);
    refill(now);
    auto& mine = waiting(place.urgency);
    const auto found = mine.find(place.number);
    auto ahead = std::distance(mine.begin(), found);
    if (place.urgency == Urgency::Ordinary) ahead += std::ssize(waiting(Urgency::Urgent));
    const double missing = per_second_ <= 0 ? 0 : static_cast<double>(ahead) + 1 - tokens_;
    if (missing > kRounding) {
      return std::chrono::ceil<std::chrono::milliseconds>(
          std::chrono::duration<double>(missing / per_second_));
    }
    mine.erase(found);
    tokens_ -= 1;
    return std::chrono::milliseconds(0);
  }

  void leave(const Place& place) {
    const std::lock_guard lock(mutex_);
    waiting(place.urgency).erase(place.number);
  }

  // The server has asked for a pause (429 with Retry-After). A shorter one does not end a longer one.
  void hold(std::chrono::seconds asked, base::Clock::Steady now) {
    const std::lock_guard lock(mutex_);
    held_until_ = std::max(held_until_, now + std::min(asked, kLongestHold));
  }

  // How much of the pause is left for such a request. Never any for an urgent one.
  [[nodiscard]] std::chrono::milliseconds held(Urgency urgency, base::Clock::Steady now) const {
    const std::lock_guard lock(mutex_);
    if (urgency == Urgency::Urgent || now >= held_until_) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(held_until_ - now);
  }

 private:
  // Of a token: what is lost by counting in doubles must not cost a millisecond.
  static constexpr double kRounding = 1e-6;

  [[nodiscard]] std::set<std::uint64_t>& waiting(Urgency urgency) {
    return waiting_[urgency == Urgency::Urgent ? 0 : 1];
  }

  void refill(base::Clock::Steady now) {
    if (filled_at_ == base::Clock::Steady()) filled_at_ = now;
    if (now <= filled_at_) return;
    const double passed = std::chrono::duration<double>(now - filled_at_).count();
    tokens_ = std::min(burst_, tokens_ + passed * per_second_);
    filled_at_ = now;
  }

  const double per_second_;
  const double burst_;
  mutable std::mutex mutex_;
  double tokens_;  // never below zero but for rounding
  base::Clock::Steady filled_at_;
  base::Clock::Steady held_until_;
  std::uint64_t last_ = 0;
  std::array<std::set<std::uint64_t>, 2> waiting_;  // numbers of the places, urgent ones first
};

}  // namespace weir::kube
