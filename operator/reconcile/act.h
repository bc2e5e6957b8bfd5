// Carries out one action of a decision against the API.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/api.h"
#include "operator/kube/store.h"
#include "operator/reconcile/observe.h"
#include "operator/routing/provider.h"

namespace weir::reconcile {

class Actor {
 public:
  // All are borrowed and must outlive the actor. `term`: of an elected leader, which signs each Canary that
  // it begins on (epoch.h).
  Actor(kube::Api& api, kube::Stores& stores, const base::Clock& clock, std::optional<std::int64_t> term)
      : api_(api), stores_(stores), clock_(clock), term_(term) {}

  // Every write starts from the objects of `snapshot` and fails with Code::Conflict if they have changed
  // since. What the server answers goes into the stores, so that the next reading has it. Before weight or
  // selector moves towards a version its endpoints are read live: with none it fails with Code::Invalid and
  // nothing is written.
  [[nodiscard]] kube::Result<void> perform(const strategies::Action& action, Snapshot& snapshot);

 private:
  using Done = kube::Result<void>;

  Done act(const strategies::EnsureFinalizer& action, Snapshot& snapshot);
  Done act(const strategies::LetGo& action, Snapshot& snapshot);
  Done act(const strategies::EnsureVersionServices& action, Snapshot& snapshot);
  Done act(const strategies::DeleteVersionServices& action, Snapshot& snapshot);
  Done act(const strategies::Prepare& action, Snapshot& snapshot);
  Done act(const strategies::MovePinned& action, Snapshot& snapshot);
  Done act(const strategies::CleanUp& action, Snapshot& snapshot);
  Done act(const strategies::Route& action, Snapshot& snapshot);
  Done act(const strategies::RestoreRoutes& action, Snapshot& snapshot);
  Done act(const strategies::SetSelector& action, Snapshot& snapshot);
  Done act(const strategies::Scale& action, Snapshot& snapshot);
  Done act(const strategies::DeleteWorkload& action, Snapshot& snapshot);
  Done act(const strategies::DeleteCanary& action, Snapshot& snapshot);
  Done act(const strategies::ClearMarks& action, Snapshot& snapshot);
  Done act(const strategies::RemoveLeftovers& action, Snapshot& snapshot);

  Done write(const std::vector<kube::Write>& writes);
  Done carry_out(const routing::Writes& writes);
  Done update(const kube::Resource& resource, const Json& before, const Json& after);
  Done create(const kube::Resource& resource, const Json& object);
  Done remove(const kube::Resource& resource, const Json& object);
  Done has_endpoints(const Snapshot& snapshot, strategies::Weight weight);
  Done can_select(const Snapshot& snapshot, strategies::Selects selects);
  Done serves_alone(const Snapshot& snapshot, const Json& deployment);
  Done still_undone(const Snapshot& snapshot);
  static bool is_forward(const Snapshot& snapshot, strategies::Selects selects);
  Done still_judged(const Snapshot& snapshot, const Json& written);
  Done no_one_elses(const Snapshot& snapshot);
  // As the API server has it now.
  kube::Result<strategies::Workload> live(const Snapshot& snapshot, const Json& deployment);
  void keep(const kube::Resource& resource, Json object);

  kube::Api& api_;
  kube::Stores& stores_;
  const base::Clock& clock_;
  const std::optional<std::int64_t> term_;
};

}  // namespace weir::reconcile
