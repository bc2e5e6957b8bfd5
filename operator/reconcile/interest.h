// Which releases a change of an object concerns.
#pragma once

#include <vector>

#include "operator/kube/store.h"

namespace weir::reconcile {

// Keys of the Canaries that must look again after `changed` of kind `resource` came, changed or went. A
// Canary's own change also concerns others that wait for the same Service. Releases that are over are
// concerned only by themselves, and by what they own: that should be gone.
[[nodiscard]] std::vector<kube::Key> concerned(const kube::Stores& stores, const kube::Resource& resource,
                                               const kube::Key& changed);

}  // namespace weir::reconcile
