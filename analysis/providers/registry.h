// Every provider of metrics.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/provider.h"

namespace weir::analysis {

// The operator's own server, and how any server is reached.
struct ProviderSettings {
  std::string address;
  Fetch fetch;
};

struct ProviderRow {
  std::string_view type;  // spec.provider.type of a MetricTemplate
  // Whether a MetricTemplate may name it; the enum of its definition has exactly those.
  bool offered = true;
  std::unique_ptr<Provider> (*make)(const ProviderSettings& settings);
};

// The provider of a metric without a MetricTemplate, and of one whose MetricTemplate names no type.
inline constexpr std::string_view kDefaultProvider = "prometheus";

// The default is first.
[[nodiscard]] std::span<const ProviderRow> provider_rows();
// Types that a MetricTemplate may name.
[[nodiscard]] std::vector<std::string_view> offered_providers();
// One of each row.
[[nodiscard]] Providers make_providers(const ProviderSettings& settings);

}  // namespace weir::analysis
