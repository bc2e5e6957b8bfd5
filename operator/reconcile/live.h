// What the API server has now, looked at right before and after the writes of an action that could leave
// people without an answer: caches may be behind. Nothing is written here.
#pragma once

#include "operator/kube/api.h"
#include "operator/reconcile/observe.h"
#include "strategies/plan.h"

namespace weir::reconcile {

// Whether the action may go on. Code::Invalid, with a sentence, if not:
//  - weight rises towards a candidate without a ready endpoint;
//  - the selector is to name a version without enough ready pods, or a pod template that nobody judged; or,
//    of a release that is over, a Service that has ready endpoints or another release by now;
//  - pods go while the other version has none that is ready, or while another Service has no other pods.
// Taking weight away never waits for a look. Asks nothing for the other actions.
[[nodiscard]] kube::Result<void> look_before(const strategies::Action& action, const Snapshot& snapshot,
                                             kube::Api& api);

// Whether the selector was moved to the promoted candidate, and the pod template of that is known to be
// another one by now than the one that was judged (S6): the selector must go back.
[[nodiscard]] bool overtaken_by_template(const strategies::SetSelector& action, const Snapshot& snapshot,
                                         kube::Api& api);

}  // namespace weir::reconcile
