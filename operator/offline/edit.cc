#include "operator/offline/edit.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace weir::offline {
namespace {

// All but `left_out`; iterates over both in the order of their fields.
bool same_but(const Json& one, const Json& other, std::initializer_list<std::string_view> left_out) {
  const auto counts = [&](const auto& at) { return std::ranges::find(left_out, at.key()) == left_out.end(); };
  const auto next = [&](const Json& object, Json::const_iterator at) {
    while (at != object.end() && !counts(at)) ++at;
    return at;
  };
  auto first = next(one, one.begin());
  auto second = next(other, other.begin());
  while (first != one.end() && second != other.end()) {
    if (first.key() != second.key() || *first != *second) return false;
    first = next(one, ++first);
    second = next(other, ++second);
  }
  return first == one.end() && second == other.end();
}

// Makes `field` of `object` what it is in `other`, absent too.
void take_over(Json& object, const Json& other, const std::string& field) {
  const auto found = other.find(field);
  if (found == other.end()) {
    object.erase(field);
  } else if (Json& value = object[field]; value != *found) {
    value = *found;
  }
}

}  // namespace

bool asks_for_the_same(const Json& one, const Json& other) {
  return same_but(one, other, {"metadata", "status"});
}

void take_back(Json& object, const Json& before, Subresource subresource) {
  if (subresource == Subresource::None) return take_over(object, before, "status");
  std::vector<std::string> fields;
  for (const Json* one : std::array<const Json*, 2>{&object, &before}) {
    for (const auto& [field, value] : one->items()) fields.push_back(field);
  }
  std::erase(fields, "status");
  for (const std::string& field : fields) take_over(object, before, field);
}

std::expected<Json, std::string> patched(const Json& object, const Json& patch) {
  try {
    if (patch.is_array()) return object.patch(patch);
    if (!patch.is_object()) return std::unexpected("a patch is an array of operations or an object");
    Json merged = object;
    merged.merge_patch(patch);
    return merged;
  } catch (const Json::exception& failure) {
    return std::unexpected(failure.what());
  }
}

}  // namespace weir::offline
