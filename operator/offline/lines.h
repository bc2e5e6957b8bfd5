// On which line of a file each field of an object is written down.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::offline {

// Of a value and of all that is in it. A tree, so that a key is held once, however many values it has.
struct Lines {
  struct Member;
  int line = 0;                 // 1-based; 0: nobody knows
  std::vector<Member> members;  // of an object
  std::vector<Lines> items;     // of a list

  // The line of the field of this path, such as "spec.analysis.metrics[0].name", or of the nearest one around
  // it that is written down.
  [[nodiscard]] int nearest(std::string_view path) const;
};

struct Lines::Member {
  std::string key;
  Lines lines;
};

}  // namespace weir::offline
