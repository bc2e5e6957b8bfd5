// Carries out one action of a decision against the API.
#pragma once

#include <cstdint>
#include <optional>

#include "operator/base/clock.h"
#include "operator/kube/api.h"
#include "operator/kube/store.h"
#include "operator/kube/write.h"
#include "operator/reconcile/observe.h"

namespace weir::reconcile {

class Actor {
 public:
  // All are borrowed and must outlive the actor. `term`: of an elected leader, which signs each Canary that
  // it begins on (epoch.h).
  Actor(kube::Api& api, kube::Stores& stores, const base::Clock& clock, std::optional<std::int64_t> term)
      : api_(api), stores_(stores), clock_(clock), term_(term) {}

  // Sends the action's writes (writes.h), if a live look allows them (live.h): else it fails with
  // Code::Invalid and nothing is written. Every write starts from the objects of `snapshot` and fails with
  // Code::Conflict if they have changed since; the first that fails ends it. What the server answers goes
  // into the stores, so that the next reading has it.
  [[nodiscard]] kube::Result<void> perform(const strategies::Action& action, const Snapshot& snapshot);

 private:
  // What the server answers; null for what is gone.
  kube::Result<Json> send(const kube::Write& write);
  // What was made and has lost its signature, as `lost` says, is taken away again.
  kube::Result<Json> undo_unsigned(const kube::Write& made, const Json& kept, const std::string& lost);
  kube::Result<Json> remove(const kube::Resource& resource, const Json& object);
  kube::Result<void> remove_leftovers(const Snapshot& snapshot);
  // Moves the selector of the Service `written` back to what it was.
  kube::Result<void> take_back(const Snapshot& snapshot, const Json& written);

  kube::Api& api_;
  kube::Stores& stores_;
  const base::Clock& clock_;
  const std::optional<std::int64_t> term_;
};

}  // namespace weir::reconcile
