// A hash that every build computes alike, as std::hash need not.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::kube {

// FNV-1a, 64 bits (Fowler, Noll, Vo). Uneven in its high bits where texts are short.
[[nodiscard]] constexpr std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  return hash;
}

}  // namespace weir::kube
