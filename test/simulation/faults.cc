#include "test/simulation/faults.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

namespace weir::simulation {
namespace {

// What is known of a kind of fault.
struct Row {
  Kind kind;
  std::string_view name;
  Family family;
  Excuse excuse;
  Millis shortest, longest;  // how long it lasts; 0: it is over when it has happened
  int low, high;             // of `number`
};

constexpr Excuse kNone{};
constexpr Excuse kHolds{.rollback = true};
constexpr Excuse kLoses{.loss = true};
constexpr Excuse kHarms{.loss = true, .rollback = true};

constexpr std::array kRows{
    Row{Kind::KillBeforeWrite, "the process dies before a write", Family::Process, kNone, 0s, 0s, 0, 0},
    Row{Kind::KillAfterWrite, "the process dies after a write, before its answer", Family::Process, kNone, 0s,
        0s, 0, 0},
    Row{Kind::Kill, "the process dies", Family::Process, kNone, 0s, 0s, 0, 0},
    Row{Kind::Freeze, "the process stands still", Family::Process, kHolds, 1s, 40s, 0, 0},
    Row{Kind::Suspend, "the process' machine stands still", Family::Process, kHolds, 1s, 40s, 0, 0},
    Row{Kind::WallJump, "the process' wall clock jumps", Family::Process, kHolds, 0s, 0s, -300'000, 300'000},
    Row{Kind::ServerErrors, "the API server answers 500 and 504", Family::Requests, kHolds, 2s, 20s, 10, 90},
    Row{Kind::Resets, "connections to the API server break", Family::Requests, kHolds, 2s, 20s, 10, 90},
    Row{Kind::LateWrites, "writes time out and are applied later", Family::Requests, kHolds, 2s, 20s, 5, 60},
    Row{Kind::Throttling, "the API server answers 429", Family::Requests, kHolds, 2s, 15s, 30, 100},
    Row{Kind::Forbidden, "the API server answers 403", Family::Requests, kHolds, 2s, 15s, 50, 100},
    Row{Kind::SlowServer, "the API server is slow", Family::Requests, kHolds, 2s, 20s, 200, 4'000},
    Row{Kind::WatchesBreak, "every watch breaks", Family::Watch, kNone, 0s, 0s, 0, 0},
    Row{Kind::WatchesGone, "every watch breaks and its version is compacted", Family::Watch, kNone, 0s, 0s, 0,
        0},
    Row{Kind::StaleCaches, "watches lag", Family::Watch, kHolds, 5s, 40s, 500, 20'000},
    Row{Kind::PrometheusDown, "Prometheus is down", Family::Prometheus, kHolds, 3s, 40s, 0, 0},
    Row{Kind::PrometheusSlow, "Prometheus is slow", Family::Prometheus, kHolds, 3s, 40s, 0, 0},
    Row{Kind::PrometheusNotANumber, "Prometheus answers NaN", Family::Prometheus, kHolds, 3s, 40s, 0, 0},
    Row{Kind::PrometheusEmpty, "Prometheus answers no series", Family::Prometheus, kHolds, 3s, 40s, 0, 0},
    Row{Kind::PrometheusPartial, "Prometheus answers a part", Family::Prometheus, kHolds, 3s, 40s, 0, 0},
    Row{Kind::PrometheusMalformed, "Prometheus answers half a document", Family::Prometheus, kHolds, 3s, 40s,
        0, 0},
    Row{Kind::PrometheusHuge, "Prometheus answers too much", Family::Prometheus, kHolds, 3s, 40s, 0, 0},
    Row{Kind::PrometheusRejects, "Prometheus answers 503", Family::Prometheus, kHolds, 3s, 40s, 0, 0},
    Row{Kind::CandidateUnready, "the candidate's pods are not ready", Family::Pod, kHarms, 1s, 20s, 0, 0},
    Row{Kind::CandidateCrashes, "the candidate's pods do not answer", Family::Pod, kHarms, 1s, 20s, 0, 0},
    Row{Kind::StableUnready, "stable's pods are not ready", Family::Pod, kHarms, 1s, 20s, 0, 0},
    Row{Kind::CandidatePodKilled, "a pod of the candidate is killed", Family::Pod, kHarms, 0s, 0s, 0, 0},
    Row{Kind::StablePodKilled, "a pod of stable is killed", Family::Pod, kHarms, 0s, 0s, 0, 0},
    Row{Kind::CandidateScaled, "somebody scales the candidate", Family::People, kHarms, 0s, 0s, 0, 4},
    Row{Kind::StableScaled, "somebody scales stable", Family::People, kHarms, 0s, 0s, 1, 4},
    Row{Kind::CandidateDeleted, "somebody deletes the candidate's Deployment for a while", Family::People,
        kHarms, 1s, 20s, 0, 0},
    Row{Kind::StableDeleted, "somebody deletes stable's Deployment for a while", Family::People, kHarms, 1s,
        20s, 0, 0},
    Row{Kind::TemplateChanged, "somebody changes the candidate's pod template", Family::People, kHarms, 0s,
        0s, 0, 0},
    Row{Kind::TemplateChangedToBad, "somebody changes the candidate's pod template to a bad one",
        Family::People, kHarms, 0s, 0s, 0, 0},
    Row{Kind::CandidateRelabelled, "somebody gives the candidate's pods another version", Family::People,
        kHarms, 0s, 0s, 0, 1},
    Row{Kind::StableRelabelled, "somebody gives stable's pods another version for a while", Family::People,
        kHarms, 5s, 30s, 0, 1},
    Row{Kind::VersionLabelEdited, "somebody edits the version label of a running release", Family::People,
        kHolds, 0s, 0s, 0, 0},
    Row{Kind::ModeEdited, "somebody edits the mode of a running release", Family::People, kHolds, 0s, 0s, 0,
        0},
    Row{Kind::WeightsEdited, "somebody edits weights", Family::People, kHarms, 0s, 0s, 0, 100},
    Row{Kind::RoutesReverted, "a tool puts the routes back again and again", Family::People, kHarms, 5s, 30s,
        500, 5'000},
    Row{Kind::RouteDeleted, "somebody deletes the VirtualService for a while", Family::People, kHarms, 1s,
        20s, 0, 0},
    Row{Kind::RuleDeleted, "somebody deletes the DestinationRule for a while", Family::People, kHarms, 1s,
        20s, 0, 0},
    Row{Kind::SelectorEdited, "somebody puts the Service's selector back", Family::People, kHarms, 0s, 0s, 0,
        0},
    Row{Kind::ServiceDeleted, "somebody deletes the Service for a while", Family::People, kHarms, 1s, 20s, 0,
        0},
    Row{Kind::CanarySuspended, "somebody suspends the release for a while", Family::People, kHolds, 2s, 40s,
        0, 0},
    Row{Kind::CanaryEdited, "somebody edits the Canary", Family::People, kHolds, 0s, 0s, 1, 3},
    Row{Kind::CanaryDeleted, "somebody deletes the Canary", Family::People, kHolds, 0s, 0s, 0, 2},
    Row{Kind::RollbackRequested, "somebody asks for the rollback", Family::People, kHolds, 0s, 0s, 0, 0},
    Row{Kind::SecondCanary, "somebody makes a second Canary for the Service", Family::People, kHolds, 0s, 0s,
        0, 2},
    Row{Kind::CutOff, "a replica is cut off from the API server", Family::Replica, kHolds, 1s, 40s, 0, 0},
    Row{Kind::MemberLeaseDeleted, "somebody deletes the Lease of a replica", Family::Replica, kHolds, 0s, 0s,
        0, 0},
    Row{Kind::ReplicaStands, "a replica stands still", Family::Replica, kHolds, 1s, 40s, 0, 0},
    Row{Kind::CanaryForced, "somebody takes the Canary's finalizer off, and puts the routes back later",
        Family::Deletion, kHolds, 3s, 30s, 0, 0},
    Row{Kind::CanaryRemade, "somebody deletes the Canary and makes it again", Family::Deletion, kHolds, 0s,
        0s, 0, 2},
    Row{Kind::NamespaceDeleted, "somebody deletes the namespace", Family::Deletion, kHarms, 0s, 10s, 0,
        1'000},
    Row{Kind::OwnServiceDeleted, "somebody deletes a version's own Service", Family::Deletion, kNone, 0s, 0s,
        0, 1},
    Row{Kind::TrafficServiceDeleted, "somebody deletes the Service that all requests come by",
        Family::Deletion, kLoses, 0s, 0s, 0, 0},
    Row{Kind::ForeignRule, "somebody writes a DestinationRule for the Service in another namespace",
        Family::Foreign, kNone, 0s, 0s, 0, 0},
    Row{Kind::ForeignRoute, "somebody writes a VirtualService to the Service in another namespace",
        Family::Foreign, kNone, 0s, 0s, 0, 1},
    Row{Kind::ManifestsReapplied, "a tool applies the old manifests again after the end", Family::Afterwards,
        kHarms, 0s, 0s, 0, 1},
    Row{Kind::SuccessionForgotten, "a later release is promoted, and its Canary and its pods go",
        Family::Afterwards, kHarms, 0s, 0s, 0, 3},
    Row{Kind::ProxyStands, "a proxy takes no configuration", Family::Proxy, kHolds, 3s, 20s, 0, 2},
    Row{Kind::ProxyRefusesRoutes, "a proxy refuses routes", Family::Proxy, kHolds, 3s, 20s, 0, 2},
    Row{Kind::ProxyComesBackOld, "a proxy comes back with old configuration", Family::Proxy, kHolds, 3s, 20s,
        0, 2},
    Row{Kind::CandidateEjected, "the owner's breaker ejects the candidate's pods", Family::Proxy, kHarms, 3s,
        60s, 0, 0},
    Row{Kind::HollowLists, "lists are answered with {}", Family::Requests, kHolds, 2s, 20s, 50, 100}};

const Row& row_of(Kind kind) { return *std::ranges::find(kRows, kind, &Row::kind); }

constexpr int kMostFaults = 6;
constexpr int kMostReplicaFaults = 4;
constexpr Millis kLatest{45'000};  // most releases are over by then
constexpr int kLastWrite = 30;     // about as many writes has a release

Fault draw(const Row& row, Random& random) {
  Fault fault{.kind = row.kind,
              .at = random.between(0ms, kLatest),
              .lasting = random.between(row.shortest, row.longest),
              .number = static_cast<int>(random.between(row.low, row.high))};
  const bool at_write = row.kind == Kind::KillBeforeWrite || row.kind == Kind::KillAfterWrite;
  if (at_write || random.chance(0.5)) fault.write = static_cast<int>(random.between(1, kLastWrite));
  return fault;
}

}  // namespace

std::string_view to_string(Kind kind) { return row_of(kind).name; }

std::string describe(const Fault& fault) {
  const auto& row = row_of(fault.kind);
  std::string text = fault.write > 0
                         ? fmt::format("with write {}", fault.write)
                         : fmt::format("after {:.1f} s", std::chrono::duration<double>(fault.at).count());
  text += fmt::format(": {}", row.name);
  if (fault.lasting > Millis(0)) {
    text += fmt::format(" for {:.1f} s", std::chrono::duration<double>(fault.lasting).count());
  }
  if (row.low != row.high) text += fmt::format(" ({})", fault.number);
  return text;
}

Family family_of(Kind kind) { return row_of(kind).family; }

bool keeps_writes_on_the_way(Kind kind) {
  static const std::vector kKinds{Kind::KillBeforeWrite, Kind::KillAfterWrite, Kind::Kill,
                                  Kind::Freeze,          Kind::Suspend,        Kind::LateWrites,
                                  Kind::SlowServer,      Kind::ReplicaStands};
  return std::ranges::find(kKinds, kind) != kKinds.end();
}

bool takes_the_division_away(Kind kind) {
  return kind == Kind::RouteDeleted || kind == Kind::RoutesReverted || kind == Kind::CanaryForced ||
         kind == Kind::NamespaceDeleted;
}

Excuse excuse(const Fault& fault) { return row_of(fault.kind).excuse; }

std::vector<Fault> draw_faults(Random& random) {
  std::vector<const Row*> rows;
  const bool one_family = random.chance(0.4);
  const auto family = static_cast<Family>(random.between(0, 5));
  for (const auto& row : kRows) {
    if (row.kind == Kind::HollowLists) continue;  // one more to pick from would change every run
    if (one_family ? row.family == family : row.family < Family::Replica) rows.push_back(&row);
  }
  std::vector<Fault> faults;
  const auto count = random.between(0, kMostFaults);
  for (std::int64_t i = 0; i < count; ++i) faults.push_back(draw(*random.pick(rows), random));
  return faults;
}

std::vector<Fault> draw_replica_faults(Random& random) {
  std::vector<const Row*> rows;
  for (const auto& row : kRows) {
    if (row.family == Family::Replica || row.family == Family::Process) rows.push_back(&row);
  }
  std::vector<Fault> faults;
  const auto count = random.between(0, kMostReplicaFaults);
  for (std::int64_t i = 0; i < count; ++i) faults.push_back(draw(*random.pick(rows), random));
  return faults;
}

std::vector<Fault> draw_deletions(Random& random) {
  if (!random.chance(0.2)) return {};
  const auto kind = random.pick(
      std::vector{Kind::CanaryDeleted, Kind::CanaryForced, Kind::CanaryRemade, Kind::NamespaceDeleted});
  return {draw(row_of(kind), random)};
}

std::vector<Fault> draw_losses_of_own_objects(Random& random) {
  if (!random.chance(0.08)) return {};
  const auto kind = random.pick(std::vector{Kind::OwnServiceDeleted, Kind::TrafficServiceDeleted});
  return {draw(row_of(kind), random)};
}

std::vector<Fault> draw_foreign(Random& random) {
  std::vector<Fault> faults;
  for (const auto kind : {Kind::ForeignRule, Kind::ForeignRoute}) {
    if (random.chance(0.06)) faults.push_back(draw(row_of(kind), random));
  }
  return faults;
}

std::vector<Fault> draw_afterwards(Random& random) {
  if (!random.chance(0.15)) return {};
  return {{.kind = Kind::ManifestsReapplied, .number = static_cast<int>(random.between(0, 1))}};
}

std::vector<Fault> draw_succession(Random& random) {
  if (!random.chance(0.08)) return {};
  return {{.kind = Kind::SuccessionForgotten, .number = static_cast<int>(random.between(0, 3))}};
}

std::vector<Fault> draw_proxy_faults(Random& random) {
  if (!random.chance(0.25)) return {};
  const auto kind = random.pick(std::vector{Kind::ProxyStands, Kind::ProxyRefusesRoutes,
                                            Kind::ProxyRefusesRoutes, Kind::ProxyComesBackOld});
  return {draw(row_of(kind), random)};
}

std::vector<Fault> draw_breaker(Random& random) {
  if (!random.chance(0.05)) return {};
  return {draw(row_of(Kind::CandidateEjected), random)};
}

std::vector<Fault> draw_hollow_lists(Random& random) {
  if (!random.chance(0.05)) return {};
  auto hollow = draw(row_of(Kind::HollowLists), random);
  hollow.write = 0;
  // Watches alone would go on and list nothing.
  return {hollow, {.kind = Kind::WatchesGone, .at = hollow.at + hollow.lasting / 2}};
}

bool goes_uncounted(const Fault& fault, const Scenario& scenario, const std::vector<Fault>& all) {
  if (family_of(fault.kind) != Family::Proxy || fault.kind == Kind::CandidateEjected) return false;
  if (!scenario.divides || scenario.third || scenario.meant_rule) return true;
  return std::ranges::any_of(all, [&](const Fault& other) {
    const auto family = family_of(other.kind);
    // A write that is under way when a proxy comes back was allowed by what was counted before.
    const bool late = family == Family::Process || family == Family::Requests || family == Family::Watch ||
                      family == Family::Replica;
    return family == Family::Prometheus || family == Family::Deletion ||
           (late && fault.kind == Kind::ProxyComesBackOld);
  });
}

void RequestFaults::end(Kind kind) {
  const auto found = std::ranges::find(under_way_, kind, &Fault::kind);
  if (found != under_way_.end()) under_way_.erase(found);
}

Treatment RequestFaults::ordinary() {
  // A few milliseconds as a rule, and now and then many.
  const auto latency = [this] {
    return random_.chance(0.02) ? random_.between(20ms, 400ms) : random_.between(1ms, 6ms);
  };
  // Of what a dying process has sent, some is on its way for long.
  const Millis late = random_.chance(0.3) ? random_.between(0ms, 20'000ms) : Millis(0);
  return {.there = latency(), .back = latency(), .late = late};
}

Treatment RequestFaults::treat(const http::Request& request) {
  auto treatment = ordinary();
  for (const auto& fault : under_way_) apply(fault, request, treatment);
  return treatment;
}

void RequestFaults::apply(const Fault& fault, const http::Request& request, Treatment& treatment) {
  if (fault.kind == Kind::SlowServer) {
    treatment.there += random_.between(0ms, Millis(fault.number));
    treatment.back += random_.between(0ms, Millis(fault.number));
    return;
  }
  if (!random_.chance(fault.number / 100.0)) return;
  const bool applied = is_write(request) && random_.chance(0.5);
  if (fault.kind == Kind::ServerErrors) {
    treatment.way = applied ? Treatment::Way::AppliedRefused : Treatment::Way::Refused;
    treatment.status = random_.chance(0.5) ? 500 : 504;
  } else if (fault.kind == Kind::Resets) {
    treatment.way = applied ? Treatment::Way::AppliedLost : Treatment::Way::Lost;
  } else if (fault.kind == Kind::LateWrites && is_write(request)) {
    treatment.way = Treatment::Way::Late;
    treatment.late = random_.between(0ms, 30'000ms);
  } else if (fault.kind == Kind::Throttling) {
    treatment.way = Treatment::Way::Refused;
    treatment.status = 429;
    treatment.retry_after = static_cast<int>(random_.between(1, 4));
  } else if (fault.kind == Kind::Forbidden) {
    treatment.way = Treatment::Way::Refused;
    treatment.status = 403;
  } else if (fault.kind == Kind::HollowLists && is_list(request)) {
    treatment.way = Treatment::Way::Hollow;
  }
}

}  // namespace weir::simulation
