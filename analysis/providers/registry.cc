#include "analysis/providers/registry.h"

#include <algorithm>
#include <array>

#include "analysis/providers/prometheus/query_template.h"

namespace weir::analysis {

// Each is in the file of its provider.
std::unique_ptr<Provider> make_prometheus(const ProviderSettings& settings);
std::unique_ptr<Provider> make_fixed(const ProviderSettings& settings);

namespace {

constexpr std::array kRows{
    ProviderRow{.type = kDefaultProvider, .make = make_prometheus, .check = check_template},
    ProviderRow{.type = "fixed", .offered = false, .make = make_fixed},
};

}  // namespace

std::span<const ProviderRow> provider_rows() { return kRows; }

std::vector<std::string_view> offered_providers() {
  std::vector<std::string_view> types;
  for (const auto& row : kRows) {
    if (row.offered) types.push_back(row.type);
  }
  return types;
}

std::expected<void, std::string> check_query(std::string_view type, std::string_view query,
                                             const std::map<std::string, std::string>& own) {
  const auto* const row =
      std::ranges::find(kRows, type.empty() ? kDefaultProvider : type, &ProviderRow::type);
  if (row == kRows.end() || row->check == nullptr) return {};
  return row->check(query, own);
}

Providers make_providers(const ProviderSettings& settings) {
  Providers providers;
  for (const auto& row : kRows) providers.emplace(row.type, row.make(settings));
  return providers;
}

}  // namespace weir::analysis
