// The plain values that a release is decided from, and the decision itself.
//
// Nothing here does I/O, reads a clock or knows Kubernetes' client: `operator/` fills these values from what
// it observed and carries out what `decide` (machine.h) answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "strategies/spec.h"
#include "strategies/tally.h"

namespace weir::strategies {

// ---- Status: the only memory of a release ----

enum class Phase {
  Pending,
  Initializing,
  Progressing,
  Promoting,
  Finalizing,
  Succeeded,
  RollingBack,
  Failed
};
[[nodiscard]] std::string_view to_string(Phase phase);
[[nodiscard]] std::optional<Phase> phase_from(std::string_view text);
// Succeeded and Failed: nothing more happens to this release.
[[nodiscard]] bool is_final(Phase phase);
// The declared graph of phases (invariant S9).
[[nodiscard]] bool may_follow(Phase from, Phase to);

enum class Outcome { Pass, Fail, Inconclusive };
[[nodiscard]] std::string_view to_string(Outcome outcome);
[[nodiscard]] std::optional<Outcome> outcome_from(std::string_view text);

// One metric judged once. Values are in the metric's own unit (per cent, milliseconds, or the query's).
struct Check {
  std::string name;
  Outcome outcome = Outcome::Inconclusive;
  std::string reason;           // CamelCase: WithinRange, OutOfRange, NoData, ProviderError, TooFewSamples …
  std::optional<double> value;  // of the candidate; empty without data
  std::optional<double> min, max;  // the accepted range, ends included
  std::optional<double> stable;    // stable's value of the same query
  std::optional<double> samples;   // requests of the candidate in the window; empty where unknown
  std::string message;             // a sentence for a person
  TimePoint time;
  friend bool operator==(const Check&, const Check&) = default;
};

struct VersionStatus {
  std::string name;  // of the workload
  std::string version;
  int replicas = 0;
  int ready = 0;
  std::string template_hash;
  friend bool operator==(const VersionStatus&, const VersionStatus&) = default;
};

// What a release is, recorded once as it leaves Pending. From then on this says what a destination and a
// selector mean; the spec and the labels of the workloads, which anybody may edit, are only compared with it.
struct Identity {
  std::string service;
  std::string router;  // RoutingSpec::provider
  std::string version_label;
  ServiceMode mode = ServiceMode::Placeholder;
  std::string router_settings;  // RoutingSpec::settings
  std::string stable_version;   // values of the version label
  std::string candidate_version;
  int stable_replicas =
      0;  // asked for and ready as the release began: what stable needs without the candidate
  int stable_ready = 0;
  std::string cluster_domain;  // of the names that routes have; empty: an older operator did not say
  friend bool operator==(const Identity&, const Identity&) = default;
};

// What a managed route looked like before the release, so that it can be put back after a crash at any point.
struct RouteRecord {
  std::string object;    // of routing, by its name
  std::string key;       // identifies the route within it (the router's own)
  std::string original;  // the destination as its owner wrote it, JSON
  friend bool operator==(const RouteRecord&, const RouteRecord&) = default;
};

// One entry of the release's own log; `sequence` rises by one.
struct HistoryEntry {
  int64_t sequence = 0;
  Phase phase = Phase::Pending;
  int weight = 0;
  std::string reason;
  std::string message;
  TimePoint time;
  friend bool operator==(const HistoryEntry&, const HistoryEntry&) = default;
};

enum class ConditionStatus { True, False, Unknown };
[[nodiscard]] std::string_view to_string(ConditionStatus status);
[[nodiscard]] std::optional<ConditionStatus> condition_status_from(std::string_view text);

struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::Unknown;
  std::string reason;
  std::string message;
  int64_t observed_generation = 0;
  TimePoint last_transition_time;
  friend bool operator==(const Condition&, const Condition&) = default;
};

inline constexpr std::size_t kHistoryLimit = 20;
// The field manager of the operator's writes: a change by anybody else is a drift.
inline constexpr std::string_view kFieldManager = "weir";

struct Status {
  int64_t observed_generation = 0;
  Phase phase = Phase::Pending;
  Weight canary_weight;    // the candidate's authorised share: traffic follows it and is never above it (S5)
  int step = 0;            // of the program, from 1; 0: before the first
  int steps = 0;           // that the program has
  int checks_in_step = 0;  // intervals already judged at this step
  int iterations = 0;      // intervals that passed at this step
  int failed_checks = 0;   // intervals that failed, over the whole release
  int dead_intervals = 0;  // intervals in a row in which no request of the candidate succeeded
  std::string target;      // name of the workload this status speaks of: another one in spec starts again
  VersionStatus stable;
  VersionStatus candidate;
  std::optional<Identity> identity;               // of a release that has begun
  std::optional<TimePoint> started_at;            // of this release
  std::optional<TimePoint> step_started_at;       // when this step's weight was written
  std::optional<TimePoint> last_transition_time;  // of the phase
  std::optional<TimePoint> last_progress_at;      // what the progress deadline counts from
  std::optional<TimePoint> breaker_tripped_at;    // since when the candidate cannot serve
  int drifts = 0;               // times that routes were put back since the release last advanced
  std::string rollback_reason;  // why the release is being taken back
  std::string successor;        // Canary that was promoted to the Service after this one; empty: none was
  std::string message;          // one sentence that a person understands
  std::vector<Check> checks;    // of the last interval judged
  std::string evidence;         // what the judge goes on from: JSON, its own
  std::vector<RouteRecord> routes;
  std::vector<HistoryEntry> history;  // the last kHistoryLimit
  std::vector<Condition> conditions;
  friend bool operator==(const Status&, const Status&) = default;
};

// Of a release with the versions that its status knows.
[[nodiscard]] Identity identity_of(const Spec& spec, const Status& status);

// ---- Observed: one reading of the cluster ----

struct Workload {
  std::string name;
  std::string version;        // value of the version label in the pod template; empty: it has none
  int replicas = 0;           // asked for
  int ready = 0;              // ready pods of the version that the release knows it by
  bool available = false;     // condition Available is True and the newest template is rolled out
  std::string template_hash;  // of the pod template
  bool has_pre_stop = false;  // every container has a preStop hook
  std::string pod_problem;  // CrashLoopBackOff, ImagePullBackOff …: why pods are not ready; empty: none seen
};

// What the Service's selector lets through.
enum class Selects { Both, Stable, Candidate, Other };

// Endpoint counts are of pods that are ready behind the traffic Service: the Service itself, or in Dedicated
// mode the operator's own. They are read live before weight moves towards a version.
struct ServiceState {
  Selects selects = Selects::Other;
  Milliseconds age{0};  // how long the selector is known to be as it is
  int stable_endpoints = 0;
  int candidate_endpoints = 0;
  // How long half of a version's endpoints or more are known to have been ready without a break. Whatever
  // else has come and gone since then, a proxy that has the changes from before it knows these.
  Milliseconds stable_endpoints_age{0};
  Milliseconds candidate_endpoints_age{0};
  std::string changed_by;  // field manager of the last change
};

// One owner's destination, divided between the versions: `share` is what both get together, in weights as
// they are written now, `candidate` the part of `share` that goes to the candidate.
struct Split {
  int share = 100;
  int candidate = 0;
  bool exact = true;  // the router can write any part of it; else parts are rounded down
  friend bool operator==(const Split&, const Split&) = default;
};

struct RouteState {
  std::vector<Split> splits;  // destinations under management
  int unmanaged = 0;          // destinations that go to the Service as their owner wrote them
  Milliseconds age{0};        // how long all objects that have them are known to be as they are
  // The same of the destinations alone, whatever else stands in their objects; empty: as `age`.
  std::optional<Milliseconds> divided_age;
  std::vector<RouteRecord>
      found;               // originals of the unmanaged destinations, to be recorded before they change
  std::string changed_by;  // field manager of the last change

  [[nodiscard]] bool original() const { return splits.empty(); }
  // Every destination is under management and gives the candidate `weight` of its share.
  [[nodiscard]] bool at(Weight weight) const;
  // The largest share of a route that goes to the candidate, in per cent of the Service's share.
  [[nodiscard]] int highest() const;
};
// The candidate's part of a share: share × weight / 100, rounded down, so that it is never above the weight.
[[nodiscard]] int part_of(int share, Weight weight);

// What divided routes rest on, for a router that has such a thing: a route that names what is not there is
// answered with an error.
struct Foundation {
  bool present = false;  // for both versions
  bool added = false;    // some of it was added by the operator
  bool pinned = false;   // what the owner's routes name must still be moved to the candidate's version
  Milliseconds age{0};   // how long it is known to be as it is
  std::vector<RouteRecord> found;  // what making it present will add, to be recorded before it is added
};

// What a router can do.
struct Abilities {
  bool needs_foundation = false;  // Observed::foundation must be present before routes are divided
  // Divided routes name one Service that selects both versions; else each version's own Service, and the
  // Service that clients call selects stable until the promotion.
  bool selects_both = false;
  bool divides = true;  // false: no user's request reaches the candidate before the promotion
};

// A router's own words: for messages about what only it knows. They live as long as the process.
struct RouterWords {
  std::string_view no_route = "no route leads to";               // … Service checkout
  std::string_view foundation = "what the routes rest on";       // "… changed by somebody: put back"
  std::string_view prepare = "prepare what the routes rest on";  // of the action Prepare
  std::string_view move = "move the owner's routes to the promoted version";  // of MovePinned
  std::string_view clean_up = "take away what was added";                     // of CleanUp
};

// Something that a person must mend; the release holds until then.
struct Obstacle {
  std::string condition;  // condition type that says so: Progressing, Conflict, TrafficIsolated
  std::string reason;     // CamelCase
  std::string message;
};

// Something that a person should know before the release moves traffic, and that does not hold it.
struct Warning {
  std::string reason;  // CamelCase
  std::string message;
  friend bool operator==(const Warning&, const Warning&) = default;
};

// Whose ready pods a Service leads to.
enum class LeadsTo { Candidate, Others, Nobody };

// What the Service of a release that was promoted leads to now.
struct Standing {
  LeadsTo leads_to = LeadsTo::Candidate;  // Candidate: it selects the promoted version, still the candidate's
  std::string selected;                   // the version in its selector; empty: it has no such key
  std::string changed_by;                 // field manager of the Service's last change
  std::string successor;  // Canary that was promoted to the Service since then, of which nothing is noted yet
  bool candidate_ready = false;  // with its version in the selector the candidate's ready pods would answer
  Milliseconds age{0};           // how long all of it is known to be as it is
};

// What the analysis says of one interval.
struct Verdict {
  int64_t generation = 0;  // of the spec that was judged
  std::string template_hash;
  int step = 0;
  int index = 0;                             // 1-based interval within the step
  std::optional<TimePoint> step_started_at;  // of the step as it was when the check was asked for
  Outcome outcome = Outcome::Inconclusive;
  std::vector<Check> checks;
  std::string message;             // the sentence of what decided it
  bool all_failed = false;         // there were requests of the candidate, and none of them succeeded
  bool provider_available = true;  // the metrics' provider answered
  bool conclusive = false;         // failed beyond doubt: no threshold of failed checks is waited for
  bool undecided = false;          // inconclusive although nothing is wrong: more evidence or time is needed
  bool too_early = false;          // undecided, and of some metrics nothing is known yet
  std::string evidence;            // what the judge goes on from; empty: what it did before
  std::vector<std::string> warnings;
  Tally tally;          // of the interval's requests; NotCounted unless it was asked for
  bool judges = true;   // as its CheckRequest says; false: only `tally` is meant
  bool direct = false;  // this and the next three as its CheckRequest says
  Weight weight;
  TimePoint earliest, window_end;
};

struct Observed {
  std::optional<TimePoint> watched_since;  // since when this operator looks after the release without a pause
  int64_t generation = 0;
  bool has_finalizer = false;
  bool deleting = false;
  std::string rollback_requested;  // why a person wants it back; empty: nobody does
  // Sentences: in what the spec differs from the identity that the release has recorded.
  std::vector<std::string> departures;
  std::optional<Workload> stable;
  std::optional<Workload> candidate;
  bool candidate_is_anothers = false;  // the release that supersedes this one has the same target
  std::optional<ServiceState> service;
  Milliseconds service_gone{0};           // how long it is known that there is none, where there is none
  bool version_services = false;          // all operator-owned Services exist as they should
  bool any_version_services = false;      // at least one exists that no route leads to
  Abilities abilities;                    // of the release's router
  RouterWords words;                      // of the release's router
  std::optional<RouteState> routes;       // empty: nothing routes to the Service
  Milliseconds routes_gone{0};            // how long that is known, where nothing does
  std::optional<Foundation> foundation;   // empty: there is none yet, or the router needs none
  std::vector<std::string> not_isolated;  // routes to the Service that are not managed: traffic may leak
  // The same of whoever the release does not trust: what their proxies send is not counted while traffic is
  // divided, and that of all others is.
  std::vector<std::string> not_isolated_untrusted;
  std::vector<Obstacle> obstacles;
  std::vector<Warning> warnings;  // said once, as the release begins
  // Services, other than the release's, that select stable's pods and none of the candidate's.
  std::vector<std::string> stable_only_services;
  // Sentences: routes that lead to one version's pods and to no others, and that the release does not move.
  // They lead nowhere once these pods are gone.
  std::vector<std::string> fixed_to_stable, fixed_to_candidate;
  std::optional<Verdict> verdict;
  // Why nobody can count what proxies send to each version; empty: somebody does, and is asked.
  std::string uncountable = "nothing counts the requests of this release";
  std::optional<Standing> standing;  // of a release that was promoted; empty: there is nothing to look at
  std::string cluster_domain;        // of the names of Services
  bool marked = false;               // an object of the user carries a mark of the operator's
  bool leftovers = false;            // of a release that is over objects are left that no route leads to
  bool leftovers_wait = false;       // the same, and a route does, or did a moment ago
  bool namespace_ending = false;     // the namespace is being deleted: nothing can be made in it any more

  // By ready endpoints; without the Service nobody knows of those, and ready pods count.
  [[nodiscard]] bool stable_serves() const;
  // Stable has nothing to answer with while the candidate has.
  [[nodiscard]] bool only_candidate_serves() const;
};

// ---- Decision ----

// Each is one idempotent write; its precondition is the version of the object that was observed.
struct EnsureFinalizer {};
// Takes the finalizer off, and what a person asked of the release that is over.
struct LetGo {};
struct EnsureVersionServices {};
struct DeleteVersionServices {};
// Makes the foundation present. Here and below `words` say what that is to the router (RouterWords).
struct Prepare {
  std::string_view words;
};
// What the owner's routes name moves from stable's version to the candidate's.
struct MovePinned {
  std::string_view words;
};
// Takes away what Prepare added.
struct CleanUp {
  bool promoted = false;
  std::string_view words;
};
struct Route {
  Traffic traffic;
};
// Puts the owner's destinations back. `promoted`: those pinned to stable's version end pinned to the
// candidate's.
struct RestoreRoutes {
  bool promoted = false;
};
struct SetSelector {
  Selects selects = Selects::Stable;  // Both, Stable or Candidate
};
struct Scale {
  std::string workload;
  int replicas = 0;
  bool hands_over = false;  // the other version serves alone from then on: it needs a ready pod at the write
};
// The other version serves alone from then on: it needs a ready pod at the write.
struct DeleteWorkload {
  std::string workload;
};
struct DeleteCanary {};
// Takes the operator's marks off the user's objects.
struct ClearMarks {};
// Deletes what a release that is over has left.
struct RemoveLeftovers {};

using Action = std::variant<EnsureFinalizer, LetGo, EnsureVersionServices, DeleteVersionServices, Prepare,
                            MovePinned, CleanUp, Route, RestoreRoutes, SetSelector, Scale, DeleteWorkload,
                            DeleteCanary, ClearMarks, RemoveLeftovers>;
// "route 10 % to the candidate": for logs, Events and plans.
[[nodiscard]] std::string describe(const Action& action);

enum class Severity { Normal, Warning };

struct Event {
  Severity severity = Severity::Normal;
  std::string reason;
  std::string message;
  friend bool operator==(const Event&, const Event&) = default;
};

// Asks the analysis to judge one interval, or only to count its requests; answered later by
// Observed::verdict.
struct CheckRequest {
  int step = 0;
  int steps = 0;
  int index = 0;
  std::optional<TimePoint> step_started_at;
  Weight weight;
  std::string template_hash;
  TimePoint due;       // when this check was to be asked for
  TimePoint earliest;  // since when the step's weight has reached every proxy
  TimePoint window_end;
  Seconds window{0};
  std::string evidence;       // of the release, up to this interval
  bool counts = false;        // what proxies send is counted
  bool direct = false;        // with it requests to the Service that no divided route carries
  bool only_trusted = false;  // but not those of proxies that the release does not trust
  bool judges = true;         // metrics are judged; false: `index` numbers the counts in a row of one weight
};

// `status` is written first, if it differs, then `actions` in order; the first that fails ends the round.
struct Decision {
  Status status;
  std::vector<Action> actions;
  std::vector<Event> events;
  std::optional<CheckRequest> check;
  std::optional<Milliseconds> requeue_after;  // empty: nothing is due until something changes
};

struct Release {
  std::string name_space;
  std::string name;
  Spec spec;
  Status status;
};

}  // namespace weir::strategies
