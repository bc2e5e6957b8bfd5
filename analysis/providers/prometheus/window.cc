#include "analysis/providers/prometheus/window.h"

#include <algorithm>

#include "analysis/providers/prometheus/query_template.h"

namespace weir::analysis {
namespace {

std::string text(Seconds duration) { return std::to_string(duration.count()) + "s"; }

}  // namespace

bool needs_scrapes(const Metric& metric, Seconds length) {
  return length < kAlwaysLongEnough && (metric.query.empty() || uses_variable(metric.query, "interval"));
}

PlannedWindow plan_window(const Window& asked, std::optional<Seconds> scrape_interval) {
  PlannedWindow plan{.end = asked.end, .length = asked.length};
  if (!scrape_interval || asked.length >= kMinScrapes * *scrape_interval) return plan;

  const Seconds needed = kMinScrapes * *scrape_interval;
  const std::string why = "a window of " + text(asked.length) + " is shorter than two scrapes (" +
                          text(*scrape_interval) + " each)";
  Seconds allowed = needed;
  if (asked.earliest) {
    allowed = std::min(needed, std::chrono::floor<Seconds>(asked.end - *asked.earliest));
  }
  plan.length = std::max(asked.length, allowed);
  plan.too_short = plan.length < needed;
  if (plan.too_short) {
    plan.missing = needed - allowed;
    plan.warning = why + ", and the step is too young to widen it";
  } else {
    plan.warning = why + ": widened to " + text(plan.length);
  }
  return plan;
}

}  // namespace weir::analysis
