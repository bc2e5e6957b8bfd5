#include "operator/base/names.h"

#include <algorithm>
#include <string>

#include "operator/base/label.h"

namespace weir::base {
namespace {

constexpr std::size_t kLongestSubdomain = 253;
constexpr std::size_t kLongestPortName = 15;
constexpr std::int64_t kMostPort = 65'535;

bool is_lower(char letter) { return letter >= 'a' && letter <= 'z'; }
bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
bool is_plain(char letter) { return is_lower(letter) || is_digit(letter); }
char lowered(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}
bool is_alphanumeric(char letter) { return is_plain(lowered(letter)); }

// Letters and digits, and between them dashes too.
bool is_dashed(std::string_view text) {
  return !text.empty() && is_plain(text.front()) && is_plain(text.back()) &&
         std::ranges::all_of(text, [](char letter) { return is_plain(letter) || letter == '-'; });
}

// A label's value, or what stands behind the slash of a key.
bool is_word(std::string_view text) {
  constexpr std::string_view kBetween = "-_.";
  return !text.empty() && text.size() <= kLongestLabel && is_alphanumeric(text.front()) &&
         is_alphanumeric(text.back()) && std::ranges::all_of(text, [&](char letter) {
           return is_alphanumeric(letter) || kBetween.contains(letter);
         });
}

}  // namespace

bool is_dns_label(std::string_view text) { return text.size() <= kLongestLabel && is_dashed(text); }

bool is_service_name(std::string_view text) { return is_dns_label(text) && is_lower(text.front()); }

bool is_dns_subdomain(std::string_view text) {
  if (text.size() > kLongestSubdomain) return false;
  for (auto dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    if (!is_dashed(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return is_dashed(text);
}

bool is_label_key(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return is_word(text);
  return is_dns_subdomain(text.substr(0, slash)) && is_word(text.substr(slash + 1));
}

bool is_annotation_key(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), lowered);
  return is_label_key(lower);
}

bool is_label_value(std::string_view text) { return text.empty() || is_word(text); }

bool is_port_name(std::string_view text) {
  return text.size() <= kLongestPortName && is_dashed(text) && std::ranges::any_of(text, is_lower) &&
         !text.contains("--");
}

bool is_port(std::int64_t number) { return number >= 1 && number <= kMostPort; }

}  // namespace weir::base
