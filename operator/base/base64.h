// Base64 (RFC 4648), as Secrets and kubeconfigs hold binary data.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::base {

// White space is skipped; empty if anything else is not base64.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

[[nodiscard]] std::string encode_base64(std::string_view bytes);

}  // namespace weir::base
