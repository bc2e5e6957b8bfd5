#include "operator/offline/lines.h"

#include <charconv>

namespace weir::offline {
namespace {

bool begins_field(std::string_view rest) { return rest.empty() || rest[0] == '.' || rest[0] == '['; }

// The member that `path` begins with, and takes it off; null: there is none. A key may have dots of its own:
// of several that fit the longest is meant.
const Lines* take_member(const Lines& object, std::string_view& path) {
  const Lines::Member* found = nullptr;
  for (const auto& member : object.members) {
    const bool fits = path.starts_with(member.key) && begins_field(path.substr(member.key.size()));
    if (fits && (found == nullptr || member.key.size() > found->key.size())) found = &member;
  }
  if (found == nullptr) return nullptr;
  path.remove_prefix(found->key.size());
  if (path.starts_with('.')) path.remove_prefix(1);
  return &found->lines;
}

// The same for an item: "[2]".
const Lines* take_item(const Lines& list, std::string_view& path) {
  std::size_t index = 0;
  const char* const end = path.data() + path.size();
  const auto [stop, error] = std::from_chars(path.data() + 1, end, index);
  if (error != std::errc() || stop == end || *stop != ']' || index >= list.items.size()) return nullptr;
  path.remove_prefix(static_cast<std::size_t>(stop - path.data()) + 1);
  if (path.starts_with('.')) path.remove_prefix(1);
  return &list.items[index];
}

}  // namespace

int Lines::nearest(std::string_view path) const {
  int known = line;
  for (const auto* at = this; at != nullptr && !path.empty();) {
    at = path.starts_with('[') ? take_item(*at, path) : take_member(*at, path);
    if (at != nullptr && at->line != 0) known = at->line;
  }
  return known;
}

}  // namespace weir::offline
