// What must hold at every moment (safety) and what must have come about at the end (liveness).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "test/simulation/cluster.h"
#include "test/simulation/mesh.h"

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
  bool skip_analysis = false;
  // Set by faults as they begin.
  bool requests_may_be_lost = false;  // pods failed, or somebody took objects away
};

// Looks at every change of the API server and at the state of the world after every event.
//
// Tolerances are of two kinds only, each a named constant: a live reading is as old as the request that made
// it, and pods may fail between a reading and the write that it allowed.
class Invariants {
 public:
  // Borrows all. `epoch_of` gives the leadership term under which a process of the operator writes.
  Invariants(const Executor& executor, ApiServer& server, const Cluster& cluster, const Mesh& mesh,
             Expectations& expectations, std::function<std::int64_t(Writer)> epoch_of);

  // To be called after each task of the executor.
  void look();
  [[nodiscard]] const std::vector<Violation>& violations() const { return violations_; }

 private:
  std::vector<Violation> violations_;
};

}  // namespace weir::simulation
