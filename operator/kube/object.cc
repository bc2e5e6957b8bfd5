#include "operator/kube/object.h"

#include <array>
#include <charconv>

namespace weir::kube {
namespace {

// What says nothing of an object's content. The type is among it, since the items of a list may come without.
constexpr std::array<std::string_view, 4> kNotContent{"apiVersion", "kind", "metadata", "status"};

Json content_of(const Json& object) {
  if (!object.is_object()) return {};
  if (const auto spec = object.find("spec"); spec != object.end()) return *spec;
  Json content = object;
  for (const auto field : kNotContent) content.erase(std::string(field));
  return content;
}

}  // namespace

std::string metadata_text(const Json& object, std::string_view field) {
  if (!object.is_object()) return {};
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return {};
  const auto value = metadata->find(std::string(field));
  if (value == metadata->end() || !value->is_string()) return {};
  return value->get<std::string>();
}

Key key_of(const Json& object) { return {metadata_text(object, "namespace"), metadata_text(object, "name")}; }

std::string to_string(const Key& key) {
  return key.name_space.empty() ? key.name : key.name_space + "/" + key.name;
}

std::optional<std::uint64_t> numeric_version(const Json& object) {
  const std::string text = metadata_text(object, "resourceVersion");
  std::uint64_t version = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, version);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return version;
}

bool same_content(const Json& one, const Json& other) { return content_of(one) == content_of(other); }

}  // namespace weir::kube
