// Every scaler there is.
#pragma once

#include <span>
#include <string_view>

#include "operator/scaling/provider.h"

namespace weir::scaling {

struct ScalerRow {
  std::string_view name;
  const Scaler& scaler;  // lives as long as the process
};

// In the order in which they are asked whether they own a workload's number; the last one owns what nobody
// else does.
[[nodiscard]] std::span<const ScalerRow> scalers();
// The first of `rows`, at least one, that owns the number of this workload's pods.
[[nodiscard]] const Scaler& scaler_of(const Json& workload, const kube::Stores& stores,
                                      std::span<const ScalerRow> rows = scalers());

}  // namespace weir::scaling
