#include "operator/routing/provider.h"

namespace weir::routing {

const std::vector<Json>& Objects::of(const kube::Resource& kind) const {
  static const std::vector<Json> kNone;
  const auto found = kinds_.find({kind.group, kind.plural});
  return found == kinds_.end() ? kNone : found->second;
}

std::vector<Json>& Objects::of(const kube::Resource& kind) { return kinds_[{kind.group, kind.plural}]; }

// A kind without objects is as one that is not there.
bool operator==(const Objects& one, const Objects& other) {
  const auto without = [](Objects objects) {
    std::erase_if(objects.kinds_, [](const auto& kind) { return kind.second.empty(); });
    return objects.kinds_;
  };
  return without(one) == without(other);
}

}  // namespace weir::routing
