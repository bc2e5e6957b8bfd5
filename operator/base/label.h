// Names that DNS and Kubernetes take, made of texts that they would not take.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::base {

// Of a DNS label, such as the name of a Service, and of the value of a label of an object.
inline constexpr std::size_t kLongestLabel = 63;

// In lower case, with a dash for what is neither letter nor digit, and none at its ends.
[[nodiscard]] std::string dashed(std::string_view text);

// "stem-1f2e3d4c": the stem, cut if it is long, and a hash of `whole`, which tells it apart from what other
// texts become. At most kLongestLabel bytes; the same in every process.
[[nodiscard]] std::string with_hash(std::string_view stem, std::string_view whole);

}  // namespace weir::base
