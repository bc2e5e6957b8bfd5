// Reads everything that one release depends on into values.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operator/base/clock.h"
#include "operator/canary/canary.h"
#include "operator/kube/cluster_domain.h"
#include "operator/kube/store.h"
#include "operator/lead/fence.h"
#include "operator/reconcile/orphans.h"
#include "operator/routing/provider.h"
#include "operator/routing/trust.h"

namespace weir::reconcile {

using kube::Json;
using lead::ManagedObject;

// What was read of one release, with the objects that its writes start from.
struct Snapshot {
  canary::Canary canary;
  Json object;                              // the Canary itself
  const routing::Router* router = nullptr;  // of the release; never null
  strategies::Observed observed;
  routing::Target target;
  routing::Objects objects;
  Json service;                            // null: it does not exist, or the release is over as it should be
  Json stable;                             // Deployment; null: it does not exist
  Json candidate;                          // the same
  std::vector<Json> wanted_services;       // what the release's own Services should be
  std::vector<Json> existing_services;     // those of them that exist and are ours
  std::vector<Json> unused_services;       // of these: no route leads to them
  std::vector<Json> half_signed_services;  // in the place of others, whose signature is not whole
  std::vector<ManagedObject> managed;      // all that exist: routes first, then the Canary, then the rest
  routing::TrustedNamespaces trusted_callers;  // beside its own: their proxies hold the release
  std::vector<ManagedObject> leftovers;        // of a release that is over: what it made and no route needs
};

// Pods of a workload, asked for only when some are not ready. An empty answer is fine.
using ListPods =
    std::function<std::vector<Json>(const std::string& name_space, const std::string& label_selector)>;

// What else an observation needs.
struct Means {
  ListPods list_pods;
  bool cross_namespace_templates = false;  // whether a MetricTemplate of another namespace may be named
  std::string cluster_domain{kube::kDefaultClusterDomain};
  routing::TrustedNamespaces trusted = routing::trusted_by_default();
  Unused* unused = nullptr;  // what is left of releases that are over; null: it counts as long unused
};

// Never less than 0.
[[nodiscard]] strategies::Milliseconds time_since(base::Clock::Steady then, base::Clock::Steady now);
// How long this process knows the object to be as it is.
[[nodiscard]] strategies::Milliseconds age_of(const kube::Stored& stored, base::Clock::Steady now);
// The same of the object that has the name, or of its absence.
[[nodiscard]] strategies::Milliseconds age_of(const kube::Key& key, const kube::Store& store,
                                              base::Clock::Steady now);

// One reading of the stores; `observed.verdict` is left empty.
[[nodiscard]] Snapshot observe(const canary::Canary& canary, const Json& object, const kube::Stores& stores,
                               base::Clock::Steady now, const Means& means);

}  // namespace weir::reconcile
