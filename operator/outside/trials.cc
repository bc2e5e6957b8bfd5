#include "operator/outside/trials.h"

#include <algorithm>

namespace weir::outside {

bool Trials::begin(const std::string& name_space, base::Clock::Steady now) {
  if (under_way_.contains(name_space)) return false;
  std::erase_if(waiting_, [now](const auto& each) { return each.asked_at + kTurnKept < now; });
  const auto own = std::ranges::find(waiting_, name_space, &Waiting::name_space);
  const auto before = static_cast<std::size_t>(own - waiting_.begin());
  if (under_way_.size() + before < kMaxTrials) {
    if (own != waiting_.end()) waiting_.erase(own);
    under_way_.insert(name_space);
    return true;
  }
  if (own == waiting_.end()) {
    waiting_.push_back({.name_space = name_space, .asked_at = now});
  } else {
    own->asked_at = now;
  }
  return false;
}

void Trials::end(const std::string& name_space) { under_way_.erase(name_space); }

}  // namespace weir::outside
