// A release that is over, as the caches keep it: what is still done with it needs, and no more.
#pragma once

#include "operator/canary/canary.h"
#include "operator/kube/api.h"

namespace weir::reconcile {

using kube::Json;

// Whether the Canary's release is over: Succeeded or Failed.
[[nodiscard]] bool is_over(const Json& canary);

// The condition in which a promoted release says what has become of its Service (strategies/standing.h);
// null: it says nothing.
[[nodiscard]] const Json* said_of_service(const Json& canary);

// Metadata, the target, the Service, the time to live, and of the status what it shows in the metrics; of one
// that was promoted also what its Service is compared with, and what is said of that. An edit of its
// metadata, or its deletion, may start from it; its status and spec must be read from the server for anything
// else.
[[nodiscard]] Json finished_form_of(const Json& canary);

// The release that this form stands for. One that begins again (`begins_anew`) must be read whole.
[[nodiscard]] canary::Canary read_finished(const Json& finished);
// Another target is asked for than the one that was released.
[[nodiscard]] bool begins_anew(const canary::Canary& release);

}  // namespace weir::reconcile
