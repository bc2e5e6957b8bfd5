#include "test/fuzz/json.h"

#include <algorithm>
#include <array>

namespace weir::fuzz {
namespace {

using Type = bool (Json::*)() const noexcept;

// A place that has a type whoever writes the object; "*" stands for every member or item.
struct Typed {
  std::string_view kind;  // empty: of every kind
  std::string_view path;
  Type type;
};

constexpr std::array kSchema{
    Typed{"", "metadata", &Json::is_object},
    Typed{"", "metadata/name", &Json::is_string},
    Typed{"", "metadata/namespace", &Json::is_string},
    Typed{"", "metadata/uid", &Json::is_string},
    Typed{"", "metadata/resourceVersion", &Json::is_string},
    Typed{"", "metadata/creationTimestamp", &Json::is_string},
    Typed{"", "metadata/deletionTimestamp", &Json::is_string},
    Typed{"", "metadata/generation", &Json::is_number_integer},
    Typed{"", "metadata/labels", &Json::is_object},
    Typed{"", "metadata/labels/*", &Json::is_string},
    Typed{"", "metadata/annotations", &Json::is_object},
    Typed{"", "metadata/annotations/*", &Json::is_string},
    Typed{"", "metadata/finalizers", &Json::is_array},
    Typed{"", "metadata/finalizers/*", &Json::is_string},
    Typed{"", "metadata/ownerReferences", &Json::is_array},
    Typed{"", "metadata/ownerReferences/*", &Json::is_object},
    Typed{"", "metadata/ownerReferences/*/uid", &Json::is_string},
    Typed{"", "metadata/managedFields", &Json::is_array},
    Typed{"", "metadata/managedFields/*", &Json::is_object},
    Typed{"", "metadata/managedFields/*/*", &Json::is_string},
    Typed{"Deployment", "spec", &Json::is_object},
    Typed{"Deployment", "spec/replicas", &Json::is_number_integer},
    Typed{"Deployment", "spec/selector", &Json::is_object},
    Typed{"Deployment", "spec/selector/matchLabels", &Json::is_object},
    Typed{"Deployment", "spec/selector/matchLabels/*", &Json::is_string},
    Typed{"Deployment", "spec/template", &Json::is_object},
    Typed{"Deployment", "spec/template/metadata", &Json::is_object},
    Typed{"Deployment", "spec/template/metadata/labels", &Json::is_object},
    Typed{"Deployment", "spec/template/metadata/labels/*", &Json::is_string},
    Typed{"Service", "spec", &Json::is_object},
    Typed{"Service", "spec/selector", &Json::is_object},
    Typed{"Service", "spec/selector/*", &Json::is_string},
    Typed{"Service", "spec/ports", &Json::is_array},
    Typed{"Service", "spec/ports/*", &Json::is_object},
    Typed{"EndpointSlice", "endpoints", &Json::is_array},
    Typed{"EndpointSlice", "endpoints/*", &Json::is_object},
    Typed{"EndpointSlice", "endpoints/*/addresses", &Json::is_array},
    Typed{"EndpointSlice", "endpoints/*/addresses/*", &Json::is_string},
    Typed{"EndpointSlice", "endpoints/*/conditions", &Json::is_object},
    Typed{"EndpointSlice", "endpoints/*/conditions/ready", &Json::is_boolean},
    Typed{"Secret", "data", &Json::is_object},
    Typed{"Secret", "data/*", &Json::is_string},
};

// Takes away what stands at `path` and is of another type.
void prune(Json& object, std::string_view path, Type type) {
  if (!object.is_structured()) return;
  const auto slash = path.find('/');
  const auto name = path.substr(0, slash);
  for (auto at = object.begin(); at != object.end();) {
    const bool meant = name == "*" || (object.is_object() && at.key() == name);
    if (meant && slash == std::string_view::npos && !(at.value().*type)()) {
      at = object.erase(at);
      continue;
    }
    if (meant && slash != std::string_view::npos) prune(at.value(), path.substr(slash + 1), type);
    ++at;
  }
}

}  // namespace

Json parse_json(std::string_view text) {
  int depth = 0;
  bool too_deep = false;
  auto parsed = Json::parse(
      text,
      [&](int at, Json::parse_event_t, Json&) {
        depth = std::max(depth, at);
        too_deep = depth > kMaxDepth;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  return too_deep ? Json(Json::value_t::discarded) : parsed;
}

const Json& member(const Json& object, const char* name) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

bool flag(const Json& object, const char* name) { return member(object, name) == Json(true); }

std::int64_t integer(const Json& object, const char* name, std::int64_t otherwise) {
  const auto& value = member(object, name);
  return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
}

std::string text(const Json& object, const char* name, std::string_view otherwise) {
  const auto& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string(otherwise);
}

Json as_served(Json object) {
  const auto kind = text(object, "kind", "");
  for (const auto& typed : kSchema) {
    if (typed.kind.empty() || typed.kind == kind) prune(object, typed.path, typed.type);
  }
  return object;
}

}  // namespace weir::fuzz
