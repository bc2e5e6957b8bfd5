#include "operator/routing/provider.h"

#include <algorithm>

namespace weir::routing {

const std::vector<Json>& Objects::of(const kube::Resource& kind) const {
  static const std::vector<Json> kNone;
  const auto found = std::ranges::find(kinds_, kind, &std::pair<kube::Resource, std::vector<Json>>::first);
  return found == kinds_.end() ? kNone : found->second;
}

std::vector<Json>& Objects::of(const kube::Resource& kind) {
  const auto found = std::ranges::find(kinds_, kind, &std::pair<kube::Resource, std::vector<Json>>::first);
  return found == kinds_.end() ? kinds_.emplace_back(kind, std::vector<Json>{}).second : found->second;
}

}  // namespace weir::routing
