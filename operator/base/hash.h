// A hash that every build computes alike, as std::hash need not: names and keys outlive a process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::base {

inline constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325U;

// FNV-1a, 64 bits (Fowler, Noll, Vo). Uneven in its high bits where texts are short. Of several texts the
// next one goes on from the hash of those before it.
[[nodiscard]] constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = kFnvBasis) {
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  return hash;
}

// 16 hexadecimal digits.
[[nodiscard]] std::string hex(std::uint64_t hash);

}  // namespace weir::base
