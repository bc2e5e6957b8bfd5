// What one write of an object changes, as a JSON patch (RFC 6902).
#pragma once

#include "operator/kube/api.h"

namespace weir::kube {

// The operations that turn `before` into `after`, in what its writer owns: everything but `status` and what
// the server keeps (resourceVersion, generation, uid, managedFields, timestamps). Empty: nothing to write.
[[nodiscard]] Json object_patch(const Json& before, const Json& after);

// The same for `status` alone.
[[nodiscard]] Json status_patch(const Json& before, const Json& after);

// The patch on condition that the object still has `before`'s resourceVersion: the server answers 409 to
// another one.
[[nodiscard]] Json with_precondition(const Json& patch, const Json& before);

}  // namespace weir::kube
