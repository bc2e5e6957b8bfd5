#include "test/simulation/definitions.h"

#include <algorithm>

#include "test/simulation/api_answer.h"

namespace weir::simulation {
namespace {

using kube::Json;

constexpr std::string_view kGroups = "/apis/";

http::Response nothing(std::string_view path) {
  return failed({kube::Code::NotFound, 404,
                 "the server could not find the requested resource: " + std::string(path), "", std::nullopt});
}

}  // namespace

void Definitions::install(std::string_view group, std::string_view version) {
  versions_.insert_or_assign(std::string(group), std::string(version));
}

void Definitions::remove(std::string_view group) { install(group, ""); }

const std::string* Definitions::version_of(std::string_view group) const {
  const auto known = versions_.find(group);
  return known == versions_.end() ? nullptr : &known->second;
}

bool Definitions::has(const kube::Resource& resource, std::string_view version) const {
  const auto* only = version_of(resource.group);
  return version == (only == nullptr ? resource.version : *only);
}

std::optional<http::Response> Definitions::answer(const http::Request& request) const {
  const std::string_view url = request.url;
  const auto at = url.find(kGroups);
  if (at == std::string_view::npos || request.method != "GET") return std::nullopt;
  const auto path = url.substr(at + kGroups.size());
  const auto slash = std::min(path.find('/'), path.size());
  const auto group = path.substr(0, slash);
  const auto version = path.substr(std::min(slash + 1, path.size()));
  if (version.contains('/')) return std::nullopt;

  Json versions = Json::array();
  Json plurals = Json::array();
  for (const auto& [resource, has_status, optional, others] : known_kinds()) {
    const auto* only = version_of(group);
    const auto served = only == nullptr ? resource.version : std::string_view(*only);
    if (resource.group != group || served.empty()) continue;
    if (versions.empty()) versions.push_back({{"version", served}});
    if (served == version) plurals.push_back({{"name", resource.plural}});
  }
  if (version.empty() ? versions.empty() : plurals.empty()) return nothing(path);
  if (version.empty()) return succeeded(200, {{"kind", "APIGroup"}, {"name", group}, {"versions", versions}});
  return succeeded(200, {{"kind", "APIResourceList"}, {"resources", plurals}});
}

}  // namespace weir::simulation
