#include "operator/offline/schema.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "operator/base/json.h"
#include "operator/kube/object.h"

namespace weir::offline {
namespace {

enum class Type { Object, Array, String, Count };

constexpr std::int64_t kMaxCount = std::numeric_limits<std::int32_t>::max();

struct Field {
  std::string_view kind;  // empty: of every kind
  std::string_view path;  // "*" is every member or item
  Type type;
};

// A field stands below those that it is part of.
constexpr std::array kFields{
    Field{"", "metadata", Type::Object},
    Field{"", "metadata/name", Type::String},
    Field{"", "metadata/namespace", Type::String},
    Field{"", "metadata/labels", Type::Object},
    Field{"", "metadata/labels/*", Type::String},
    Field{"", "metadata/annotations", Type::Object},
    Field{"", "metadata/annotations/*", Type::String},
    Field{"", "metadata/finalizers", Type::Array},
    Field{"", "metadata/finalizers/*", Type::String},
    Field{"", "metadata/ownerReferences", Type::Array},
    Field{"", "metadata/ownerReferences/*", Type::Object},
    Field{"", "metadata/ownerReferences/*/uid", Type::String},
    Field{"Deployment", "spec", Type::Object},
    Field{"Deployment", "spec/replicas", Type::Count},
    Field{"Deployment", "spec/selector", Type::Object},
    Field{"Deployment", "spec/selector/matchLabels", Type::Object},
    Field{"Deployment", "spec/selector/matchLabels/*", Type::String},
    Field{"Deployment", "spec/template", Type::Object},
    Field{"Deployment", "spec/template/metadata", Type::Object},
    Field{"Deployment", "spec/template/metadata/labels", Type::Object},
    Field{"Deployment", "spec/template/metadata/labels/*", Type::String},
    Field{"Service", "spec", Type::Object},
    Field{"Service", "spec/selector", Type::Object},
    Field{"Service", "spec/selector/*", Type::String},
    Field{"Service", "spec/ports", Type::Array},
    Field{"Service", "spec/ports/*", Type::Object},
};

bool is_count(std::int64_t value) { return value >= 0 && value <= kMaxCount; }

bool is_of(const Json& value, Type type) {
  switch (type) {
    case Type::Object:
      return value.is_object();
    case Type::Array:
      return value.is_array();
    case Type::String:
      return value.is_string();
    case Type::Count:
      return value.is_number_integer() && is_count(value.get<std::int64_t>());
  }
  return false;
}

std::string_view words_for(Type type) {
  switch (type) {
    case Type::Object:
      return "an object";
    case Type::Array:
      return "a list";
    case Type::String:
      return "a string";
    case Type::Count:
      return "a whole number from 0 to 2147483647";
  }
  return {};
}

// The first value at `path` below `node`, which is the field `at`, that is not `type`.
std::optional<Unusable> look(const Json& node, const std::string& at, std::string_view path, Type type) {
  if (!node.is_structured()) return std::nullopt;
  const auto slash = path.find('/');
  const auto name = path.substr(0, slash);
  std::size_t index = 0;
  for (const auto& [key, value] : node.items()) {
    const auto field = node.is_array() ? at + "[" + std::to_string(index++) + "]"
                                       : (at.empty() ? std::string() : at + ".") + key;
    if (name != "*" && name != key) continue;
    if (slash == std::string_view::npos) {
      if (!is_of(value, type))
        return Unusable{.field = field, .value = value.dump(), .accepted = words_for(type)};
    } else if (auto found = look(value, field, path.substr(slash + 1), type)) {
      return found;
    }
  }
  return std::nullopt;
}

void drop_all_nulls(Json& node) {
  if (!node.is_structured()) return;
  for (auto at = node.begin(); at != node.end();) {
    if (node.is_object() && at->is_null()) {
      at = node.erase(at);
    } else {
      drop_all_nulls(*at++);
    }
  }
}

}  // namespace

void drop_nulls(Json& object) {
  const auto kind = base::text(object, {"kind"});
  const bool built_in = std::ranges::any_of(kFields, [&](const Field& field) { return field.kind == kind; });
  if (built_in) return drop_all_nulls(object);
  if (const auto metadata = object.find("metadata"); metadata != object.end()) drop_all_nulls(*metadata);
}

std::optional<Unusable> find_unusable(const Json& object) {
  const auto kind = base::text(object, {"kind"});
  for (const auto& field : kFields) {
    if (!field.kind.empty() && field.kind != kind) continue;
    if (auto found = look(object, "", field.path, field.type)) return found;
  }
  return std::nullopt;
}

}  // namespace weir::offline
