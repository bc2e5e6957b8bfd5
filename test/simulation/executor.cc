#include "test/simulation/executor.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

namespace weir::simulation {
namespace {

// Where simulated time begins: any fixed moment will do.
constexpr base::Clock::Wall kStart{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};
// A process does not start when its machine does, and no age is measured from zero.
constexpr std::chrono::hours kUptime{1'000};

}  // namespace

void Executor::at(Millis when, Task task) {
  tasks_.emplace(std::pair(std::max(when, now_), given_++), std::move(task));
}

void Executor::run_until(Millis end) {
  if (depth_ >= kDeepest) return;
  ++depth_;
  const auto leave = [this] { --depth_; };
  try {
    while (!tasks_.empty() && tasks_.begin()->first.first <= end) {
      auto node = tasks_.extract(tasks_.begin());
      now_ = std::max(now_, node.key().first);
      node.mapped()();
      if (observer_) observer_();
    }
  } catch (...) {
    leave();
    throw;
  }
  leave();
  now_ = std::max(now_, end);
}

base::Clock::Wall ClusterClock::wall() const { return kStart + executor_.now(); }

base::Clock::Steady ClusterClock::steady() const { return Steady(kUptime) + executor_.now(); }

std::string to_text(Millis time) {
  return fmt::format("{:8.3f} s", std::chrono::duration<double>(time).count());
}

}  // namespace weir::simulation
