// The metrics that need no query of their own: each provider that has them knows how to ask for them.
#pragma once

#include <string_view>

#include "analysis/check.h"

namespace weir::analysis {

inline constexpr std::string_view kSuccessRate = "request-success-rate";  // per cent of requests
inline constexpr std::string_view kDuration = "request-duration";         // 99th percentile, milliseconds

// A metric of this name needs no query.
[[nodiscard]] inline bool is_built_in(std::string_view name) {
  return name == kSuccessRate || name == kDuration;
}

// Whether the sequential judge compares this one with stable: it is built in, and has no query of its own.
[[nodiscard]] inline bool is_compared(const Metric& metric) {
  return metric.query.empty() && is_built_in(metric.name);
}

}  // namespace weir::analysis
