#include "operator/reconcile/managed.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "operator/kube/object.h"

namespace weir::reconcile {
namespace {

class Collection {
 public:
  Collection(const kube::Stores& stores, const std::string& name_space)
      : stores_(stores), name_space_(name_space) {}

  void add(const kube::Resource& kind, const std::string& name, bool of_user, bool late) {
    const auto* store = stores_.of(kind);
    if (store == nullptr || !named_.emplace(kind.plural, name).second) return;
    if (const auto stored = store->get({name_space_, name}))
      objects_.push_back({kind, stored->object, of_user, late});
  }
  void add(ManagedObject object) { objects_.push_back(std::move(object)); }
  [[nodiscard]] std::vector<ManagedObject> take() { return std::move(objects_); }

 private:
  const kube::Stores& stores_;
  const std::string& name_space_;
  std::vector<ManagedObject> objects_;
  std::set<std::pair<std::string_view, std::string>> named_;  // by plural
};

}  // namespace

std::vector<ManagedObject> managed_objects(const Snapshot& snapshot, const kube::Stores& stores,
                                           const routing::Router::Reading& reading,
                                           const routing::Router& router) {
  Collection all(stores, snapshot.canary.name_space);
  // A release that never left Pending has written to its own Canary, and to the candidate's replicas when it
  // is given up: everything else may be another release's.
  const bool touched = !snapshot.canary.status.candidate.template_hash.empty();
  if (touched) {
    for (const auto& [kind, name] : reading.route_objects) all.add(kind, name, true, false);
    // Somebody may have taken the Service out of a route meanwhile.
    for (const auto& [kind, name] : router.recorded(snapshot.canary.status.routes))
      all.add(kind, name, true, false);
  }
  all.add({kube::kCanaries, std::make_shared<const Json>(snapshot.object), false, false});
  if (touched) {
    for (const auto& [kind, name] : reading.foundation_objects) all.add(kind, name, true, false);
    all.add(kube::kServices, snapshot.canary.spec.service.name, true, false);
    for (const auto& service : snapshot.existing_services)
      all.add(kube::kServices, kube::metadata_text(service, "name"), false, true);
    all.add(kube::kDeployments, kube::metadata_text(snapshot.stable, "name"), true, true);
  }
  all.add(kube::kDeployments, kube::metadata_text(snapshot.candidate, "name"), true, true);
  return all.take();
}

}  // namespace weir::reconcile
