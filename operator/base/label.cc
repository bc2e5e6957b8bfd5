#include "operator/base/label.h"

#include <algorithm>
#include <cctype>

#include "operator/base/hash.h"

namespace weir::base {
namespace {

constexpr std::size_t kDigits = 8;

bool is_alphanumeric(char letter) { return std::isalnum(static_cast<unsigned char>(letter)) != 0; }

}  // namespace

std::string dashed(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    result +=
        is_alphanumeric(letter) ? static_cast<char>(std::tolower(static_cast<unsigned char>(letter))) : '-';
  }
  while (result.ends_with('-')) result.pop_back();
  return result.substr(std::min(result.find_first_not_of('-'), result.size()));
}

std::string with_hash(std::string_view stem, std::string_view whole) {
  std::string result(stem.substr(0, kLongestLabel - kDigits - 1));
  while (!result.empty() && !is_alphanumeric(result.back())) result.pop_back();
  if (!result.empty()) result += '-';
  // The low digits: the high ones of this hash are uneven.
  return result + hex(fnv1a(whole)).substr(kDigits);
}

}  // namespace weir::base
