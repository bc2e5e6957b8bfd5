// Builders of objects for tests.
#pragma once

#include <string>

#include "operator/kube/api.h"

namespace weir::kube {

inline Json object(const std::string& name, const Json& spec = Json::object(),
                   const std::string& name_space = "shop") {
  return {{"metadata", {{"name", name}, {"namespace", name_space}}}, {"spec", spec}};
}

// As a server gives it out: with uid and resourceVersion.
inline Json served(const std::string& name, const std::string& version, const Json& spec = Json::object(),
                   const std::string& uid = "u1") {
  Json result = object(name, spec);
  result["metadata"]["uid"] = uid;
  result["metadata"]["resourceVersion"] = version;
  return result;
}

}  // namespace weir::kube
