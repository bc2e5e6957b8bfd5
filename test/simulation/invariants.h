// What must hold at every moment (safety) and what must have come about at the end (liveness).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "test/simulation/cluster.h"
#include "test/simulation/invariants_checks.h"
#include "test/simulation/mesh.h"

namespace weir::simulation {

// Looks at every change of the API server and at the state of the world after every event.
//
// Independent of the operator's code: what the invariants say is read from the objects anew. Tolerances are
// of two kinds only, each a named constant: a live reading is as old as the request that made it, and pods
// may fail between a reading and the write that it allowed. An object that a person has just changed, or
// changed while faults keep the operator from seeing it, is not held against the operator's writes to other
// objects.
class Invariants {
 public:
  // Borrows all. Sees what happens to `server` from now on.
  Invariants(const Executor& executor, ApiServer& server, const Mesh& mesh, const Expectations& expectations);
  // Sees what `saw` is told, and no requests. Borrows `expectations`.
  explicit Invariants(const Expectations& expectations);

  void saw(const Change& change);
  // To be called after each task of the executor.
  void look();
  // The same at a given time, with as many requests lost so far.
  void look(Millis now, double lost, const std::vector<Loss>& losses);

  // What a release that is over has left undone (L1); `promoted`: how it was to end.
  [[nodiscard]] std::vector<Violation> check_end(bool promoted) const;

  // The first few of each name.
  [[nodiscard]] const std::vector<Violation>& violations() const { return findings_.all(); }

 private:
  const Executor* executor_ = nullptr;
  const Mesh* mesh_ = nullptr;
  const Expectations& expectations_;
  checks::Findings findings_;
  checks::Known known_;
  checks::StatusChecks status_;
  checks::PodChecks pods_;
  checks::LeadershipChecks leadership_;
  double lost_ = 0;
  std::size_t losses_ = 0;  // told of
};

}  // namespace weir::simulation
