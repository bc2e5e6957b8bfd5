// Every provider of metrics.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
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
  // Whether a query can be asked with these templateVariables, whatever the release: the error is a sentence.
  // Null: any can.
  std::expected<void, std::string> (*check)(std::string_view query,
                                            const std::map<std::string, std::string>& own) = nullptr;
  // What is wrong with an address that a MetricTemplate gives, as the end of a sentence; empty: nothing is.
  // Null: the provider takes any.
  std::optional<std::string> (*address_problem)(std::string_view address) = nullptr;
};

// The provider of a metric without a MetricTemplate, and of one whose MetricTemplate names no type.
inline constexpr std::string_view kDefaultProvider = "prometheus";

// The default is first.
[[nodiscard]] std::span<const ProviderRow> provider_rows();
// Types that a MetricTemplate may name.
[[nodiscard]] std::vector<std::string_view> offered_providers();
// What the row of that type says of the query; empty: the default's.
[[nodiscard]] std::expected<void, std::string> check_query(std::string_view type, std::string_view query,
                                                           const std::map<std::string, std::string>& own);
// What the row of that type says of the address; empty: the default's.
[[nodiscard]] std::optional<std::string> problem_of_address(std::string_view type, std::string_view address);
// One of each row.
[[nodiscard]] Providers make_providers(const ProviderSettings& settings);

}  // namespace weir::analysis
