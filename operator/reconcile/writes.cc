#include "operator/reconcile/writes.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "operator/kube/object.h"
#include "operator/lead/epoch.h"
#include "operator/reconcile/services.h"
#include "operator/scaling/registry.h"

namespace weir::reconcile {
namespace {

using kube::Write;
using strategies::Selects;

using Writes = kube::Result<std::vector<Write>>;

Writes refuse(std::string message) {
  return std::unexpected(kube::Error{.code = kube::Code::Invalid, .message = std::move(message)});
}

Writes one(const kube::Resource& kind, const Json& before, Json after) {
  return std::vector<Write>{{.kind = kind, .before = before, .after = std::move(after)}};
}

Write removal(const kube::Resource& kind, const Json& object) {
  return {.kind = kind, .before = object, .after = Json()};
}

std::vector<Write> removals(const std::vector<Json>& services) {
  std::vector<Write> writes;
  writes.reserve(services.size());
  for (const auto& service : services) writes.push_back(removal(kube::kServices, service));
  return writes;
}

// What the router answered.
Writes of_router(routing::Writes writes) {
  if (!writes) return refuse(std::move(writes.error().message));
  return *std::move(writes);
}

// One action's.
struct WritesOf {
  const Snapshot& snapshot;
  const kube::Stores& stores;
  std::optional<std::int64_t> term;

  Writes operator()(const strategies::EnsureFinalizer&) const {
    Json after = snapshot.object;
    auto& finalizers = after["metadata"]["finalizers"];
    if (!finalizers.is_array()) finalizers = Json::array();
    finalizers.push_back(canary::kFinalizer);
    if (term) after = lead::claimed(after, *term);
    return one(kube::kCanaries, snapshot.object, std::move(after));
  }

  Writes operator()(const strategies::LetGo&) const {
    Json after = snapshot.object;
    auto& metadata = after["metadata"];
    if (auto finalizers = metadata.find("finalizers"); finalizers != metadata.end()) {
      std::erase(finalizers->get_ref<Json::array_t&>(), Json(canary::kFinalizer));
      if (finalizers->empty()) metadata.erase(finalizers);
    }
    if (auto annotations = metadata.find("annotations"); annotations != metadata.end())
      annotations->erase(std::string(canary::kRollbackAnnotation));
    return one(kube::kCanaries, snapshot.object, lead::without_claim(after));
  }

  Writes operator()(const strategies::EnsureVersionServices&) const {
    auto writes = removals(snapshot.half_signed_services);
    for (const auto& wanted : snapshot.wanted_services) {
      const auto existing = std::ranges::find_if(snapshot.existing_services, [&](const Json& service) {
        return kube::key_of(service) == kube::key_of(wanted);
      });
      if (existing == snapshot.existing_services.end()) {
        writes.push_back({.kind = kube::kServices, .before = Json(), .after = wanted});
      } else if (!is_as_wanted(*existing, wanted)) {
        Json after = *existing;
        after["spec"]["selector"] = wanted["spec"]["selector"];
        after["spec"]["ports"] = wanted["spec"]["ports"];
        writes.push_back({.kind = kube::kServices, .before = *existing, .after = std::move(after)});
      }
    }
    return writes;
  }

  Writes operator()(const strategies::DeleteVersionServices&) const {
    // The others stay for as long as a route of somebody's leads to them (RemoveLeftovers).
    return removals(snapshot.unused_services);
  }

  Writes operator()(const strategies::Prepare&) const {
    return of_router(snapshot.router->prepare(snapshot.target, snapshot.objects));
  }
  Writes operator()(const strategies::MovePinned&) const {
    return of_router(snapshot.router->move_pinned(snapshot.target, snapshot.objects));
  }
  Writes operator()(const strategies::CleanUp& action) const {
    return of_router(snapshot.router->clean_up(snapshot.target, snapshot.objects, action.promoted));
  }
  Writes operator()(const strategies::Route& action) const {
    return of_router(snapshot.router->route(snapshot.target, snapshot.objects, action.traffic));
  }
  Writes operator()(const strategies::RestoreRoutes& action) const {
    return of_router(snapshot.router->restore(snapshot.target, snapshot.objects, action.promoted));
  }

  Writes operator()(const strategies::SetSelector& action) const {
    Json after = snapshot.service;
    auto& selector = after["spec"]["selector"];
    const auto& label = snapshot.canary.spec.service.version_label;
    switch (action.selects) {
      case Selects::Both:
        selector.erase(label);
        break;
      case Selects::Stable:
        selector[label] = snapshot.target.stable_version;
        break;
      case Selects::Candidate:
        selector[label] = snapshot.target.candidate_version;
        break;
      case Selects::Other:
        return refuse("no decision asks for another version");
    }
    return one(kube::kServices, snapshot.service, std::move(after));
  }

  Writes operator()(const strategies::Scale& action) const {
    const bool is_candidate = action.workload == kube::metadata_text(snapshot.candidate, "name");
    const Json& workload = is_candidate ? snapshot.candidate : snapshot.stable;
    auto writes = scaling::scaler_of(workload, stores).scale(workload, stores, action.replicas);
    if (!writes) return refuse(std::move(writes.error()));
    return *std::move(writes);
  }

  Writes operator()(const strategies::DeleteWorkload&) const {
    return std::vector{removal(kube::kDeployments, snapshot.stable)};
  }
  Writes operator()(const strategies::DeleteCanary&) const {
    return std::vector{removal(kube::kCanaries, snapshot.object)};
  }

  Writes operator()(const strategies::ClearMarks&) const {
    std::vector<Write> writes;
    for (const auto& managed : snapshot.managed) {
      if (!managed.of_user || !lead::is_claimed(*managed.object)) continue;
      writes.push_back({.kind = managed.resource,
                        .before = *managed.object,
                        .after = lead::without_claim(*managed.object)});
    }
    return writes;
  }

  Writes operator()(const strategies::RemoveLeftovers&) const { return {}; }
};

}  // namespace

Writes writes_of(const strategies::Action& action, const Snapshot& snapshot, const kube::Stores& stores,
                 std::optional<std::int64_t> term) {
  return std::visit(WritesOf{snapshot, stores, term}, action);
}

}  // namespace weir::reconcile
