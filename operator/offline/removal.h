// What MemoryApi's files share: the errors that a server answers with, and how it reads what is being
// deleted.
#pragma once

#include <string>
#include <string_view>

#include "operator/kube/api.h"

namespace weir::offline {

[[nodiscard]] kube::Error error(kube::Code code, int status, const kube::Resource& resource,
                                const kube::Key& key, std::string_view what);
[[nodiscard]] kube::Error not_found(const kube::Resource& resource, const kube::Key& key);
[[nodiscard]] kube::Error changed_since(const kube::Resource& resource, const kube::Key& key);
// Of a creation in a namespace that is being deleted.
[[nodiscard]] kube::Error terminating(const kube::Resource& resource, const kube::Key& key);

// "apps/v1/deployments".
[[nodiscard]] std::string type_of(const kube::Resource& resource);
[[nodiscard]] bool has_finalizers(const kube::Json& object);
[[nodiscard]] bool is_going(const kube::Json& object);

}  // namespace weir::offline
