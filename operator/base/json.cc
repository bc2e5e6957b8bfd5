#include "operator/base/json.h"

namespace weir::base {

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

std::int64_t integer(const Json& object, std::initializer_list<const char*> path, std::int64_t otherwise) {
  const auto& value = field(object, path);
  return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
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

}  // namespace weir::base
