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
// How much sooner or later than expected a namespace that had to wait may ask again, and still has its turn.
inline constexpr std::chrono::minutes kTurnKept{2};

// A namespace has one trial at a time, and those that have to wait take turns: however many servers of others
// hang, each namespace has its trial. Not thread-safe.
class Trials {
 public:
  // Whether a trial of the namespace begins at `now`; `end` follows when it is over. False: it waits for its
  // turn, which comes while it goes on asking. `every`: how far apart it asks. Until it is expected again its
  // turn keeps nobody from a trial.
  [[nodiscard]] bool begin(const std::string& name_space, base::Clock::Steady now,
                           base::Clock::Steady::duration every = {});
  void end(const std::string& name_space);

 private:
  struct Waiting {
    std::string name_space;
    base::Clock::Steady from, until;  // it is expected to ask again
  };

  std::set<std::string> under_way_;
  std::vector<Waiting> waiting_;  // in the order of their turns
};

}  // namespace weir::outside
