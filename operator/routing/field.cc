#include "operator/routing/field.h"

namespace weir::routing {

const Json& field(const Json& object, std::initializer_list<const char*> path) {
  static const Json kNothing;
  const Json* here = &object;
  for (const char* name : path) {
    if (!here->is_object()) return kNothing;
    const auto found = here->find(name);
    if (found == here->end()) return kNothing;
    here = &*found;
  }
  return *here;
}

std::string text(const Json& object, std::initializer_list<const char*> path) {
  const auto& value = field(object, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

Json members(const Json& object, std::initializer_list<const char*> names) {
  Json kept = Json::object();
  if (!object.is_object()) return kept;
  for (const auto* name : names) {
    if (const auto found = object.find(name); found != object.end()) kept[name] = *found;
  }
  return kept;
}

std::string name_of(const Json& object) { return text(object, {"metadata", "name"}); }
std::string namespace_of(const Json& object) { return text(object, {"metadata", "namespace"}); }

std::string label_of(const Target& target, const Json& object) {
  const auto name_space = namespace_of(object);
  const auto prefix = name_space == target.name_space ? std::string() : name_space + "/";
  // Items of a list carry no kind.
  const bool rule = field(object, {"spec", "host"}).is_string();
  return std::string(rule ? "DestinationRule" : "VirtualService") + " \"" + prefix + name_of(object) + "\"";
}

}  // namespace weir::routing
