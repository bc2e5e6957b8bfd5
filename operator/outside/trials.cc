#include "operator/outside/trials.h"

#include <algorithm>

namespace weir::outside {

bool Trials::begin(const std::string& name_space, base::Clock::Steady now,
                   base::Clock::Steady::duration every) {
  if (under_way_.contains(name_space)) return false;
  std::erase_if(waiting_, [now](const auto& each) { return each.until < now; });
  const auto own = std::ranges::find(waiting_, name_space, &Waiting::name_space);
  const auto before = static_cast<std::size_t>(
      std::count_if(waiting_.begin(), own, [now](const auto& each) { return each.from <= now; }));
  if (under_way_.size() + before < kMaxTrials) {
    if (own != waiting_.end()) waiting_.erase(own);
    under_way_.insert(name_space);
    return true;
  }
  const Waiting waits{.name_space = name_space,
                      .from = now + std::max<base::Clock::Steady::duration>(every - kTurnKept, {}),
                      .until = now + every + kTurnKept};
  if (own == waiting_.end()) {
    waiting_.push_back(waits);
  } else {
    *own = waits;
  }
  return false;
}

void Trials::end(const std::string& name_space) { under_way_.erase(name_space); }

}  // namespace weir::outside
