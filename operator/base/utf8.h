// What text has to be before it can stand in JSON, or on a terminal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace weir::base {

// The position of the first byte that belongs to no character of UTF-8; empty: there is none.
[[nodiscard]] std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// How many characters a valid text has, as the API server counts them: code points.
[[nodiscard]] std::size_t count_characters(std::string_view text);

// The text on one line, with nothing in it that a terminal would obey: control characters (C0, DEL, C1) as
// "\u001b", and U+FFFD for bytes that belong to no character. For what others wrote, where it is printed.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace weir::base
