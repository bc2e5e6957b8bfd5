#include "operator/kube/kinds.h"

namespace weir::kube {

Resource ServedVersions::served(const Resource& resource) const {
  const std::lock_guard lock(mutex_);
  const auto known = versions_.find({resource.group, resource.plural});
  if (known == versions_.end()) return resource;
  return {resource.group, known->second, resource.plural, resource.kind};
}

void ServedVersions::found(const Resource& resource, std::string_view version) {
  const std::lock_guard lock(mutex_);
  versions_.insert_or_assign({resource.group, resource.plural}, version);
}

}  // namespace weir::kube
