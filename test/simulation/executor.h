// Simulated time and everything that happens in it, one task after another.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "operator/base/clock.h"

namespace weir::simulation {

// Time since the start of the run.
using Millis = std::chrono::milliseconds;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

// Single-threaded. Tasks of the same time run in the order in which they were given.
class Executor {
 public:
  using Task = std::function<void()>;

  [[nodiscard]] Millis now() const { return now_; }
  void at(Millis when, Task task);
  void after(Millis delay, Task task) { at(now_ + delay, std::move(task)); }

  // Runs what is due until `end` and moves time there. A task may call it too, to let time pass while it
  // waits (a request on its way): then others go on meanwhile, as other threads and processes would. Nested
  // deeper than kDeepest it returns at once.
  void run_until(Millis end);

  // Called after each task.
  void after_each(Task observer) { observer_ = std::move(observer); }

 private:
  static constexpr int kDeepest = 12;

  Millis now_{0};
  int depth_ = 0;
  std::uint64_t given_ = 0;
  std::map<std::pair<Millis, std::uint64_t>, Task> tasks_;
  Task observer_;
};

// The clock of the cluster: that of the API server, of its controllers and of Prometheus.
class ClusterClock final : public base::Clock {
 public:
  explicit ClusterClock(const Executor& executor) : executor_(executor) {}
  [[nodiscard]] Wall wall() const override;
  [[nodiscard]] Steady steady() const override;

 private:
  const Executor& executor_;
};

// "  12.345 s": for timelines.
[[nodiscard]] std::string to_text(Millis time);

}  // namespace weir::simulation
