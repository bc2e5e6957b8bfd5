// What a real API server and Istio's webhook refuse of what a release makes.
#pragma once

#include <string>

#include "operator/kube/api.h"

namespace weir::simulation {

using kube::Json;

// Whether it looks at objects of this kind.
[[nodiscard]] bool is_admitted(const kube::Resource& resource);
// A sentence; empty: the object is taken.
[[nodiscard]] std::string refusal_of(const kube::Resource& resource, const Json& object);

}  // namespace weir::simulation
