#include "operator/routing/trust.h"

#include "operator/base/names.h"

namespace weir::routing {

TrustedNamespaces trusted_by_default() { return {std::string(kTrustedByDefault)}; }

std::optional<TrustedNamespaces> read_trusted(std::string_view names) {
  TrustedNamespaces trusted;
  while (!names.empty()) {
    const auto comma = names.find(',');
    const auto name = names.substr(0, comma);
    if (!base::is_dns_label(name) || comma == names.size() - 1) return std::nullopt;
    trusted.emplace(name);
    names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 1);
  }
  return trusted;
}

bool is_trusted(const TrustedNamespaces& trusted, std::string_view own, std::string_view other) {
  return other == own || trusted.contains(other);
}

}  // namespace weir::routing
