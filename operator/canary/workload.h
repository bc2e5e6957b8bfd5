// What a release needs to know of Deployments and their pods.
#pragma once

#include <string>
#include <vector>

#include "operator/canary/canary.h"
#include "strategies/plan.h"

namespace weir::canary {

// A Deployment as the API server serves it. `version_label` is the key in the pod template's labels.
// `recorded`: the version that a release knows it by; empty: none yet. Of a template with another one no pod
// counts as ready, and it is not available.
// `pod_problem` is left empty: it is the pods that know (below).
[[nodiscard]] strategies::Workload read_deployment(const Json& deployment, const std::string& version_label,
                                                   const std::string& recorded = {});

// Changes if and only if the pod template does; the order of its fields does not matter.
[[nodiscard]] std::string template_hash(const Json& pod_template);

// A pod template reduced to what read_deployment reads: its labels, its hash, and whether all of its
// containers have a preStop hook. One that is reduced already stays as it is.
[[nodiscard]] Json template_digest(const Json& pod_template);

// Why pods do not get ready, as far as they can't get over it alone:
// `CrashLoopBackOff: container "app" of pod checkout-v2-x7k: back-off 40s restarting failed container`.
// Pods that are being deleted don't count. Empty: nothing is wrong, or nothing that is known yet.
[[nodiscard]] std::string pod_problem(const std::vector<Json>& pods);

}  // namespace weir::canary
