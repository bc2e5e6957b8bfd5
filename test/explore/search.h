// Walks a small world breadth first: every state that can be reached, each once, and of each broken invariant
// the shortest way to it. What comes after a breach is not walked.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "test/explore/events.h"
#include "test/explore/invariants.h"

namespace weir::explore {

struct Limits {
  std::uint64_t states = 10'000'000;
  int depth = 1'000;  // events from the first state
  std::chrono::seconds time{3'600};
  int breaches = 5;  // different ones, after which it ends
  int edits = 1;     // of others, along one way
  int crashes = 1;   // of the operator, along one way
};

struct Finding {
  Breach breach;
  Phase phase = Phase::Pending;  // in which it happened
  std::vector<Event> way;        // from the first state to the breach; the last event is what broke it
};

struct Result {
  std::uint64_t states = 0;
  std::uint64_t steps = 0;              // ways from a state to another that were looked at
  int depth = 0;                        // events from the first state, to which everything was walked
  bool complete = false;                // there is nothing new to find
  std::uint64_t waiting = 0;            // states that were reached and not left
  std::vector<Finding> findings;        // different breaches, the nearest first
  std::vector<std::uint64_t> by_phase;  // states
};

// Ends at a limit, or when there is nothing new.
[[nodiscard]] Result explore(const Limits& limits, const Decide& decide);

// 64-bit fingerprints in one flat table: two states are taken for one with a chance of about n²/2⁶⁵.
class Fingerprints {
 public:
  // Says whether it is new.
  bool add(std::uint64_t fingerprint);
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  bool put(std::uint64_t fingerprint);
  void grow();

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(1U << 16U);  // 0: empty
  std::uint64_t size_ = 0;
};

}  // namespace weir::explore
