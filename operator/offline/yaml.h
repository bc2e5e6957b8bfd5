// Kubernetes objects between YAML text and JSON values.
#pragma once

#include <cstddef>
#include <expected>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "operator/offline/lines.h"

namespace weir::offline {

using Json = nlohmann::json;

// Limits of what is read, so that a hostile or mistaken file ends with a sentence and not with the machine's
// memory: an alias counts as often as it is used, with the text of what it names.
inline constexpr std::size_t kMaxInputBytes = std::size_t{16} << 20;
// Far above what any key of an object may have. YAML itself takes 1,024 characters, unless "?" announces it.
inline constexpr std::size_t kMaxKeyBytes = 4096;
inline constexpr std::size_t kMaxNodes = 200'000;
inline constexpr std::size_t kMaxDepth = 100;

// One object as it was read.
struct Document {
  Json object;       // has apiVersion and kind
  std::string file;  // as the user named it; "stdin" for "-"
  Lines lines;       // of its fields

  // "shop.yaml:12", of the field or of the nearest one around it that is written down.
  [[nodiscard]] std::string position(std::string_view field) const;
};

// Why text can't be used: "shop.yaml:12: …".
template <typename T>
using YamlResult = std::expected<T, std::string>;

// Reads a stream of YAML (or JSON) documents; empty ones are skipped and Lists give their items. Plain
// scalars have the types that kubectl gives them, quoted ones are strings. Refuses what is not UTF-8, what
// has no apiVersion and kind, a key that is written twice, and values that JSON doesn't have.
[[nodiscard]] YamlResult<std::vector<Document>> parse_yaml(std::string_view text, const std::string& file);

// The documents of all `names` in order: files, folders (their *.yaml, *.yml and *.json by name), or "-" for
// `in`.
[[nodiscard]] YamlResult<std::vector<Document>> read_yaml(const std::vector<std::string>& names,
                                                          std::istream& in);

// One document a value, each begun by "---". Block style; apiVersion, kind, metadata, name, namespace and
// spec come first and all else by name. Strings that a reader could take for something else are quoted.
// parse_yaml(to_yaml(x)) gives x back.
[[nodiscard]] std::string to_yaml(const std::vector<Json>& documents);

// The value that kubectl reads from a plain scalar: null, a boolean, a number, else the text itself.
// Infinity and NaN, which JSON doesn't have, come back as floats.
[[nodiscard]] Json plain_scalar(std::string_view text);

}  // namespace weir::offline
