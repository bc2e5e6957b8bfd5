#include "operator/cli/status.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>

#include "operator/cli/status_parts.h"
#include "operator/reconcile/finished.h"
#include "strategies/outlook.h"

namespace weir::cli {
namespace {

using strategies::Phase;
using strategies::TimePoint;

constexpr std::size_t kBarWidth = 40;

Mark mark_of(Phase phase, const Glyphs& set) {
  switch (phase) {
    case Phase::Pending:
      return {set.next, Style::Dim};
    case Phase::Initializing:
    case Phase::Progressing:
    case Phase::Promoting:
    case Phase::Finalizing:
      return {set.current, Style::Accent};
    case Phase::Succeeded:
      return {set.done, Style::Good};
    case Phase::RollingBack:
    case Phase::Failed:
      return {set.failed, Style::Bad};
  }
  return {set.unknown, Style::Plain};
}

Page& label(Page& page, std::string_view name) { return page.put(name, Style::Bold).to(kLabels); }

void version_line(Page& page, std::string_view name, const strategies::VersionStatus& version,
                  const std::string& otherwise) {
  label(page, name);
  if (version.name.empty()) {
    page.put(otherwise, Style::Dim).end_line();
    return;
  }
  page.put(version.name);
  if (!version.version.empty()) page.put(fmt::format(" ({})", version.version));
  page.put(fmt::format(", {} of {} ready", version.ready, version.replicas));
  page.end_line();
}

void header(Page& page, const canary::Canary& release) {
  label(page, "Canary").put(release.name_space + "/" + release.name, Style::Bold).end_line();
  label(page, "Service").put(release.spec.service.name);
  if (release.spec.service.mode == strategies::ServiceMode::Dedicated) page.put(" (Dedicated)", Style::Dim);
  page.end_line();
  version_line(page, "Stable", release.status.stable, "not known yet");
  version_line(page, "Candidate", release.status.candidate, release.spec.target.name + ", not seen yet");
}

void phase_lines(Page& page, const canary::Canary& release, TimePoint now) {
  const auto& status = release.status;
  const Mark mark = mark_of(status.phase, glyphs(page));
  label(page, "Phase").put(fmt::format("{} {}", mark.glyph, to_string(status.phase)), mark.style);
  if (status.last_transition_time) {
    const std::string since = short_duration(now - *status.last_transition_time);
    page.put(is_final(status.phase) ? fmt::format(", {} ago", since) : fmt::format(" for {}", since),
             Style::Dim);
  }
  page.end_line();
  if (!status.message.empty()) page.to(kLabels).paragraph(status.message, kLabels);
  if (is_final(status.phase) && reconcile::begins_anew(release)) {
    page.to(kLabels).paragraph("this was the release of " + status.target + "; that of " +
                                   release.spec.target.name + " has not begun yet",
                               kLabels, Style::Warn);
  }
  if (!release.rollback_requested.empty() && !is_final(status.phase)) {
    page.to(kLabels).paragraph("rollback was asked for: " + release.rollback_requested, kLabels, Style::Warn);
  }
}

std::string_view or_else(const std::string& text, std::string_view otherwise) {
  return text.empty() ? otherwise : std::string_view(text);
}

// Cells of the candidate: none and all only if it has no traffic, or all of it.
std::size_t candidate_cells(std::size_t cells, int percent) {
  if (percent <= 0) return 0;
  if (percent >= 100) return cells;
  const auto share = (cells * static_cast<std::size_t>(percent) + 50) / 100;
  return std::clamp<std::size_t>(share, 1, cells - 1);
}

std::string repeated(std::string_view cell, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += cell;
  return text;
}

void traffic_line(Page& page, const canary::Canary& release) {
  const auto& status = release.status;
  const auto& set = glyphs(page);
  const std::string stable = fmt::format("{} {} % ", or_else(status.stable.version, "stable"),
                                         status.canary_weight.rest().percent());
  const std::string candidate =
      fmt::format(" {} % {}", status.canary_weight.percent(), or_else(status.candidate.version, "candidate"));
  const std::size_t words = kLabels + length_of(stable) + length_of(candidate);
  const std::size_t room = page.screen().width > words + 2 ? page.screen().width - words : 2;
  const std::size_t cells = std::min(kBarWidth, room);
  const std::size_t share = candidate_cells(cells, status.canary_weight.percent());
  label(page, "Traffic").put(stable);
  page.put(repeated(set.stable, cells - share), Style::Good)
      .put(repeated(set.candidate, share), Style::Accent);
  page.put(candidate).end_line();
}

enum class Rung { Done, Current, Next, Failed };

// Where a step of the analysis stands. `number` is 1-based.
Rung rung_of(const strategies::Status& status, int number) {
  switch (status.phase) {
    case Phase::Pending:
    case Phase::Initializing:
      return Rung::Next;
    case Phase::Progressing:
      if (number == status.step) return Rung::Current;
      return number < status.step ? Rung::Done : Rung::Next;
    case Phase::Promoting:
    case Phase::Finalizing:
    case Phase::Succeeded:
      return Rung::Done;
    case Phase::RollingBack:
    case Phase::Failed:
      if (number == status.step) return Rung::Failed;
      return number < status.step ? Rung::Done : Rung::Next;
  }
  return Rung::Next;
}

Rung promotion_rung_of(const strategies::Status& status, strategies::Weight weight) {
  if (status.phase == Phase::Finalizing || status.phase == Phase::Succeeded) return Rung::Done;
  if (status.phase != Phase::Promoting || status.canary_weight < weight) return Rung::Next;
  return status.canary_weight == weight ? Rung::Current : Rung::Done;
}

void put_rung(Page& page, Rung rung, strategies::Weight weight) {
  const auto& set = glyphs(page);
  Mark mark;
  switch (rung) {
    case Rung::Done:
      mark = {set.done, Style::Good};
      break;
    case Rung::Current:
      mark = {set.current, Style::Accent};
      break;
    case Rung::Next:
      mark = {set.next, Style::Dim};
      break;
    case Rung::Failed:
      mark = {set.failed, Style::Bad};
      break;
  }
  page.put(fmt::format("{} {}", mark.glyph, weight.percent()), mark.style).put("  ");
}

void steps_line(Page& page, const canary::Canary& release) {
  label(page, "Steps");
  int number = 0;
  for (const auto& step : release.spec.program.steps)
    put_rung(page, rung_of(release.status, ++number), step.traffic.candidate);
  page.put("promotion ", Style::Dim);
  for (const auto& [weight] : release.spec.program.promotion) {
    put_rung(page, promotion_rung_of(release.status, weight), weight);
  }
  page.end_line();
}

std::string after_pass(const canary::Canary& release) {
  const auto& steps = release.spec.program.steps;
  const auto next = static_cast<std::size_t>(std::max(release.status.step, 0));
  return next < steps.size() ? fmt::format("{} %", steps[next].traffic.candidate.percent())
                             : std::string("the promotion");
}

std::string in_or_due(TimePoint time, TimePoint now) {
  return time > now ? "in " + short_duration(time - now) : std::string("due now");
}

// Status does not say whether an operator was there all the time: the deadline is the earliest one.
std::string taken_back(TimePoint deadline, TimePoint now) {
  const auto when = deadline > now ? "in " + short_duration(deadline - now) : std::string("now");
  return fmt::format("taken back {} without progress, or later if the operator was away", when);
}

void next_line(Page& page, const canary::Canary& release, TimePoint now) {
  const auto& status = release.status;
  if (is_final(status.phase)) return;
  const auto next = strategies::outlook(release.spec, status);
  std::string text;
  const bool suspended = release.spec.suspend && status.phase != Phase::RollingBack;
  if (next.next_check && suspended) {
    text = fmt::format("suspended: the candidate's weight does not rise; check {}",
                       in_or_due(*next.next_check, now));
  } else if (next.next_check) {
    text =
        fmt::format("check {}, then {} if it passes", in_or_due(*next.next_check, now), after_pass(release));
  } else if (next.stable_released) {
    text = fmt::format("{} is released {}", or_else(status.stable.name, "stable"),
                       in_or_due(*next.stable_released, now));
  } else if (suspended) {
    text = "suspended: the candidate's weight does not rise";
  }
  // While the first check of a step is on its way the deadline is far.
  const bool waits = text.empty() || (status.phase == Phase::Progressing && status.checks_in_step > 0);
  if (next.deadline && waits) text += (text.empty() ? "" : "; ") + taken_back(*next.deadline, now);
  if (!text.empty()) label(page, "Next").paragraph(text, kLabels);
}

void failed_line(Page& page, const canary::Canary& release) {
  const int failed = release.status.failed_checks;
  Style style = Style::Plain;
  if (failed > 0) style = failed < release.spec.threshold ? Style::Warn : Style::Bad;
  label(page, "Failed").put(fmt::format("{} of {} checks", failed, release.spec.threshold), style).end_line();
}

}  // namespace

std::string short_duration(std::chrono::milliseconds duration) {
  const auto seconds = std::max<std::int64_t>(0, duration.count() / 1000);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
  return fmt::format("{}d{}h", seconds / 86400, seconds % 86400 / 3600);
}

std::string render_status(const canary::Canary& release, const std::vector<Json>& events, TimePoint now,
                          const Screen& screen) {
  Page page(screen);
  header(page, release);
  phase_lines(page, release, now);
  traffic_line(page, release);
  steps_line(page, release);
  next_line(page, release, now);
  failed_line(page, release);
  put_checks(page, release, now);
  put_conditions(page, release);
  put_events(page, events, now);
  return page.text();
}

std::string render_line(const canary::Canary& release) {
  const auto& status = release.status;
  std::string text =
      fmt::format("{}/{} {} {} % step {}/{} failed {}/{}", release.name_space, release.name,
                  to_string(status.phase), status.canary_weight.percent(), status.step,
                  release.spec.program.steps.size(), status.failed_checks, release.spec.threshold);
  if (!status.message.empty()) text += ": " + status.message;
  Screen unlimited{.width = text.size(), .unicode = true};
  return Page(unlimited).put(text).text();
}

}  // namespace weir::cli
