// What the API server makes sure of before the operator reads an object: that metadata, and the fields of
// built-in kinds, are of their types and in their range. A plan has no API server.
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

struct Unusable {
  std::string field;          // "spec.ports[0]"
  std::string value;          // as JSON
  std::string_view accepted;  // "an object"
};
// The first field that the operator reads and that the API server would refuse; empty: there is none.
[[nodiscard]] std::optional<Unusable> find_unusable(const Json& object);

}  // namespace weir::offline
