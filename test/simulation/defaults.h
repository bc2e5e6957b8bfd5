// Fields that an API server fills in by itself.
#pragma once

#include "operator/kube/api.h"

namespace weir::simulation {

// Fills in the defaults of one object that is about to be kept; `before` is the object that it replaces, or
// null. Of our own kinds those that the OpenAPI schemas in manifests/crds name, as structural defaulting has
// it: a property that is absent (or null) of an object that is there, to any depth. Of Services and
// Deployments those that the operator meets on a real server.
void fill_defaults(const kube::Resource& resource, kube::Json& object, const kube::Json& before);

}  // namespace weir::simulation
