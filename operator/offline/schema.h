// What the API server makes sure of before the operator reads an object: that metadata, and the fields of
// built-in kinds, are of their types. A plan has no API server.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace weir::offline {

using Json = nlohmann::json;

// Takes out the fields that are null where a field of that value counts as absent: in metadata, and in all of
// a built-in kind.
void drop_nulls(Json& object);

struct Mistyped {
  std::string field;          // "spec.ports[0]"
  std::string_view accepted;  // "an object"
};
// The first field that the operator reads and that is of another type; empty: there is none.
[[nodiscard]] std::optional<Mistyped> find_mistyped(const Json& object);

}  // namespace weir::offline
