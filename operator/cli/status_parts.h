// Parts of the picture of a release (status.h) that are tables.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "operator/canary/canary.h"
#include "operator/cli/page.h"

namespace weir::cli {

inline constexpr std::size_t kLabels = 10;  // column in which values begin

struct Glyphs {
  std::string_view stable, candidate;  // cells of the traffic bar
  std::string_view done, current, next, failed, unknown;
  std::string_view at_least, at_most;
};
inline constexpr Glyphs kUnicode{"▓", "░", "✓", "▶", "·", "✗", "?", "≥", "≤"};
inline constexpr Glyphs kAscii{"#", "-", "+", ">", ".", "x", "?", ">=", "<="};

[[nodiscard]] inline const Glyphs& glyphs(const Page& page) {
  return page.screen().unicode ? kUnicode : kAscii;
}

struct Mark {
  std::string_view glyph;
  Style style = Style::Plain;
};

// Checks of the last interval with what they were measured against, and how long ago; before the first one,
// what will be checked.
void put_checks(Page& page, const canary::Canary& release, strategies::TimePoint now);
// Conditions that a person should know of.
void put_conditions(Page& page, const canary::Canary& release);
// The last Events, with their age.
void put_events(Page& page, const std::vector<nlohmann::json>& events, strategies::TimePoint now);

}  // namespace weir::cli
