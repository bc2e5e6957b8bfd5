// One round of the state machine: what it reads, and the decision as it takes shape.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "strategies/outlook.h"
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
inline constexpr std::string_view kTrafficFollows = "TrafficFollows";

// Reason of kTrafficFollows and of a release that holds: proxies do not send as the routes say.
inline constexpr std::string_view kRoutingMismatch = "RoutingMismatch";
// The same where only proxies do not that the release does not trust: it holds for a while.
inline constexpr std::string_view kUntrustedMismatch = "UntrustedMismatch";
// Reason of a release that holds: what it waits for to be measured could not be.
inline constexpr std::string_view kCheckInconclusive = "CheckInconclusive";
// The same while nothing is wrong, and more requests or time are needed.
inline constexpr std::string_view kGatheringEvidence = "GatheringEvidence";

// Reason of kConflict: it waits behind another release of the Service.
inline constexpr std::string_view kOtherRelease = "OtherRelease";

// By how much clocks that are read one after the other may differ.
inline constexpr Seconds kClocksApart{1};

// What one part of a round came to. Done: there is nothing left for it to do, go on with the next part. Wait
// and Acted end the round: something is waited for, or the decision has an action, or the phase is another.
enum class [[nodiscard]] Next { Done, Wait, Acted };

class Context {
 public:
  Context(const Release& release, const Observed& observed, TimePoint time)
      : spec(release.spec), seen(observed), now(time), out{.status = release.status} {}

  const Spec& spec;
  const Observed& seen;
  const TimePoint now;
  Decision out;

  Status& status() { return out.status; }
  [[nodiscard]] const Status& status() const { return out.status; }

  // Moves to another phase; it is a defect if the graph has no such edge.
  void enter(Phase phase, std::string reason, std::string message);
  // Appends to the release's log.
  void record(std::string reason, std::string message);
  void event(Severity severity, std::string reason, std::string message);
  // Says once why nothing moves: as message, as reason of condition Progressing, and as an Event when it is
  // new.
  void say_held(std::string reason, std::string message, Severity severity = Severity::Normal);
  // The same without an Event: for waits that every release goes through.
  void say(std::string reason, std::string message);
  void condition(std::string_view type, ConditionStatus value, std::string reason, std::string message);
  // Keeps what an object looked like before it is changed.
  void remember(const std::vector<RouteRecord>& found);
  void again_in(Milliseconds delay);
  void again_at(TimePoint time) { again_in(std::max(time - now, Milliseconds{0})); }
  // The release made headway: the progress deadline and the patience with drifts start afresh.
  void progressed();

  // Each ends the round.
  Next act(Action action) {
    out.actions.push_back(std::move(action));
    return Next::Acted;
  }
  Next hold(std::string reason, std::string message, Severity severity = Severity::Normal) {
    say_held(std::move(reason), std::move(message), severity);
    return Next::Wait;
  }
  Next hold(const Obstacle& obstacle) { return hold(obstacle.reason, obstacle.message, Severity::Warning); }
  Next wait(std::string reason, std::string message) {
    say(std::move(reason), std::move(message));
    return Next::Wait;
  }
  Next wait_until(TimePoint time) {
    again_at(time);
    return Next::Wait;
  }
  // Done once something has been as it is for the propagation delay; else comes back when it has.
  Next settle(Milliseconds age);
  // The same of all that the candidate relies on where its share of the requests rises, and stable where that
  // does: a proxy that knows none of a version's endpoints, or lacks the foundation, answers 503.
  Next settle_for_rise();
  Next settle_for_return();
  // Ends the round: a rise waits for what settle_for_rise() asks of.
  Next wait_for_rise();

  [[nodiscard]] const Condition* find(std::string_view type) const;
  // In what a workload differs from the version that the release knows it by, `recorded`, as a sentence;
  // empty: in nothing.
  [[nodiscard]] std::string relabelled(const std::optional<Workload>& workload,
                                       std::string Identity::* recorded) const;
  // What must be mended before traffic may move on; empty: nothing, and every part of the release is there.
  [[nodiscard]] std::optional<Obstacle> blocked() const;
  // What comes next, as the release stands by now.
  [[nodiscard]] Outlook outlook() const { return strategies::outlook(spec, out.status, seen.watched_since); }
  // Since when traffic is divided as it is: not before that was authorised.
  [[nodiscard]] TimePoint routed_since(TimePoint authorised) const {
    if (!seen.routes) return authorised;
    return now -
           std::min<Milliseconds>(seen.routes->divided_age.value_or(seen.routes->age), now - authorised);
  }
  // During the release the Service itself selects both versions.
  [[nodiscard]] bool widens_selector() const {
    return seen.abilities.selects_both && spec.service.mode == ServiceMode::Placeholder;
  }
  // What divided routes rest on is there, or there need be no such thing.
  [[nodiscard]] bool has_foundation() const {
    return !seen.abilities.needs_foundation || (seen.foundation && seen.foundation->present);
  }
  // How long that is known to be as it is.
  [[nodiscard]] Milliseconds foundation_age() const {
    return seen.foundation ? seen.foundation->age : Milliseconds::max();
  }
  // The same of the Service's selector and of the routes, be they gone: what is gone a proxy may still have.
  [[nodiscard]] Milliseconds service_age() const {
    return seen.service ? seen.service->age : seen.service_gone;
  }
  // How long proxies can be known to have enough of a version's endpoints, and the selector. Whether it has
  // any is looked at by itself.
  [[nodiscard]] Milliseconds stable_age() const {
    if (!seen.service || seen.service->stable_endpoints < 1) return service_age();
    return std::min(seen.service->age, seen.service->stable_endpoints_age);
  }
  [[nodiscard]] Milliseconds candidate_age() const {
    if (!seen.service || seen.service->candidate_endpoints < 1) return service_age();
    return std::min(seen.service->age, seen.service->candidate_endpoints_age);
  }
  [[nodiscard]] Milliseconds routes_age() const { return seen.routes ? seen.routes->age : seen.routes_gone; }
};

}  // namespace weir::strategies
