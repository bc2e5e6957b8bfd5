// What releases have made and left: objects of a Canary that is gone, or whose release is over.
//
// A Canary may go without its release being undone: its finalizer is removed by hand, or a creation was on
// its way while it went. What is left of it is led by the key of its Service, as the release was. It stays
// for as long as a route leads to it, and for a while after that, and is then taken away.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/store.h"
#include "operator/lead/fence.h"
#include "operator/routing/trust.h"

namespace weir::reconcile {

using kube::Json;
using lead::ManagedObject;

// The key, in the place of a Canary's, under which orphans of releases of a Service are due for a round. No
// Canary can have it.
[[nodiscard]] kube::Key orphans_of(const kube::Key& service);
// The Service of such a key; empty: it is a Canary's.
[[nodiscard]] std::optional<kube::Key> service_of_orphans(const kube::Key& key);

// A round's key, and the Service by which it is led.
struct Due {
  kube::Key key;
  kube::Key service;
};
// All that there is to do rounds of: each release, and each Service that has orphans.
[[nodiscard]] std::vector<Due> everything_due(const kube::Stores& stores);
// The Service by which the rounds of a key are led; empty: there is no such release.
[[nodiscard]] std::optional<kube::Key> leader_of(const kube::Key& key, const kube::Stores& stores);

// The objects that the Canary's release has made, and still has, by the caches; those that are going already
// are left out.
[[nodiscard]] std::vector<ManagedObject> made_by(std::string_view uid, std::string_view name_space,
                                                 const kube::Stores& stores);
// Those of releases of the Service whose Canary the caches don't have.
[[nodiscard]] std::vector<ManagedObject> find_orphans(const kube::Key& service, const kube::Stores& stores);

// Whether a route of the caches leads to the object: of its own namespace, or of one that is trusted.
[[nodiscard]] bool is_led_to(const ManagedObject& made, const routing::TrustedNamespaces& trusted,
                             const kube::Stores& stores);
// The same for a Service.
[[nodiscard]] bool is_service_led_to(std::shared_ptr<const Json> service,
                                     const routing::TrustedNamespaces& trusted, const kube::Stores& stores);

// Since when no route leads to what is left: a proxy may still have a route that is gone already. By uid;
// kept in memory only, and counted afresh by another process. Thread-safe.
class Unused {
 public:
  // Takes in what the caches say now. Whether it has been so for long enough.
  [[nodiscard]] bool note(const ManagedObject& made, bool led_to, base::Clock::Steady now);
  void forget(const ManagedObject& made);

 private:
  std::mutex mutex_;
  std::map<std::string, base::Clock::Steady> since_;
};

enum class Removal { Done, InUse };
// Takes it away, unless a route leads to it by the caches, or by what the API server has now in its
// namespace.
[[nodiscard]] kube::Result<Removal> remove_unused(const ManagedObject& made,
                                                  const routing::TrustedNamespaces& trusted, kube::Api& api,
                                                  kube::Stores& stores, base::Clock::Steady now);
// The same for an orphan, which is none if the API server has its Canary.
[[nodiscard]] kube::Result<Removal> remove_orphan(const ManagedObject& orphan,
                                                  const routing::TrustedNamespaces& trusted, kube::Api& api,
                                                  kube::Stores& stores, base::Clock::Steady now);

}  // namespace weir::reconcile
