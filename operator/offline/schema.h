// What the API server makes sure of before the operator reads an object: that metadata, and the fields of
// built-in kinds and of the mesh's, are of their types and in their range, and that names, labels and ports
// are as Kubernetes takes them. A plan has no API server.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "operator/offline/yaml.h"

namespace weir::offline {

using Json = nlohmann::json;

// Takes out the fields that are null where a field of that value counts as absent: in metadata, and in all of
// a built-in kind or one of the mesh's.
void drop_nulls(Json& object);

struct Unusable {
  std::string field;          // "spec.ports[0]"
  std::string value;          // as JSON; of a field that is not there, empty
  std::string_view accepted;  // "an object"
  bool is_key = false;        // `value` is the key of one of the field's members
};
// The first field that the operator reads and that the API server would refuse; empty: there is none.
[[nodiscard]] std::optional<Unusable> find_unusable(const Json& object);

// The document's object without such nulls, and with 2 for a number that is written 2.0. The error is a
// sentence that begins with file and line: the field that the API server would refuse.
[[nodiscard]] std::expected<Json, std::string> admitted(const Document& document);

}  // namespace weir::offline
