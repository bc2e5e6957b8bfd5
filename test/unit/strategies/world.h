// A cluster in plain values: carries out decisions at once and shows what would be observed next.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "strategies/machine.h"

namespace weir::strategies {

inline TimePoint at(int seconds) { return TimePoint{Seconds{1'700'000'000 + seconds}}; }

inline Weight percent(int value) { return Weight::of(value).value(); }

inline Spec checkout_spec() {
  Spec spec;
  spec.target.name = "checkout-v2";
  spec.service.name = "checkout";
  spec.interval = Seconds{30};
  spec.threshold = 3;
  spec.program = stepwise({percent(10), percent(20), percent(50)}, {percent(100)});
  spec.routing.propagation_delay = Seconds{5};
  return spec;
}

class World {
 public:
  Release release{"shop", "checkout-v2", checkout_spec(), {}};
  Observed seen;
  TimePoint now = at(0);
  std::vector<std::string> writes;  // "phase: action", in order
  std::vector<Event> events;
  // What the analysis says of the next interval; by default everything passes.
  std::function<Outcome(const CheckRequest&)> judge = [](const CheckRequest&) { return Outcome::Pass; };
  // What else it says.
  std::function<void(const CheckRequest&, Verdict&)> amend = [](const CheckRequest&, Verdict&) {};
  // What is counted of an interval, if `seen.uncountable` is empty.
  std::function<Tally(const CheckRequest&)> count = [](const CheckRequest&) {
    return Tally{.division = Division::Agrees, .message = "as the routes say"};
  };
  // Says before which writes the process dies; by default it never does.
  std::function<bool(const Action&)> dies = [](const Action&) { return false; };
  // What somebody else does after a write.
  std::function<void(World&)> on_write = [](World&) {};
  // Called after every status and every write, with the state as it is then.
  std::function<void(const World&)> check = [](const World&) {};

  World() {
    seen.generation = 1;
    seen.candidate = Workload{.name = "checkout-v2",
                              .version = "v2",
                              .replicas = 2,
                              .ready = 2,
                              .available = true,
                              .template_hash = "h2",
                              .has_pre_stop = true};
    seen.stable = Workload{.name = "checkout-v1",
                           .version = "v1",
                           .replicas = 3,
                           .ready = 3,
                           .available = true,
                           .template_hash = "h1",
                           .has_pre_stop = true};
    seen.service = ServiceState{.selects = Selects::Stable, .age = Seconds{3600}};
    seen.routes = RouteState{.unmanaged = 1, .age = Seconds{3600}, .found = {{"checkout", "http/0", "{}"}}};
    seen.abilities = {.needs_foundation = true, .selects_both = true};
    seen.words = {.no_route = "no VirtualService routes to",
                  .foundation = "the subsets of both versions",
                  .prepare = "define a subset for each version",
                  .move = "move the owner's subset to the promoted version",
                  .clean_up = "take the added subsets away"};
    seen.foundation = Foundation{.age = Seconds{3600}};
    follow_endpoints();
  }

  // One round: observe, decide, act. Says whether anything was written.
  bool round() {
    follow_endpoints();
    const auto decision = decide(release, seen, now);
    next_ = decision.requeue_after;
    const bool changed = !(decision.status == release.status);
    release.status = decision.status;
    for (const auto& event : decision.events) events.push_back(event);
    check(*this);
    for (const auto& action : decision.actions) {
      if (dies(action)) return true;
      writes.push_back(std::string(to_string(release.status.phase)) + ": " + describe(action));
      std::visit([this](const auto& one) { apply(one); }, action);
      on_write(*this);
      follow_endpoints();
      check(*this);
    }
    if (decision.check) answer(*decision.check);
    return changed || !decision.actions.empty() || decision.check.has_value();
  }

  // Lets time pass until nothing more is due, or `until` says so.
  void run(
      const std::function<bool(const World&)>& until = [](const World&) { return false; },
      int rounds = 2000) {
    for (int i = 0; i < rounds && !until(*this); ++i) {
      if (round()) continue;
      if (is_final(release.status.phase) || !wait()) return;
    }
  }
  // Lets time pass until the next round is due; says whether one is.
  bool wait() {
    if (next_) pass(std::max(*next_, Milliseconds{1}));
    return next_.has_value();
  }
  void run_to(Phase phase) {
    run([phase](const World& world) { return world.release.status.phase == phase; });
  }
  // `write` as it stands in `writes`: "Finalizing: take the added subsets away".
  void run_to_write(const std::string& write) {
    run([&](const World& world) { return world.wrote(write); });
  }
  void run_to_step(int step) {
    run([step](const World& world) {
      return world.release.status.step == step && world.seen.routes->at(world.release.status.canary_weight);
    });
  }
  void pass(Milliseconds time) {
    now += time;
    (seen.service ? seen.service->age : seen.service_gone) += time;
    if (seen.service) seen.service->stable_endpoints_age += time;
    if (seen.service) seen.service->candidate_endpoints_age += time;
    (seen.routes ? seen.routes->age : seen.routes_gone) += time;
    if (seen.foundation) seen.foundation->age += time;
  }
  // The process dies and another one starts: what it only knew is gone, and it claims what the release
  // writes.
  void restart() {
    seen.verdict.reset();
    seen.marked = phase() != Phase::Pending && !is_final(phase());
    seen.service->age = Milliseconds{0};
    seen.service->stable_endpoints_age = seen.service->candidate_endpoints_age = Milliseconds{0};
    if (seen.routes) seen.routes->age = Milliseconds{0};
    if (seen.foundation) seen.foundation->age = Milliseconds{0};
  }
  [[nodiscard]] Phase phase() const { return release.status.phase; }
  [[nodiscard]] bool wrote(const std::string& write) const {
    return std::find(writes.begin(), writes.end(), write) != writes.end();
  }
  [[nodiscard]] bool told(const std::string& reason) const {
    return std::ranges::any_of(events, [&](const Event& event) { return event.reason == reason; });
  }
  bool candidate_serves = true;  // false: its pods are there but not ready
  bool stable_serves = true;
  bool gone = false;  // the Canary object was removed

 private:
  std::optional<Milliseconds> next_;

  void follow_endpoints() {
    if (seen.candidate) seen.candidate->ready = candidate_serves ? seen.candidate->replicas : 0;
    if (seen.candidate) seen.candidate->available = candidate_serves && seen.candidate->replicas > 0;
    if (seen.stable) seen.stable->ready = stable_serves ? seen.stable->replicas : 0;
    const bool dedicated = release.spec.service.mode == ServiceMode::Dedicated && seen.version_services;
    const auto selects = seen.service->selects;
    const int stable_before = seen.service->stable_endpoints;
    const int candidate_before = seen.service->candidate_endpoints;
    const bool own_services = !seen.abilities.selects_both && seen.version_services;
    const bool both = dedicated || own_services || selects == Selects::Both;
    seen.service->candidate_endpoints =
        seen.candidate && (both || selects == Selects::Candidate) ? seen.candidate->ready : 0;
    seen.service->stable_endpoints =
        seen.stable && (both || selects == Selects::Stable) ? seen.stable->ready : 0;
    // More than half have just come.
    if (seen.service->stable_endpoints > 2 * stable_before)
      seen.service->stable_endpoints_age = Milliseconds{0};
    if (seen.service->candidate_endpoints > 2 * candidate_before)
      seen.service->candidate_endpoints_age = Milliseconds{0};
  }

  void answer(const CheckRequest& request) {
    const auto outcome = judge(request);
    seen.verdict =
        Verdict{.generation = seen.generation,
                .template_hash = request.template_hash,
                .step = request.step,
                .index = request.index,
                .step_started_at = request.step_started_at,
                .outcome = outcome,
                .checks = {{.name = "request-success-rate", .outcome = outcome, .time = request.window_end}},
                .message = "success rate " + std::string(to_string(outcome)),
                .tally = request.counts ? count(request) : Tally{},
                .judges = request.judges,
                .direct = request.direct,
                .weight = request.weight,
                .earliest = request.earliest,
                .window_end = request.window_end};
    amend(request, *seen.verdict);
  }

  void apply(const EnsureFinalizer&) { seen.has_finalizer = true; }
  void apply(const LetGo&) {
    seen.has_finalizer = false;
    seen.rollback_requested.clear();
    gone = seen.deleting;
  }
  void apply(const EnsureVersionServices&) { seen.version_services = seen.any_version_services = true; }
  void apply(const DeleteVersionServices&) { seen.version_services = seen.any_version_services = false; }
  void apply(const Prepare&) {
    seen.foundation =
        Foundation{.present = true, .added = true, .pinned = seen.foundation && seen.foundation->pinned};
  }
  void apply(const MovePinned&) {
    seen.foundation->pinned = false;
    seen.foundation->age = Milliseconds{0};
  }
  void apply(const CleanUp&) { seen.foundation = Foundation{}; }
  void apply(const Route& route) {
    seen.routes = RouteState{.splits = {{.share = 100, .candidate = route.traffic.candidate.percent()}},
                             .changed_by = "weir"};
  }
  void apply(const RestoreRoutes&) {
    seen.routes = RouteState{.unmanaged = 1, .found = {{"checkout", "http/0", "{}"}}, .changed_by = "weir"};
  }
  void apply(const SetSelector& selector) {
    seen.service->selects = selector.selects;
    seen.service->age = Milliseconds{0};
    seen.service->changed_by = "weir";
  }
  void apply(const Scale& scale) {
    auto& workload = scale.workload == "checkout-v2" ? seen.candidate : seen.stable;
    workload->replicas = scale.replicas;
  }
  void apply(const DeleteWorkload&) { seen.stable.reset(); }
  void apply(const DeleteCanary&) { gone = true; }
  void apply(const ClearMarks&) { seen.marked = false; }
  void apply(const RemoveLeftovers&) { seen.leftovers = false; }
};

}  // namespace weir::strategies
