// What goes wrong in a run: drawn from the seed before the run begins, so that it can be shortened
// afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "test/simulation/scenario.h"
#include "test/simulation/wire.h"

namespace weir::simulation {

enum class Kind {
  // of the process
  KillBeforeWrite,
  KillAfterWrite,
  Kill,
  Freeze,   // stopped; its clocks go on
  Suspend,  // stopped with its machine: its monotonic clock stands still
  WallJump,
  // on the way to the API server
  ServerErrors,  // 500 and 504, applied or not
  Resets,        // the connection breaks before or after the request is applied
  LateWrites,    // time-out for the client, applied later all the same
  Throttling,    // 429 with Retry-After
  Forbidden,     // 403
  SlowServer,
  // of watches
  WatchesBreak,
  WatchesGone,  // 410: history is compacted while the watch is away
  StaleCaches,  // each kind's watch lags by a time of its own
  // of Prometheus
  PrometheusDown,
  PrometheusSlow,
  PrometheusNotANumber,
  PrometheusEmpty,
  PrometheusPartial,
  PrometheusMalformed,
  PrometheusHuge,
  PrometheusRejects,
  // of pods
  CandidateUnready,
  CandidateCrashes,
  StableUnready,
  CandidatePodKilled,
  StablePodKilled,
  // by other people and tools
  CandidateScaled,
  StableScaled,
  CandidateDeleted,  // and made again
  StableDeleted,
  TemplateChanged,
  TemplateChangedToBad,
  CandidateRelabelled,  // its pod template gets another version, or none
  StableRelabelled,     // for a while
  VersionLabelEdited,   // in the Canary, past the API server's validation
  ModeEdited,           // the same
  WeightsEdited,
  RoutesReverted,  // by a tool, again and again
  RouteDeleted,    // and made again
  RuleDeleted,
  SelectorEdited,
  ServiceDeleted,
  CanarySuspended,  // and resumed
  CanaryEdited,
  CanaryDeleted,  // number: as offline::Propagation
  RollbackRequested,
  SecondCanary,  // for the same Service
  // of one of several processes that share the releases
  CutOff,  // from the API server
  MemberLeaseDeleted,
  ReplicaStands,  // stopped; its clocks go on
  // of a deletion in its own way
  CanaryForced,  // its finalizer is taken off by hand, and its owner puts the objects back later
  CanaryRemade,  // deleted, and made again under its name once it is gone; number: as offline::Propagation
  NamespaceDeleted,  // all that is in it, one object after another in an order drawn by number
  // of what the release has made
  OwnServiceDeleted,  // number: stable's or the candidate's
  TrafficServiceDeleted,
  // by whoever may write in another namespace, which the release doesn't trust
  ForeignRule,   // a DestinationRule for the Service
  ForeignRoute,  // a VirtualService that leads to it, with copies for the subset of version `number`
  // of a promotion that is over
  ManifestsReapplied,   // those of the version before; number above 0: the process that leads dies then
  SuccessionForgotten,  // a later release is promoted, its Canary goes, then its pods are not ready; number:
                        // odd, it goes by its time to live; above 1, the process that leads dies then
  // of one proxy; number: which
  ProxyStands,         // it takes no configuration
  ProxyRefusesRoutes,  // it takes rules and endpoints, and no routes
  ProxyComesBackOld,   // with what it had before the last change of routes
  // of all of them
  CandidateEjected,  // the owner's breaker (outlierDetection) leaves no pod of the candidate's to send to
  // on the way to the API server, drawn apart
  HollowLists  // something before the API server answers lists with 200 and {}
};

struct Fault {
  Kind kind = Kind::Kill;
  Millis at{0};       // when it begins, from the start of the release
  int write = 0;      // or: with the operator's n-th write of the release; 0: at `at`
  Millis lasting{0};  // for those that end
  int number = 0;     // how much: per cent of requests, pods, milliseconds of a jump
};

[[nodiscard]] std::string_view to_string(Kind kind);
[[nodiscard]] std::string describe(const Fault& fault);
// Whom or what a fault strikes.
enum class Family {
  Process,
  Requests,
  Watch,
  Prometheus,
  Pod,
  People,
  Replica,
  Deletion,
  Foreign,
  Afterwards,
  Proxy
};
[[nodiscard]] Family family_of(Kind kind);

// What a fault excuses.
struct Excuse {
  bool loss = false;      // requests may be lost
  bool rollback = false;  // a good release may be taken back
};
[[nodiscard]] Excuse excuse(const Fault& fault);

// A write that has left cannot be called back: what allowed it is as old as its way is long.
[[nodiscard]] bool keeps_writes_on_the_way(Kind kind);
// Without routes the Service's wide selector leads to all that it matches, of which the release has warned.
[[nodiscard]] bool takes_the_division_away(Kind kind);

// None in some runs, up to six in others; those of one run may be of one family, so that they meet.
[[nodiscard]] std::vector<Fault> draw_faults(Random& random);
// For processes that share the releases: what strikes one of them, the one that leads the release or another.
[[nodiscard]] std::vector<Fault> draw_replica_faults(Random& random);

// Of few runs: that the Canary, or its namespace, is deleted, in one of the ways that there are.
[[nodiscard]] std::vector<Fault> draw_deletions(Random& random);
// Of few runs: that somebody deletes what the release has made.
[[nodiscard]] std::vector<Fault> draw_losses_of_own_objects(Random& random);
// Of few runs: what somebody of another namespace writes about the Service. It excuses nothing.
[[nodiscard]] std::vector<Fault> draw_foreign(Random& random);
// Of some runs: what somebody does when the release is over, and all that was to go wrong with it has.
[[nodiscard]] std::vector<Fault> draw_afterwards(Random& random);
// The same: that a later release comes, and its record goes.
[[nodiscard]] std::vector<Fault> draw_succession(Random& random);

// Of some runs: that one proxy does not follow the routes.
[[nodiscard]] std::vector<Fault> draw_proxy_faults(Random& random);
// Of few runs: that the owner's breaker trips on the candidate.
[[nodiscard]] std::vector<Fault> draw_breaker(Random& random);
// Of few runs: that lists are answered without their items, while every watch has to list again.
[[nodiscard]] std::vector<Fault> draw_hollow_lists(Random& random);
// A proxy that does not follow goes unnoticed, among all that goes wrong in a run: nobody can be asked what
// it sends, requests that nothing divides hide it, or the release is undone past its operator.
[[nodiscard]] bool goes_uncounted(const Fault& fault, const Scenario& scenario,
                                  const std::vector<Fault>& all);

// What the faults on the way to the API server that are under way make of one request.
class RequestFaults {
 public:
  explicit RequestFaults(std::uint64_t seed) : random_(seed, "road") {}
  void begin(const Fault& fault) { under_way_.push_back(fault); }
  void end(Kind kind);
  [[nodiscard]] bool clear() const { return under_way_.empty(); }
  [[nodiscard]] Treatment treat(const http::Request& request);

 private:
  [[nodiscard]] Treatment ordinary();
  void apply(const Fault& fault, const http::Request& request, Treatment& treatment);

  Random random_;
  std::vector<Fault> under_way_;
};

}  // namespace weir::simulation
