#include "operator/routing/trust.h"

#include <algorithm>

namespace weir::routing {
namespace {

constexpr std::size_t kLongestName = 63;

// Of lower-case letters and digits, and dashes between them.
bool is_namespace(std::string_view name) {
  const auto is_inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= kLongestName && !name.starts_with('-') && !name.ends_with('-') &&
         std::ranges::all_of(name, is_inner);
}

}  // namespace

TrustedNamespaces trusted_by_default() { return {std::string(kTrustedByDefault)}; }

std::optional<TrustedNamespaces> read_trusted(std::string_view names) {
  TrustedNamespaces trusted;
  while (!names.empty()) {
    const auto comma = names.find(',');
    const auto name = names.substr(0, comma);
    if (!is_namespace(name) || comma == names.size() - 1) return std::nullopt;
    trusted.emplace(name);
    names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 1);
  }
  return trusted;
}

bool is_trusted(const TrustedNamespaces& trusted, std::string_view own, std::string_view other) {
  return other == own || trusted.contains(other);
}

}  // namespace weir::routing
