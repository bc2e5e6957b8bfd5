#include "operator/kube/cluster_domain.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "operator/base/names.h"

namespace weir::kube {
namespace {

constexpr std::string_view kServices = "svc.";
constexpr std::size_t kLongestName = 253;

// "shop.svc.DOMAIN" or "svc.DOMAIN".
std::string domain_of(std::string_view entry) {
  if (!entry.starts_with(kServices)) entry.remove_prefix(std::min(entry.find('.'), entry.size() - 1) + 1);
  if (!entry.starts_with(kServices)) return {};
  entry.remove_prefix(kServices.size());
  if (entry.ends_with('.')) entry.remove_suffix(1);
  return is_cluster_domain(entry) ? std::string(entry) : std::string();
}

}  // namespace

std::string cluster_domain_in(std::string_view resolv_conf) {
  std::string found;
  std::istringstream lines{std::string(resolv_conf)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    if (!(words >> word) || word != "search") continue;
    // Of several lines the last one counts.
    found.clear();
    while (found.empty() && words >> word) found = domain_of(word);
  }
  return found;
}

std::string found_cluster_domain() {
  std::ifstream file("/etc/resolv.conf");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto found = cluster_domain_in(text);
  return found.empty() ? std::string(kDefaultClusterDomain) : found;
}

bool is_cluster_domain(std::string_view text) {
  if (text.size() > kLongestName) return false;
  for (auto dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    if (!base::is_dns_label(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return base::is_dns_label(text);
}

}  // namespace weir::kube
