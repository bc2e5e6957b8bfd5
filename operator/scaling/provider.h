// The scaler door: who may write the number of a workload's pods.
//
// A scaler is one file beside this header and one row in registry.cc. It is pure: it turns objects into
// objects, and reading and writing them is the reconciler's. Any thread may use it, so it keeps nothing.
// test/unit/scaling/contract_test.cc holds every row to what is said here.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "operator/kube/store.h"
#include "operator/kube/write.h"

namespace weir::scaling {

using Json = nlohmann::json;
// An error is a sentence that names the object and the field that don't allow it.
using Writes = std::expected<std::vector<kube::Write>, std::string>;

class Scaler {
 public:
  virtual ~Scaler() = default;

  // Whether the number of this workload's pods is this scaler's to write. `workload` is a Deployment;
  // `stores` hold what may name it as its target.
  [[nodiscard]] virtual bool owns(const Json& workload, const kube::Stores& stores) const = 0;
  // Writes after which the workload gets `replicas` pods, or more where its owner wants more; 0 takes all of
  // them away. Empty: it is so already. Only asked of the scaler that owns the workload's number.
  [[nodiscard]] virtual Writes scale(const Json& workload, const kube::Stores& stores,
                                     int replicas) const = 0;
};

}  // namespace weir::scaling
