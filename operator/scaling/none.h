// No autoscaler: the Deployment's own spec.replicas is the number of its pods.
#pragma once

#include "operator/scaling/provider.h"

namespace weir::scaling {

class NoScaler : public Scaler {
 public:
  // Every workload, since it is asked last.
  [[nodiscard]] bool owns(const Json& workload, const kube::Stores& stores) const override;
  [[nodiscard]] Writes scale(const Json& workload, const kube::Stores& stores, int replicas) const override;
};

}  // namespace weir::scaling
