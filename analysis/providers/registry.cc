#include "analysis/providers/registry.h"

#include <algorithm>
#include <array>

#include "analysis/providers/prometheus/api.h"
#include "analysis/providers/prometheus/query_template.h"

namespace weir::analysis {

// Each is in the file of its provider.
std::unique_ptr<Provider> make_prometheus(const ProviderSettings& settings);
std::unique_ptr<Provider> make_fixed(const ProviderSettings& settings);

namespace {

constexpr std::array kRows{
    ProviderRow{.type = kDefaultProvider,
                .make = make_prometheus,
                .check = check_template,
                .address_problem = address_problem},
    ProviderRow{.type = "fixed", .offered = false, .make = make_fixed},
};

// Of that type; null: there is none.
const ProviderRow* row_of(std::string_view type) {
  const auto* const row =
      std::ranges::find(kRows, type.empty() ? kDefaultProvider : type, &ProviderRow::type);
  return row == kRows.end() ? nullptr : row;
}

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
  const auto* const row = row_of(type);
  if (row == nullptr || row->check == nullptr) return {};
  return row->check(query, own);
}

std::optional<std::string> problem_of_address(std::string_view type, std::string_view address) {
  const auto* const row = row_of(type);
  if (row == nullptr || row->address_problem == nullptr) return std::nullopt;
  return row->address_problem(address);
}

Providers make_providers(const ProviderSettings& settings) {
  Providers providers;
  for (const auto& row : kRows) providers.emplace(row.type, row.make(settings));
  return providers;
}

}  // namespace weir::analysis
