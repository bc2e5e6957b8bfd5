#include "operator/kube/resource.h"

#include "operator/http/transport.h"

namespace weir::kube {

std::string Resource::api_version() const {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

std::string Resource::path(std::string_view name_space, std::string_view name) const {
  std::string path = (group.empty() ? "/api/" : "/apis/") + api_version();
  if (!name_space.empty()) path += "/namespaces/" + http::encode(name_space);
  path += "/" + std::string(plural);
  if (!name.empty()) path += "/" + http::encode(name);
  return path;
}

}  // namespace weir::kube
