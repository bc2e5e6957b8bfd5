// What the caches keep of an object: the fields that are read, and all that an edit is made from.
#pragma once

#include "operator/kube/api.h"

namespace weir::reconcile {

using kube::Json;

// Leaves of an object of this kind what the reconciler needs. A patch made from a trimmed object and its edit
// is the one that the whole object would give. An object that is trimmed already stays as it is.
//
// A Canary whose release is over becomes a record (record.h).
void trim(const kube::Resource& resource, Json& object);

// The entry of managedFields of whoever wrote last (`manager`, `time`), status apart; of two in the same
// second the one that is not the operator. Null: there is none.
[[nodiscard]] Json last_write(const Json& object);

}  // namespace weir::reconcile
