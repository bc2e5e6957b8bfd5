#include "operator/scaling/none.h"

#include <utility>

namespace weir::scaling {

bool NoScaler::owns(const Json&, const kube::Stores&) const { return true; }

Writes NoScaler::scale(const Json& workload, const kube::Stores&, int replicas) const {
  Json after = workload;
  after["spec"]["replicas"] = replicas;
  if (after == workload) return {};
  return std::vector<kube::Write>{
      {.kind = kube::kDeployments, .before = workload, .after = std::move(after)}};
}

}  // namespace weir::scaling
