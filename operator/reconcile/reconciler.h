// One round for one release: observe, decide, act.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "operator/base/clock.h"
#include "operator/kube/api.h"
#include "operator/kube/store.h"
#include "operator/lead/fence.h"
#include "operator/reconcile/act.h"
#include "operator/reconcile/analyst.h"
#include "operator/reconcile/divided_since.h"
#include "operator/reconcile/observe.h"
#include "operator/reconcile/orphans.h"
#include "operator/routing/provider.h"
#include "strategies/plan.h"

namespace weir::reconcile {

using lead::Leadership;

// What a round came to.
struct Round {
  std::optional<strategies::Milliseconds> requeue_after;  // empty: nothing is due until something changes
  bool wrote = false;                // something was sent: the next round has something new to decide from
  std::optional<kube::Error> error;  // the write that failed; the caller backs off and runs another round
};

// Follows the rounds: for logs, Events and metrics. Every call may be left empty.
struct Listener {
  std::function<void(const canary::Canary&, const strategies::Event&)> on_event;
  std::function<void(const canary::Canary&, const strategies::Action&, const kube::Result<void>&)> on_action;
  // Of every round, once its status is written; `after` may be what it was before.
  std::function<void(const canary::Canary& before, const strategies::Status& after)> on_status;
  std::function<void(const canary::Canary&, const strategies::CheckRequest&)>
      on_check;  // it is asked for now
  std::function<void(const kube::Key&)> on_gone;
  // An object of the release was claimed (fence.h).
  std::function<void(const canary::Canary&, const ManagedObject&, const kube::Result<void>&)> on_claim;
};

class Reconciler {
 public:
  // All but `listener` and `leadership` are borrowed and must outlive the reconciler. `urgent` is the same
  // API for releases that are being rolled back, whose requests should not wait behind others.
  Reconciler(kube::Api& api, kube::Api& urgent, kube::Stores& stores, Analyst& analyst,
             const base::Clock& clock, Listener listener, lead::LeadershipOf leadership = lead::leads_alone);

  // Thread-safe for different keys, each that of a Canary or of orphans (orphans.h). Objects that late writes
  // may be on their way to are claimed first, and that is the round. Otherwise status is written first, then
  // each action in order; the first failure ends the round. Without leadership of the release nothing is
  // written and the round ends with Code::Cancelled; of a Canary that is gone whatever is kept is dropped,
  // whoever leads. Events are told after the writes, so that they never hold one up.
  [[nodiscard]] Round reconcile(const kube::Key& key);

  // Whether a MetricTemplate of another namespace than the Canary's may be named; by default it may not. To
  // be set before the first round.
  void allow_cross_namespace_templates(bool allow) { cross_namespace_templates_ = allow; }
  // What the full names of Services end in; by default kube::kDefaultClusterDomain. To be set before the
  // first round.
  void set_cluster_domain(std::string domain) { cluster_domain_ = std::move(domain); }
  // Namespaces that every release trusts beside its own; by default routing::trusted_by_default. To be set
  // before the first round.
  void trust(routing::TrustedNamespaces trusted) { trusted_ = std::move(trusted); }

 private:
  // A round of what releases of a Service have left whose Canaries are gone.
  [[nodiscard]] Round look_after_orphans(const kube::Key& key, const kube::Key& service);
  // A round of a release that is over, from its kept form (finished.h).
  [[nodiscard]] Round look_after_finished(const kube::Key& key, const Json& record, const Leadership& lead);
  // From a record nothing is decided that changes the status, of which it has a part only: the Canary is read
  // for that.
  enum class Read { Whole, Record };
  [[nodiscard]] Round decide(const canary::Canary& canary, const Json& object, const Leadership& lead,
                             Read read = Read::Whole);
  // The same from the Canary of a release that is over as the API server has it now.
  [[nodiscard]] Round decide_whole(const kube::Key& key, const Leadership& lead);
  [[nodiscard]] kube::Api& api_for(strategies::Phase phase);
  // The round that ends because an object that status records is there and the caches lack it, as after a
  // definition was installed while this process was cut off; empty: there is none. What looks undivided to
  // the caches would else be undone under requests.
  [[nodiscard]] std::optional<Round> comes_late(kube::Api& api, const Snapshot& snapshot);
  // The round in which objects that an older operator made lost their ownerReferences (ownership.h); empty:
  // none has one.
  [[nodiscard]] std::optional<Round> adopt(kube::Api& api, const Snapshot& snapshot);
  // The round in which objects were lead::claimed; empty: there were none to claim.
  [[nodiscard]] std::optional<Round> claim(kube::Api& api, const Snapshot& snapshot, std::int64_t term);
  // Nothing is sent if that is not worth a request.
  [[nodiscard]] kube::Result<void> write_status(kube::Api& api, Snapshot& snapshot,
                                                const strategies::Decision& decision, const Leadership& lead);
  [[nodiscard]] Round refuse(const Json& object, const canary::FieldError& error, const Leadership& lead);
  void ask(const Snapshot& snapshot, const strategies::CheckRequest& request);

  kube::Api& api_;
  kube::Api& urgent_;
  kube::Stores& stores_;
  Analyst& analyst_;
  const base::Clock& clock_;
  Listener listener_;
  lead::Fence fence_;
  // Since when this process looks after a release without a pause: in the term in which it leads now.
  struct Watched {
    std::int64_t term = 0;
    strategies::TimePoint since;
  };
  [[nodiscard]] strategies::TimePoint watched_since(const kube::Key& key, const Leadership& lead);
  // Adds to a reading what only this process knows.
  void remember(Snapshot& snapshot, const kube::Key& key, const Leadership& lead);
  // The first that fails ends the round.
  void perform(const strategies::Decision& decision, Actor& actor, Snapshot& snapshot, Round& round);
  // Of an action that was carried out, and not at once. If the Canary has gone meanwhile, a Service that
  // selects both versions since then is nobody's: whoever took the finalizer off may have looked at it
  // before.
  void note_late(const strategies::Action& action, const Snapshot& snapshot);
  // The round in which such a Service is let select stable again; empty: there is none, its selector was
  // written to, or another release of it has begun. `uid`: of the Canary that the key has now, or empty.
  [[nodiscard]] std::optional<Round> undo_late(const kube::Key& key, std::string_view uid);
  [[nodiscard]] bool is_ending(const Snapshot& snapshot);
  void forget(const kube::Key& key);

  std::mutex mutex_;
  std::map<kube::Key, Watched> watched_;
  // uids of Canaries in whose namespace the server lets nobody make anything any more.
  std::map<kube::Key, std::string> ending_;
  // Readings of releases by which their Service was let select both versions too late.
  std::map<kube::Key, Snapshot> late_;
  Unused unused_;
  DividedSince divided_since_;
  bool cross_namespace_templates_ = false;
  std::string cluster_domain_{kube::kDefaultClusterDomain};
  routing::TrustedNamespaces trusted_ = routing::trusted_by_default();
};

}  // namespace weir::reconcile
