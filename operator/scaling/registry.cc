#include "operator/scaling/registry.h"

#include <algorithm>
#include <array>

#include "operator/scaling/none.h"

namespace weir::scaling {

std::span<const ScalerRow> scalers() {
  static const NoScaler kNone;
  static const std::array<ScalerRow, 1> kScalers{{{"none", kNone}}};
  return kScalers;
}

const Scaler& scaler_of(const Json& workload, const kube::Stores& stores, std::span<const ScalerRow> rows) {
  const auto found =
      std::ranges::find_if(rows, [&](const ScalerRow& row) { return row.scaler.owns(workload, stores); });
  return found == rows.end() ? rows.back().scaler : found->scaler;
}

}  // namespace weir::scaling
