// One round of the state machine: what it reads, and the decision as it takes shape.
#pragma once

#include <string>
#include <vector>

#include "strategies/plan.h"

namespace weir::strategies {

// Of conditions of a Canary.
inline constexpr std::string_view kProgressing = "Progressing";
inline constexpr std::string_view kPromoted = "Promoted";
inline constexpr std::string_view kTrafficIsolated = "TrafficIsolated";
inline constexpr std::string_view kPaused = "Paused";
inline constexpr std::string_view kMetricsAvailable = "MetricsAvailable";
inline constexpr std::string_view kConflict = "Conflict";
inline constexpr std::string_view kDrifted = "Drifted";

class Turn {
 public:
  Turn(const Release& release, const Observed& observed, TimePoint time)
      : spec(release.spec), seen(observed), now(time), out{.status = release.status} {}

  const Spec& spec;
  const Observed& seen;
  const TimePoint now;
  Decision out;

  Status& status() { return out.status; }

  // Moves to another phase; it is a defect if the graph has no such edge.
  void enter(Phase phase, std::string reason, std::string message);
  // Appends to the release's log.
  void record(std::string reason, std::string message);
  void event(Severity severity, std::string reason, std::string message);
  // Says once why nothing moves: as message, as reason of condition Progressing, and as an Event when it is
  // new.
  void hold(std::string reason, std::string message, Severity severity = Severity::Normal);
  // The same without an Event: for waits that every release goes through.
  void wait(std::string reason, std::string message);
  void condition(std::string_view type, ConditionStatus value, std::string reason, std::string message);
  [[nodiscard]] const Condition* find(std::string_view type) const;
  // What must be mended before traffic may move on; empty: nothing, and every part of the release is there.
  [[nodiscard]] std::optional<Obstacle> blocked() const;
  // Keeps what an object looked like before it is changed.
  void remember(const std::vector<RouteRecord>& found);
  void act(Action action) { out.actions.push_back(std::move(action)); }
  void again_in(Milliseconds delay);
  void again_at(TimePoint time) { again_in(std::max(time - now, Milliseconds{0})); }
  // When the progress deadline is over for what has stood still since then. Time in which no operator was
  // there is not the release's fault.
  [[nodiscard]] TimePoint deadline_after(TimePoint since) const;
  // True once something has been as it is for the propagation delay; else comes back when it has.
  [[nodiscard]] bool settled(Milliseconds age);
  // The release made headway: the progress deadline and the patience with drifts start afresh.
  void progressed();

  [[nodiscard]] bool dedicated() const { return spec.service.mode == ServiceMode::Dedicated; }
};

}  // namespace weir::strategies
