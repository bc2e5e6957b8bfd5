// The checks by concern. Each sees a change before `Known` has taken it: Known is the world just before.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "test/simulation/invariants_known.h"
#include "test/simulation/invariants_routes.h"

namespace weir::simulation {

struct Violation {
  Millis at{0};
  std::string name;     // S1 … S16, L1 … L7, or "lost"
  std::string message;  // what was seen, on what
};

// What the checks need to know of a run.
struct Expectations {
  std::string name_space = "shop";
  std::string service = "checkout";
  std::string domain = "cluster.local";
  bool skip_analysis = false;
  // Set by faults as they begin.
  bool requests_may_be_lost = false;        // pods failed, or somebody took objects away
  bool calm = false;                        // no fault keeps the operator from seeing or acting
  bool namespace_ends = false;              // all that is in it goes, whatever anybody does
  Millis reading_age{checks::kReadingAge};  // how long before a write its live readings may have been made
};

namespace checks {

// Takes the first kOfEach violations of each name.
class Findings {
 public:
  void add(Millis at, const std::string& name, std::string message);
  [[nodiscard]] const std::vector<Violation>& all() const { return all_; }

 private:
  static constexpr int kOfEach = 3;
  std::map<std::string, int> counts_;
  std::vector<Violation> all_;
};

// All borrowed.
struct Context {
  const Known& known;
  const Expectations& expectations;
  Findings& findings;
};

// A person has changed the object so lately, or at such a time, that the operator need not know.
[[nodiscard]] bool may_be_unseen(const Context& context, const Edited& edited, Millis now);

// ---- objects: S1, S15 (invariants_objects.cc) ----

// Which fields a write changes, and that what the owner wrote is still there.
void check_objects(const Context& context, const Change& change);
// The release's objects against their owners' versions; sentences that name what differs.
[[nodiscard]] std::vector<std::string> left_behind(const Known& known, const Release& release, bool promoted);

// ---- traffic: S2 when weight moves, S5, S7 (invariants_weights.cc) ----

void check_weights(const Context& context, const Change& change);

// ---- routes beside the divided ones: S17 (invariants_pinned.cc) ----

// What a request or a copy of one would meet where no release divides: a subset that a write takes away, or
// one whose pods it takes away.
void check_pinned(const Context& context, const Change& change);

// ---- status: S6, S8, S9, S11, S12, S13, S16 (invariants_status.cc) ----

class StatusChecks {
 public:
  explicit StatusChecks(Context context) : context_(context) {}
  void saw(const Change& change);

 private:
  // What the status has said of one Canary so far.
  struct Evidence {
    int passed = 0;  // steps, in order
    // The candidate's pod template when its hash was written, and the one before it, if a reading from before
    // that write may have seen it.
    std::vector<Json> judged;
    Millis step_at{0};                               // when the start of the step was written
    std::optional<Millis> counted_at, counted_time;  // of the last verdict: when written, and its own time
  };
  struct Write {
    const Change& change;
    Release before, after;
    const Json& old_status;
    const Json& new_status;
    std::vector<std::string> path;  // phases from before to after, both included
  };

  void check_history(const Write& write);
  void check_phases(const Write& write);
  void check_restart(const Write& write);
  void check_steps(const Write& write, Evidence& evidence);
  void check_verdict(const Write& write, Evidence& evidence);
  void check_spacing(const Write& write, Evidence& evidence);
  void check_others(const Write& write);
  void check_promotion(const Change& change);
  void report(const Write& write, const char* name, const std::string& message);

  const Context context_;
  std::map<std::string, Evidence> evidence_;  // by uid
};

// ---- pods: S2 while nothing is written, S3, S4, S14 (invariants_pods.cc) ----

class PodChecks {
 public:
  explicit PodChecks(Context context) : context_(context) {}
  void saw(const Change& change);
  void look(Millis now);

 private:
  void check_selector(const Change& change);
  void check_put_back(const Change& change, const Release& release);
  void check_routes_before_selector(const Change& change, const Release& release);
  void check_scale(const Change& change);
  void check_finalizer(const Change& change);
  void check_dead(Millis now, const Release& release, bool candidate);

  const Context context_;
  Millis next_look_{0};
  std::optional<Millis> calm_since_;
  std::pair<std::string, std::string> phase_;  // uid and phase
  Millis phase_since_{0};
};

// ---- leadership: S10 (invariants_leadership.cc) ----

class LeadershipChecks {
 public:
  explicit LeadershipChecks(Context context) : context_(context) {}
  void saw(const Change& change);

 private:
  struct Led {
    std::int64_t term = 0;
    Millis since{0};
  };
  void check_mark(const Change& change);

  const Context context_;
  std::map<std::string, std::int64_t> terms_;  // highest that wrote, by uid of the object
  std::map<std::string, Led> releases_;        // highest that wrote status past Pending, by the Canary's uid
};

}  // namespace checks
}  // namespace weir::simulation
