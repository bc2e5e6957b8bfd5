// A release that is over, as the caches keep it: what its rest needs, and no more.
#pragma once

#include "operator/canary/canary.h"
#include "operator/kube/api.h"

namespace weir::reconcile {

using kube::Json;

// Whether the Canary's release is over: Succeeded or Failed.
[[nodiscard]] bool is_over(const Json& canary);

// Metadata, the target, the Service, the time to live, and of the status what it shows in the metrics. An
// edit of its metadata, or its deletion, may start from it; its status and spec must be read from the server
// for anything else.
[[nodiscard]] Json record_of(const Json& canary);

// The release that the record stands for. It rests; one that goes on (`begins_anew`) must be read whole.
[[nodiscard]] canary::Canary read_record(const Json& record);
// Another target is asked for than the one that was released.
[[nodiscard]] bool begins_anew(const canary::Canary& release);

}  // namespace weir::reconcile
