// What the caches keep of an object: the fields that are read, and all that an edit is made from.
#pragma once

#include "operator/kube/api.h"

namespace weir::reconcile {

using kube::Json;

// Each leaves of an object what the reconciler needs. A patch made from a trimmed object and its edit is the
// one that the whole object would give. An object that is trimmed already stays as it is.

// Of an object of any kind: own annotations, and of managedFields at most who wrote last.
void trim_metadata(Json& object, bool keep_last_write);

// Of an object that has metadata, beyond the metadata. A Canary whose release is over becomes a record
// (finished.h).
void trim_canary(Json& object);
void trim_deployment(Json& object);
void trim_service(Json& object);
void trim_slice(Json& object);

// The entry of managedFields of whoever wrote last (`manager`, `time`), status apart; of two in the same
// second the one that is not the operator. Null: there is none.
[[nodiscard]] Json last_write(const Json& object);

}  // namespace weir::reconcile
