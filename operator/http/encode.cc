#include <algorithm>

#include "operator/http/transport.h"

namespace weir::http {

std::string origin(std::string_view url) {
  const auto scheme = url.find("://");
  const auto host = scheme == std::string_view::npos ? 0 : scheme + 3;
  url = url.substr(0, std::min(url.find_first_of("/?#\\", host), url.size()));
  const auto at = url.rfind('@');
  std::string shown(url.substr(0, host));
  shown += url.substr(at == std::string_view::npos || at < host ? host : at + 1);
  std::erase_if(shown, [](char letter) { return letter <= ' ' || letter > '~'; });
  return shown;
}

std::string encode(std::string_view component) {
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char letter : component) {
    if (kUnreserved.contains(letter)) {
      encoded += letter;
      continue;
    }
    const auto byte = static_cast<unsigned char>(letter);
    encoded += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
  }
  return encoded;
}

}  // namespace weir::http
