// Namespaces that a release trusts beside its own.
//
// Who may write there may keep it waiting: a route of such a namespace is waited for before a release begins,
// and what it names stays. Of any other namespace a release only says what it finds.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace weir::routing {

using TrustedNamespaces = std::set<std::string, std::less<>>;

// The root namespace of the mesh as it is installed by default: whoever may write there has all of its
// traffic.
inline constexpr std::string_view kTrustedByDefault = "istio-system";
[[nodiscard]] TrustedNamespaces trusted_by_default();

// "istio-system,edge"; empty text: none. No value: one of them is no namespace's name.
[[nodiscard]] std::optional<TrustedNamespaces> read_trusted(std::string_view names);

// Whether a release of namespace `own` trusts `other`.
[[nodiscard]] bool is_trusted(const TrustedNamespaces& trusted, std::string_view own, std::string_view other);

}  // namespace weir::routing
