// What a Service's selector lets through, and whose pods those are.
#pragma once

#include <string>
#include <vector>

#include "operator/kube/store.h"
#include "strategies/plan.h"

namespace weir::reconcile {

using kube::Json;

// `spec.selector`, without which an object without members.
[[nodiscard]] Json selector_of(const Json& service);
// The labels of a Deployment's pods.
[[nodiscard]] Json template_labels(const Json& deployment);
// Whether labels have all that the selector asks for.
[[nodiscard]] bool matches(const Json& selector, const Json& labels);

// Which versions the selector lets through, by the version's key.
[[nodiscard]] strategies::Selects selects(const Json& service, const std::string& version_label,
                                          const std::string& stable, const std::string& candidate);

// Names of the Deployments whose pods the Service selects.
[[nodiscard]] std::vector<std::string> selected_workloads(const Json& service, const std::string& name_space,
                                                          const kube::Store& deployments);

}  // namespace weir::reconcile
