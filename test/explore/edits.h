// What people, tools and broken machines do to the objects of a release, one line a kind.
#pragma once

#include <span>
#include <string_view>

#include "test/explore/world.h"

namespace weir::explore {

struct Edit {
  std::string_view text;
  bool (*possible)(const World& world);  // it would change something, and what it changes is there
  void (*apply)(Objects& objects);
};

[[nodiscard]] std::span<const Edit> edits();

}  // namespace weir::explore
