// Reads JSON objects field by field, for the parsers of this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/canary/canary.h"

namespace weir::canary {

inline constexpr std::int64_t kMaxInteger = 2'147'483'647;  // of a field with format int32
inline constexpr std::size_t kAnyLength = std::numeric_limits<std::size_t>::max();

// Bounds of an integer field, ends included.
struct Bounds {
  std::int64_t least = 0;
  std::int64_t most = kMaxInteger;
};

// What a name must look like: of most objects; of a Service, a subset or a version (no dots); of a label's
// key.
enum class NameForm { Object, Label, LabelKey };

// What was wrong with an object, each the first of its kind only.
struct Problems {
  std::optional<FieldError> error;    // a field that cannot be used
  std::optional<FieldError> unknown;  // a field that this version does not have
};

// One JSON object of a Canary. The readers take a default for a field that is absent (or null), as the API
// server does. What cannot be used is noted in `problems` and the default is returned: parse on and look at
// them at the end. The object, and `problems`, must outlive this.
class Fields {
 public:
  Fields(const Json& object, std::string path, Problems& problems);

  [[nodiscard]] bool has(std::string_view name) const;
  // "spec.analysis.interval"
  [[nodiscard]] std::string path_of(std::string_view name) const;

  Fields object(std::string_view name);  // an empty object if it is absent
  // Lists of at most `most` items.
  std::vector<Fields> objects(std::string_view name, std::size_t most);
  std::vector<std::string> texts(std::string_view name, std::size_t most, std::size_t longest = kAnyLength);
  std::vector<std::int64_t> integers(std::string_view name, Bounds bounds, std::size_t most);
  // At most `most` entries, whose texts have at most `longest` characters.
  std::map<std::string, std::string> dictionary(std::string_view name, std::size_t most = kAnyLength,
                                                std::size_t longest = kAnyLength);
  std::map<std::string, std::vector<std::string>> lists(std::string_view name, std::size_t most,
                                                        std::size_t longest);
  // `length` is in characters.
  std::string text(std::string_view name, std::string_view fallback = {}, Bounds length = {});
  // Empty if it is absent, unless it is required.
  std::string name(std::string_view name, NameForm form, bool required = false);
  std::optional<std::int64_t> integer(std::string_view name, Bounds bounds);
  std::optional<double> number(std::string_view name);
  // Ends included.
  std::optional<double> number(std::string_view name, double least, double most);
  bool flag(std::string_view name, bool fallback);
  std::optional<std::chrono::milliseconds> duration(std::string_view name, std::chrono::milliseconds least);
  std::optional<std::chrono::seconds> seconds(std::string_view name, std::chrono::seconds least);

  // A value of an enumeration; the first of `values` is the default.
  template <typename Value>
  Value choice(std::string_view name, std::initializer_list<std::pair<std::string_view, Value>> values);

  void require(std::string_view name);
  // `sentence` is the whole message.
  void refuse(std::string_view name, std::string sentence);
  // Notes a field that nobody asked for.
  void note_unknown();

 private:
  // The field, if it is present and of that type.
  const Json* find(std::string_view name, bool (Json::*is_type)() const noexcept, std::string_view type);
  // The text of a duration; nullptr: there is none, or it is refused.
  const std::string* duration_text(std::string_view name);
  std::optional<std::int64_t> whole(std::string_view name, const Json& value, Bounds bounds);
  // The list, empty unless it is one of at most `most` items.
  const Json& list(std::string_view name, std::size_t most);
  void expect_length(std::string_view name, const std::string& text, std::size_t longest);
  void expect_entries(std::string_view name, const Json& object, std::size_t most);
  void expect_type(std::string_view name, const Json& value, std::string_view type);

  const Json& object_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> asked_;
};

// 99 rather than 99.0, as the API server writes it.
[[nodiscard]] std::string number_text(double value);
// `"a", "b"`
[[nodiscard]] std::string quoted_list(const std::vector<std::string_view>& values);

template <typename Value>
Value Fields::choice(std::string_view name,
                     std::initializer_list<std::pair<std::string_view, Value>> values) {
  const auto given = text(name, values.begin()->first);
  std::vector<std::string_view> names;
  for (const auto& [value_name, value] : values) {
    if (given == value_name) return value;
    names.push_back(value_name);
  }
  refuse(name, path_of(name) + " is \"" + given + "\"; supported values: " + quoted_list(names));
  return values.begin()->second;
}

}  // namespace weir::canary
