// JSON inputs of the fuzz targets.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

namespace weir::fuzz {

using Json = nlohmann::json;

// Deeper than any real object, and shallow enough for the sanitizers' larger stack frames.
inline constexpr int kMaxDepth = 200;

// The value; discarded if the text is no JSON, or nested too deeply.
[[nodiscard]] Json parse_json(std::string_view text);

// The member of an object; null if it is not there, or `object` is none.
[[nodiscard]] const Json& member(const Json& object, const char* name);
[[nodiscard]] bool flag(const Json& object, const char* name);
[[nodiscard]] std::int64_t integer(const Json& object, const char* name, std::int64_t otherwise);
[[nodiscard]] std::string text(const Json& object, const char* name, std::string_view otherwise);

// The object as the API server would hand it out: metadata of every kind, and what the operator reads of
// built-in kinds, are of the types that their schema gives them. Whatever else it has stays as it is.
[[nodiscard]] Json as_served(Json object);

}  // namespace weir::fuzz
