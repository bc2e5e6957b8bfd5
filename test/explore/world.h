// A small world in which a release can be walked whole: plain bytes, so that a state can be hashed and kept.
//
// There is one release of a Service with two versions, whose objects are reduced to what a decision or a
// request can tell apart. Objects stand there as the API server has them, as the operator's caches have them,
// and as each of two proxies has them. Time is counted in units; whatever is older than every wait is as old
// as the longest.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "strategies/plan.h"

namespace weir::explore {

using Byte = std::uint8_t;
using strategies::Phase;
using strategies::Selects;

// ---- Waits, in units of time ----

inline constexpr strategies::Seconds kUnit{60};
inline constexpr int kDelay = 2;     // routing.propagationDelay: a proxy has a change before it is that old
inline constexpr int kInterval = 1;  // of the analysis
inline constexpr int kBreaker = 2;
inline constexpr int kScaleDownDelay = 1;
inline constexpr int kDeadline = 5;  // progressDeadlineSeconds
// What a phase itself waits for comes on top (outlook.cc): most in Initializing, three delays.
inline constexpr int kLongestDeadline = kDeadline + 3 * kDelay;
static_assert(3 * kDelay >= kDelay + kInterval, "a step waits for less");
inline constexpr int kMostChecks = 3;  // of a step: more are like these
inline constexpr int kStepAge = kDelay + kInterval * (kMostChecks + 1);
inline constexpr Byte kNever = 255;  // in place of an age

inline constexpr std::array<int, 2> kSteps{20, 50};  // per cent
inline constexpr int kThreshold = 2;
inline constexpr int kStablePods = 2;
inline constexpr int kCandidatePods = 1;
inline constexpr int kMostPods =
    3;  // of a version that can be told apart: as many as stable has, and one anew

// ---- Objects ----

struct Canary {
  bool suspend = false;
  bool other_target = false;  // spec.targetRef names a workload that is not there
  bool deleting = false;
  bool finalizer = false;
  bool rollback_asked = false;
  bool gone = false;
  friend bool operator==(const Canary&, const Canary&) = default;
};

struct Service {
  bool exists = true;
  Byte selects = static_cast<Byte>(Selects::Stable);
  friend bool operator==(const Service&, const Service&) = default;
};

// The Services that the release makes for each version.
struct OwnServices {
  bool stable = false;
  bool candidate = false;
  friend bool operator==(const OwnServices&, const OwnServices&) = default;
};

// Owners: one destination as its owner wrote it. Pair: divided. Torn: divided, and the candidate's half is
// gone.
enum class Form : Byte { Owners, Pair, Torn };

struct Routes {
  bool exists = true;
  Form form = Form::Owners;
  Byte weight = 0;    // the candidate's, of a pair
  bool ours = false;  // the operator wrote last
  friend bool operator==(const Routes&, const Routes&) = default;
};

// Owners: it is there without the release. Made: by the operator.
enum class RuleKind : Byte { None, Owners, Made };

struct Rule {
  RuleKind kind = RuleKind::Owners;
  bool stable = false;  // it defines the version
  bool candidate = false;
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Workload {
  bool exists = true;
  Byte replicas = 0;
  Byte ready = 0;
  Byte oldest = 0;          // number of the ready pod that came first; the others have the next ones
  Byte pod_template = 1;    // which one; 0 stands for none that was judged
  bool relabelled = false;  // its pods carry another version than the release knows
  bool rolled_out = true;
  friend bool operator==(const Workload&, const Workload&) = default;
};

struct Objects {
  Canary canary;
  Service service;
  OwnServices own;
  Routes routes;
  Rule rule;
  Workload stable{.replicas = kStablePods, .ready = kStablePods};
  Workload candidate{.replicas = kCandidatePods};
  friend bool operator==(const Objects&, const Objects&) = default;
};

// Pods, a bit for each number.
[[nodiscard]] Byte pods_of(const Workload& workload);

// Ready pods behind the Service, by the version that they carry.
struct Endpoints {
  Byte stable = 0;
  Byte candidate = 0;
  Byte other = 0;
  friend bool operator==(const Endpoints&, const Endpoints&) = default;
};
[[nodiscard]] Endpoints endpoints_of(const Objects& objects);

// ---- What is remembered ----

// Status without what is only there for people; times as ages.
struct Record {
  bool started = false;
  bool other_target = false;
  Byte phase = static_cast<Byte>(Phase::Pending);
  Byte weight = 0;
  Byte step = 0;
  Byte checks = 0;
  Byte failed = 0;
  Byte pod_template = 0;  // of the candidate, that is judged
  bool identity = false;
  Byte stable_replicas = 0;  // of the identity
  Byte stable_ready = 0;
  Byte step_age = kNever;
  Byte transition_age = 0;
  Byte progress_age = 0;
  Byte breaker_age = kNever;
  Byte check_age = 0;  // of the last interval that was judged
  Byte drifts = 0;
  bool paused = false;
  bool routes_kept = false;  // originals that the release needs to put them back
  bool rule_kept = false;
  friend bool operator==(const Record&, const Record&) = default;
};

enum class Answer : Byte { None, Asked, Pass, Fail, Inconclusive };

// What the analysis was asked last, and what it said: lost when the process dies.
struct Question {
  Answer answer = Answer::None;
  Byte step = 0;
  Byte index = 0;
  Byte pod_template = 0;
  Byte age = 0;
  bool outdated = false;  // the step began anew, or the spec changed, since it was asked
  friend bool operator==(const Question&, const Question&) = default;
};

// Of whose age a decision makes something.
enum class Aged : Byte { Service = 1, Routes = 2, Rule = 4, Endpoints = 8 };

struct Caches {
  Objects objects;
  Endpoints endpoints;
  Byte news = 0;  // a bit for each Aged that has changed since, be it as it was again
  Byte service_age = kDelay;
  Byte routes_age = kDelay;
  Byte rule_age = kDelay;
  // By version: pods that have been away since `endpoints` came, and how long each of those has been there.
  std::array<Byte, 2> broken{};
  std::array<std::array<Byte, kMostPods>, 2> pod_ages{};
  Byte watched_age = kLongestDeadline;  // since when this process looks after the release
};

// Which part of a proxy's configuration.
enum class Part : Byte { Routes, Rule, Endpoints };
inline constexpr std::array<Part, 3> kParts{Part::Routes, Part::Rule, Part::Endpoints};

// What makes a request go where it goes.
struct Config {
  Byte form = 0;  // of the routes; without them a request goes as by the owner's
  Byte weight = 0;
  bool stable_defined = false;
  bool candidate_defined = false;
  Byte stable_behind = 0;  // which ready pods are behind the Service
  Byte candidate_behind = 0;
  Byte other_behind = 0;
  friend auto operator<=>(const Config&, const Config&) = default;
};
[[nodiscard]] Config config_of(const Objects& objects);
[[nodiscard]] bool agree(const Config& one, const Config& other, Part part);
void copy(const Config& from, Config& to, Part part);

struct Proxy {
  Config config;
  // By part: of the oldest change that it lacks; kNever: it lacks none.
  std::array<Byte, 3> lag{kNever, kNever, kNever};
  std::array<bool, 3> foreign{};  // somebody else than the operator has a part in what it lacks
  friend auto operator<=>(const Proxy&, const Proxy&) = default;
};

struct World {
  Objects objects;
  Record record;
  Caches caches;
  Question question;
  std::array<Proxy, 2> proxies;
  Byte passed = 0;  // a bit for each step that passed for `judged`
  Byte judged = 0;
  Byte edits_left = 0;
  Byte crashes_left = 0;
  bool edited = false;  // by others, on the way here

  [[nodiscard]] Phase phase() const { return static_cast<Phase>(record.phase); }
  [[nodiscard]] bool caches_are_fresh() const { return caches.objects == objects && caches.news == 0; }
  // Nothing that others have done has still to come to the caches: what the operator does it answers for.
  [[nodiscard]] bool operator_knows() const { return !edited || caches_are_fresh(); }
  [[nodiscard]] bool has_news(Aged aged) const { return (caches.news & static_cast<Byte>(aged)) != 0; }
  void note_news(Aged aged, bool is) {
    const auto bit = static_cast<Byte>(aged);
    caches.news = static_cast<Byte>(is ? caches.news | bit : caches.news & ~bit);
  }
};
static_assert(std::has_unique_object_representations_v<World>, "a state is hashed by its bytes");

// A Canary that has just been made, whose candidate has no ready pod yet.
[[nodiscard]] World first_world(int edits, int crashes);

// Notes what the proxies lack after a change from `before`, and what the watches have to tell.
void note_change(const Objects& before, World& world, bool foreign);

// One form of states that nothing can tell apart.
void make_canonical(World& world);
[[nodiscard]] bool same(const World& one, const World& other);
[[nodiscard]] std::uint64_t fingerprint(const World& world);

// Where 100 requests go that meet this configuration, while the pods are as `objects` says.
struct Way {
  int candidate = 0;  // are sent to its pods
  int lost = 0;       // nobody answers
};
[[nodiscard]] Way way_of(const Config& config, const Objects& objects);

}  // namespace weir::explore
