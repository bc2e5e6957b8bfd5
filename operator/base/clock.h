// Time as the operator reads it: passed in everywhere, so that tests and plans own it.
#pragma once

#include <chrono>
#include <mutex>
#include <stop_token>

namespace weir::base {

// Thread-safe.
class Clock {
 public:
  // Wall-clock time, as the API server writes it. May jump.
  using Wall = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;
  // Monotonic time of this process: what deadlines and ages are measured by.
  using Steady = std::chrono::steady_clock::time_point;

  virtual ~Clock() = default;
  [[nodiscard]] virtual Wall wall() const = 0;
  [[nodiscard]] virtual Steady steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Wall wall() const override;
  [[nodiscard]] Steady steady() const override;
};

// Stands still until it is told to move; wall and steady time move together.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(Wall start = Wall(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)));
  [[nodiscard]] Wall wall() const override;
  [[nodiscard]] Steady steady() const override;
  void advance(std::chrono::milliseconds by);

 private:
  mutable std::mutex mutex_;
  Wall wall_;
  Steady steady_;
};

// Lets real time pass. False as soon as `stop` is requested.
[[nodiscard]] bool pause(std::chrono::milliseconds duration, std::stop_token stop);

}  // namespace weir::base
