// Reading JSON whose shape nobody has checked: what is absent, or of another type, reads as nothing.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

namespace weir::base {

using Json = nlohmann::json;

// The value at a path of member names; null where there is none. Lives as long as `object`.
[[nodiscard]] const Json& field(const Json& object, std::initializer_list<const char*> path);
// The same for a string; empty where there is none.
[[nodiscard]] std::string text(const Json& object, std::initializer_list<const char*> path);
// The same for a whole number; `otherwise` where there is none.
[[nodiscard]] std::int64_t integer(const Json& object, std::initializer_list<const char*> path,
                                   std::int64_t otherwise = 0);

// The members of these names that there are; of anything but an object none.
[[nodiscard]] Json members(const Json& object, std::initializer_list<const char*> names);

// `metadata.name` and `metadata.namespace` of a Kubernetes object; empty where there is none.
[[nodiscard]] std::string name_of(const Json& object);
[[nodiscard]] std::string namespace_of(const Json& object);

}  // namespace weir::base
