// Lists and fields of routes and rules, whatever shape these have.
#pragma once

#include <string>

#include "test/simulation/invariants_known.h"

namespace weir::simulation::checks {

inline std::string host_of(const Json& destination) { return text(destination, "/destination/host"); }
inline std::string subset_of(const Json& destination) { return text(destination, "/destination/subset"); }

inline const Json& list_of(const Json& object, const char* kind) {
  static const Json kEmpty = Json::array();
  const auto spec = object.find("spec");
  if (spec == object.end() || !spec->is_object()) return kEmpty;
  const auto found = spec->find(kind);
  return found != spec->end() && found->is_array() ? *found : kEmpty;
}

inline const Json& destinations_of(const Json& route) {
  static const Json kEmpty = Json::array();
  const auto found = route.find("route");
  return found != route.end() && found->is_array() ? *found : kEmpty;
}

inline Json without(Json object, const char* field) {
  object.erase(field);
  return object;
}

inline std::string version_in(const Json& subset, const std::string& label) {
  const auto& labels = member(subset, "/labels");
  const auto found = labels.find(label);
  return labels.is_object() && found != labels.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace weir::simulation::checks
