// Who may try again a server that let requests time out, and that has answered nobody since.
#pragma once

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "operator/base/clock.h"

namespace weir::outside {

// Trials at the same time, so that the desk's threads are left to servers that answer.
inline constexpr std::size_t kMaxTrials = 2;
// How long a namespace that had to wait keeps its turn after it last asked: longer than most intervals.
inline constexpr std::chrono::minutes kTurnKept{2};

// A namespace has one trial at a time, and those that have to wait take turns: however many servers of others
// hang, each namespace has its trial. Not thread-safe.
class Trials {
 public:
  // Whether a trial of the namespace begins at `now`; `end` follows when it is over. False: it waits for its
  // turn, which comes while it goes on asking.
  [[nodiscard]] bool begin(const std::string& name_space, base::Clock::Steady now);
  void end(const std::string& name_space);

 private:
  struct Waiting {
    std::string name_space;
    base::Clock::Steady asked_at;  // last
  };

  std::set<std::string> under_way_;
  std::vector<Waiting> waiting_;  // in the order of their turns
};

}  // namespace weir::outside
