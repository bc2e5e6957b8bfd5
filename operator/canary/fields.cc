#include "operator/canary/fields.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>

#include "operator/base/time.h"
#include "operator/base/utf8.h"

namespace weir::canary {
namespace {

const Json kEmptyObject = Json::object();
const Json kEmptyArray = Json::array();

constexpr std::size_t kMaxListed = 8;  // values of one name in a dictionary of lists

constexpr std::string_view kDurationExample = "30s or 1m30s";
constexpr std::size_t kLongestDuration = 32;  // characters

struct Form {
  std::regex pattern;
  std::size_t longest;
  std::string_view accepted;
};

// The same patterns, lengths and words as in the CRD.
// Made once: to compile an expression costs more than a whole round.
const Form& form_of(NameForm form) {
  static const Form kObject{std::regex("[a-z0-9]([-a-z0-9.]*[a-z0-9])?"), 253,
                            "lower-case letters, digits, - and ., at most 253"};
  static const Form kLabel{std::regex("[a-z0-9]([-a-z0-9]*[a-z0-9])?"), 63,
                           "lower-case letters, digits and -, at most 63"};
  static const Form kLabelKey{
      std::regex("([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"), 317,
      "the key of a label, such as version or app.kubernetes.io/version"};
  switch (form) {
    case NameForm::Object:
      return kObject;
    case NameForm::Label:
      return kLabel;
    case NameForm::LabelKey:
      return kLabelKey;
  }
  return kObject;
}

// "stepWeights[2]"
std::string indexed(std::string_view name, std::size_t index) {
  return std::string(name) + '[' + std::to_string(index) + ']';
}

// What an integer field accepts. The limit of its type is named only to those who reach it.
std::string accepted(Bounds bounds, double given) {
  if (bounds.most != kMaxInteger) {
    return "it must be " + std::to_string(bounds.least) + " to " + std::to_string(bounds.most);
  }
  const auto limit = given > static_cast<double>(bounds.most) ? ", up to " + std::to_string(bounds.most) : "";
  return "it must be " + std::to_string(bounds.least) + " or more" + limit;
}

}  // namespace

std::string quoted_list(const std::vector<std::string_view>& values) {
  std::string text;
  for (const auto value : values) text += (text.empty() ? "\"" : ", \"") + std::string(value) + '"';
  return text;
}

Fields::Fields(const Json& object, std::string path, Problems& problems)
    : object_(object), path_(std::move(path)), problems_(problems) {}

bool Fields::has(std::string_view name) const {
  const auto found = object_.find(name);
  return found != object_.end() && !found->is_null();
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + '.' + std::string(name);
}

void Fields::refuse(std::string_view name, std::string sentence) {
  if (!problems_.error) problems_.error = FieldError{path_of(name), std::move(sentence)};
}

void Fields::require(std::string_view name) {
  if (!has(name)) refuse(name, path_of(name) + " is required");
}

void Fields::expect_type(std::string_view name, const Json& value, std::string_view type) {
  refuse(name, path_of(name) + " is " + value.dump(-1, ' ', false, Json::error_handler_t::replace) +
                   "; it must be of type " + std::string(type));
}

const Json* Fields::find(std::string_view name, bool (Json::*is_type)() const noexcept,
                         std::string_view type) {
  asked_.emplace_back(name);
  if (!has(name)) return nullptr;
  const Json& value = *object_.find(name);
  if ((value.*is_type)()) return &value;
  expect_type(name, value, type);
  return nullptr;
}

Fields Fields::object(std::string_view name) {
  const auto* value = find(name, &Json::is_object, "object");
  return {value != nullptr ? *value : kEmptyObject, path_of(name), problems_};
}

const Json& Fields::list(std::string_view name, std::size_t most) {
  const auto* value = find(name, &Json::is_array, "array");
  if (value == nullptr) return kEmptyArray;
  if (value->size() <= most) return *value;
  refuse(name, path_of(name) + " has " + std::to_string(value->size()) + " items; it must have at most " +
                   std::to_string(most));
  return kEmptyArray;
}

std::vector<Fields> Fields::objects(std::string_view name, std::size_t most) {
  std::vector<Fields> all;
  for (const auto& item : list(name, most)) {
    const auto item_name = indexed(name, all.size());
    if (!item.is_object()) expect_type(item_name, item, "object");
    all.emplace_back(item.is_object() ? item : kEmptyObject, path_of(item_name), problems_);
  }
  return all;
}

std::vector<std::string> Fields::texts(std::string_view name, std::size_t most, std::size_t longest) {
  std::vector<std::string> all;
  for (const auto& item : list(name, most)) {
    const bool usable = item.is_string() && !item.get_ref<const std::string&>().empty();
    if (!usable) expect_type(indexed(name, all.size()), item, "string, not empty");
    auto text = usable ? item.get<std::string>() : std::string();
    expect_length(indexed(name, all.size()), text, longest);
    all.push_back(std::move(text));
  }
  return all;
}

std::vector<std::int64_t> Fields::integers(std::string_view name, Bounds bounds, std::size_t most) {
  std::vector<std::int64_t> all;
  for (const auto& item : list(name, most)) {
    all.push_back(whole(indexed(name, all.size()), item, bounds).value_or(bounds.least));
  }
  return all;
}

void Fields::expect_length(std::string_view name, const std::string& text, std::size_t longest) {
  const auto length = base::count_characters(text);
  if (length > longest)
    refuse(name, path_of(name) + " has " + std::to_string(length) + " characters; it must have at most " +
                     std::to_string(longest));
}

void Fields::expect_entries(std::string_view name, const Json& object, std::size_t most) {
  if (object.size() > most)
    refuse(name, path_of(name) + " has " + std::to_string(object.size()) + " entries; it must have at most " +
                     std::to_string(most));
}

std::map<std::string, std::string> Fields::dictionary(std::string_view name, std::size_t most,
                                                      std::size_t longest) {
  std::map<std::string, std::string> all;
  const auto* object = find(name, &Json::is_object, "object");
  if (object == nullptr) return all;
  expect_entries(name, *object, most);
  for (const auto& [key, value] : object->items()) {
    const auto member = std::string(name) + '.' + key;
    if (!value.is_string()) expect_type(member, value, "string");
    auto text = value.is_string() ? value.get<std::string>() : std::string();
    expect_length(member, text, longest);
    all.emplace(key, std::move(text));
  }
  return all;
}

std::map<std::string, std::vector<std::string>> Fields::lists(std::string_view name, std::size_t most,
                                                              std::size_t longest) {
  std::map<std::string, std::vector<std::string>> all;
  const auto* object = find(name, &Json::is_object, "object");
  if (object == nullptr) return all;
  expect_entries(name, *object, most);
  Fields members(*object, path_of(name), problems_);
  for (const auto& [key, value] : object->items()) all.emplace(key, members.texts(key, kMaxListed, longest));
  return all;
}

std::string Fields::text(std::string_view name, std::string_view fallback, Bounds length) {
  const auto* value = find(name, &Json::is_string, "string");
  if (value == nullptr) return std::string(fallback);
  const auto size = static_cast<std::int64_t>(base::count_characters(value->get_ref<const std::string&>()));
  if (size >= length.least && size <= length.most) return value->get<std::string>();
  refuse(name, path_of(name) + " has " + std::to_string(size) + " characters; it must have " +
                   std::to_string(length.least) + " to " + std::to_string(length.most));
  return std::string(fallback);
}

std::string Fields::name(std::string_view name, NameForm form, bool required) {
  if (required) require(name);
  const auto* value = find(name, &Json::is_string, "string");
  if (value == nullptr) return {};
  auto given = value->get<std::string>();
  const auto& [pattern, longest, accepted] = form_of(form);
  // The length first: a regular expression recurses once a character.
  if (given.size() <= longest && std::regex_match(given, pattern)) return given;
  refuse(name, path_of(name) + " is \"" + given + "\"; it must be " + std::string(accepted));
  return {};
}

std::optional<std::int64_t> Fields::integer(std::string_view name, Bounds bounds) {
  const auto* value = find(name, &Json::is_number, "integer");
  return value != nullptr ? whole(name, *value, bounds) : std::nullopt;
}

std::optional<std::int64_t> Fields::whole(std::string_view name, const Json& value, Bounds bounds) {
  // 10.0 is an integer too: JSON has one type of number.
  const double given = value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
  if (std::trunc(given) != given) {
    expect_type(name, value, "integer");
    return std::nullopt;
  }
  if (given >= static_cast<double>(bounds.least) && given <= static_cast<double>(bounds.most)) {
    return static_cast<std::int64_t>(given);
  }
  refuse(name, path_of(name) + " is " + value.dump() + "; " + accepted(bounds, given));
  return std::nullopt;
}

std::string number_text(double value) {
  auto text = Json(value).dump();
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::optional<double> Fields::number(std::string_view name) {
  const auto* value = find(name, &Json::is_number, "number");
  if (value == nullptr) return std::nullopt;
  return value->get<double>();
}

std::optional<double> Fields::number(std::string_view name, double least, double most) {
  const auto given = number(name);
  if (!given || (*given >= least && *given <= most)) return given;
  refuse(name, path_of(name) + " is " + number_text(*given) + "; it must be " + number_text(least) + " to " +
                   number_text(most));
  return std::nullopt;
}

bool Fields::flag(std::string_view name, bool fallback) {
  const auto* value = find(name, &Json::is_boolean, "boolean");
  return value != nullptr ? value->get<bool>() : fallback;
}

const std::string* Fields::duration_text(std::string_view name) {
  const auto* value = find(name, &Json::is_string, "string");
  if (value == nullptr) return nullptr;
  const auto* text = value->get_ptr<const std::string*>();
  const auto length = base::count_characters(*text);
  if (length <= kLongestDuration) return text;
  refuse(name, path_of(name) + " has " + std::to_string(length) +
                   " characters; it must be a duration of at most " + std::to_string(kLongestDuration) +
                   ", such as " + std::string(kDurationExample));
  return nullptr;
}

std::optional<std::chrono::milliseconds> Fields::duration(std::string_view name,
                                                          std::chrono::milliseconds least) {
  const auto* given = duration_text(name);
  if (given == nullptr) return std::nullopt;
  const auto parsed = base::parse_duration(*given);
  if (parsed && *parsed >= least) return *parsed;
  refuse(name, path_of(name) + " is \"" + *given + "\"; it must be a duration of " +
                   base::format_duration(least) + " or more, such as " + std::string(kDurationExample));
  return std::nullopt;
}

std::optional<std::chrono::seconds> Fields::seconds(std::string_view name, std::chrono::seconds least) {
  const auto* given = duration_text(name);
  if (given == nullptr) return std::nullopt;
  const auto parsed = base::parse_duration(*given);
  if (parsed && *parsed >= least && *parsed % std::chrono::seconds{1} == std::chrono::seconds{0}) {
    return std::chrono::duration_cast<std::chrono::seconds>(*parsed);
  }
  refuse(name, path_of(name) + " is \"" + *given + "\"; it must be a duration of whole seconds, " +
                   base::format_duration(least) + " or more, such as " + std::string(kDurationExample));
  return std::nullopt;
}

void Fields::note_unknown() {
  if (problems_.error)
    return;  // what was refused may have ended the reading before every field was asked for
  for (const auto& [key, value] : object_.items()) {
    if (problems_.unknown || std::ranges::find(asked_, key) != asked_.end()) continue;
    problems_.unknown = FieldError{path_of(key), path_of(key) + " is not a field of this version"};
  }
}

}  // namespace weir::canary
