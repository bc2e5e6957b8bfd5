#include "operator/base/utf8.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

namespace weir::base {
namespace {

// What may follow the first byte of a character: so many bytes, and the range of the first of them. Table 3-7
// of the Unicode standard.
struct Following {
  std::size_t count = 0;
  unsigned char least = 0x80;
  unsigned char most = 0xBF;
};

std::optional<Following> following(unsigned char first) {
  if (first < 0x80) return Following{};
  if (first < 0xC2 || first > 0xF4) return std::nullopt;
  if (first < 0xE0) return Following{.count = 1};
  if (first == 0xE0) return Following{.count = 2, .least = 0xA0};
  if (first == 0xED) return Following{.count = 2, .most = 0x9F};
  if (first < 0xF0) return Following{.count = 2};
  if (first == 0xF0) return Following{.count = 3, .least = 0x90};
  if (first == 0xF4) return Following{.count = 3, .most = 0x8F};
  return Following{.count = 3};
}

// The code point of one valid character, if it is a control character.
std::optional<unsigned> control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (first < 0x20 || first == 0x7F) return first;
  const auto last = static_cast<unsigned char>(character.back());
  if (first == 0xC2 && last < 0xA0) return last;
  return std::nullopt;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto expected = following(static_cast<unsigned char>(text[at]));
    if (!expected) return at;
    const auto rest = text.substr(at + 1, expected->count);
    if (rest.size() < expected->count || !std::ranges::all_of(rest, is_continuation)) return at;
    if (!rest.empty()) {
      const auto second = static_cast<unsigned char>(rest.front());
      if (second < expected->least || second > expected->most) return at;
    }
    at += 1 + expected->count;
  }
  return std::nullopt;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

std::string printable(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const auto expected = following(static_cast<unsigned char>(text.front()));
    const auto character = text.substr(0, 1 + (expected ? expected->count : 0));
    if (find_invalid_utf8(character)) {
      plain += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(character.size());
    if (const auto code = control(character)) {
      plain += fmt::format("\\u{:04x}", *code);
    } else {
      plain += character;
    }
  }
  return plain;
}

}  // namespace weir::base
