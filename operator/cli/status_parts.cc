#include "operator/cli/status_parts.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "operator/base/json.h"
#include "operator/base/time.h"
#include "operator/cli/status.h"
#include "operator/kube/object.h"

namespace weir::cli {
namespace {

using strategies::Check;
using strategies::Condition;
using strategies::ConditionStatus;
using strategies::Outcome;
using strategies::TimePoint;

constexpr std::size_t kEventsShown = 5;

Mark mark_of(Outcome outcome, const Glyphs& set) {
  switch (outcome) {
    case Outcome::Pass:
      return {set.done, Style::Good};
    case Outcome::Fail:
      return {set.failed, Style::Bad};
    case Outcome::Inconclusive:
      return {set.unknown, Style::Warn};
  }
  return {set.unknown, Style::Plain};
}

// Up to two decimals, without zeros at the end.
std::string number(double value) {
  if (!std::isfinite(value)) return "-";
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string number(const std::optional<double>& value) { return value ? number(*value) : "-"; }

std::string range_text(const std::optional<double>& min, const std::optional<double>& max,
                       const Glyphs& set) {
  if (min && max) return number(*min) + " to " + number(*max);
  if (min) return fmt::format("{} {}", set.at_least, number(*min));
  if (max) return fmt::format("{} {}", set.at_most, number(*max));
  return "-";
}

// The last interval's checks; before the first one, what will be checked.
std::vector<Check> checks_of(const canary::Canary& release) {
  if (!release.status.checks.empty() || is_final(release.status.phase)) return release.status.checks;
  std::vector<Check> planned;
  planned.reserve(release.metrics.size());
  for (const auto& spec : release.metrics) {
    planned.push_back({.name = spec.metric.name,
                       .reason = "not judged yet",
                       .min = spec.metric.range.min,
                       .max = spec.metric.range.max,
                       .time = {}});
  }
  return planned;
}

// The value of each condition that a person should know of.
struct Unwanted {
  std::string_view type;
  ConditionStatus status;
};
constexpr std::array<Unwanted, 8> kUnwanted{{{"Promoted", ConditionStatus::False},
                                             {"TrafficIsolated", ConditionStatus::False},
                                             {"TrafficFollows", ConditionStatus::False},
                                             {"TrafficFollows", ConditionStatus::Unknown},
                                             {"Paused", ConditionStatus::True},
                                             {"MetricsAvailable", ConditionStatus::False},
                                             {"Conflict", ConditionStatus::True},
                                             {"Drifted", ConditionStatus::True}}};

std::optional<TimePoint> event_time(const Json& event) {
  for (const auto& text :
       {base::text(event, {"series", "lastObservedTime"}), base::text(event, {"lastTimestamp"}),
        base::text(event, {"eventTime"}), base::text(event, {"metadata", "creationTimestamp"})}) {
    if (text.empty()) continue;
    if (const auto time = base::parse_time(text)) return *time;
  }
  return std::nullopt;
}

std::string times_seen(const Json& event) {
  const auto count = event.find("count");
  const bool several = count != event.end() && count->is_number_integer() && count->get<std::int64_t>() > 1;
  return several ? fmt::format(" (x{})", count->get<std::int64_t>()) : std::string();
}

}  // namespace

void put_checks(Page& page, const canary::Canary& release, TimePoint now) {
  const auto checks = checks_of(release);
  if (checks.empty()) return;
  const auto& set = glyphs(page);
  constexpr std::array<std::string_view, 7> kTitles{"CHECK",   "VALUE", "RANGE",  "STABLE",
                                                    "SAMPLES", "AGE",   "VERDICT"};
  std::vector<std::array<std::string, kTitles.size()>> rows;
  std::array<std::size_t, kTitles.size()> widths{};
  for (std::size_t i = 0; i < kTitles.size(); ++i) widths[i] = kTitles[i].size();
  for (const Check& check : checks) {
    const bool judged = check.time != TimePoint{};
    rows.push_back({check.name, number(check.value), range_text(check.min, check.max, set),
                    number(check.stable), number(check.samples),
                    judged ? short_duration(now - check.time) : std::string("-"),
                    judged ? fmt::format("{} ({})", to_string(check.outcome), check.reason) : check.reason});
    for (std::size_t i = 0; i < widths.size(); ++i)
      widths[i] = std::max(widths[i], length_of(rows.back()[i]));
  }

  const auto row = [&](const auto& cells, std::string_view glyph, Style glyph_style, Style style) {
    page.put(glyph, glyph_style);
    std::size_t column = 2;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      page.to(column).put(cells[i], style);
      column += widths[i] + 2;
    }
    page.end_line();
  };
  page.end_line();
  row(kTitles, "", Style::Plain, Style::Bold);
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const bool judged = checks[i].time != TimePoint{};
    const Mark mark = judged ? mark_of(checks[i].outcome, set) : Mark{set.next, Style::Dim};
    row(rows[i], mark.glyph, mark.style, Style::Plain);
    if (judged && checks[i].outcome != Outcome::Pass && !checks[i].message.empty()) {
      page.to(4).paragraph(checks[i].message, 4, mark.style);
    }
  }
}

void put_conditions(Page& page, const canary::Canary& release) {
  bool first = true;
  for (const Condition& condition : release.status.conditions) {
    const bool unwanted = std::ranges::any_of(kUnwanted, [&](const Unwanted& entry) {
      return entry.type == condition.type && entry.status == condition.status;
    });
    if (!unwanted) continue;
    if (first) page.end_line().put("Conditions", Style::Bold).end_line();
    first = false;
    page.put("! ", Style::Warn)
        .put(fmt::format("{}={} ({})", condition.type, to_string(condition.status), condition.reason));
    if (!condition.message.empty()) page.put(": ");
    page.paragraph(condition.message, 4);
  }
}

void put_events(Page& page, const std::vector<Json>& events, TimePoint now) {
  if (events.empty()) return;
  page.end_line().put("Events", Style::Bold).end_line();
  const std::size_t first = events.size() > kEventsShown ? events.size() - kEventsShown : 0;
  for (std::size_t i = first; i < events.size(); ++i) {
    const Json& event = events[i];
    const auto time = event_time(event);
    const bool warning = base::text(event, {"type"}) == "Warning";
    const std::string reason = base::text(event, {"reason"});
    page.to(2).put(time ? short_duration(now - *time) : "-", Style::Dim).to(kLabels);
    page.put(reason, warning ? Style::Warn : Style::Plain).put(" ");
    page.paragraph(base::text(event, {"message"}) + times_seen(event), kLabels);
  }
}

std::vector<Json> events_of(const canary::Canary& release, const std::vector<Json>& events) {
  std::vector<Json> about;
  for (const Json& event : events) {
    if (base::text(event, {"involvedObject", "uid"}) == release.uid) about.push_back(event);
  }
  std::ranges::stable_sort(about, {}, event_time);
  return about;
}

}  // namespace weir::cli
