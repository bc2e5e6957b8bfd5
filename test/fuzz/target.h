// What every fuzz target has: an entry point that is handed bytes, and properties that must hold of whatever
// they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

// Called with one input; whatever it throws is a finding. Never returns anything but 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weir::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// States a property: `what` says what does not hold.
inline void require(bool holds, const std::string& what) {
  if (!holds) throw std::logic_error("property violated: " + what);
}

}  // namespace weir::fuzz
