// The window that a query is evaluated over.
#pragma once

#include <optional>
#include <string>

#include "analysis/check.h"

namespace weir::analysis {

// A counter's growth needs two scrapes.
inline constexpr int kMinScrapes = 2;
// A window of this length holds them at any scrape interval that Prometheus works with.
inline constexpr Seconds kAlwaysLongEnough{240};

struct PlannedWindow {
  TimePoint end;
  Seconds length{60};
  bool too_short = false;  // it may hold fewer than two scrapes, and must not be widened to hold them
  Seconds missing{0};      // too short: in so long the step is old enough to widen it
  std::string warning;     // empty: it is as it was asked for
};

// Whether the window of a metric, of this length, has to hold two scrapes: it is the one that the query
// counts in, and shorter than any that always does.
[[nodiscard]] bool needs_scrapes(const Metric& metric, Seconds length);

// `asked`, widened to two scrapes if it is shorter. Requests of the added time were made before the window
// that was asked for, so the added time never reaches back before `asked.earliest`: what is left too short
// then gives no verdict until the step is old enough. Without a known scrape interval the window stays as it
// is.
[[nodiscard]] PlannedWindow plan_window(const Window& asked, std::optional<Seconds> scrape_interval);

}  // namespace weir::analysis
