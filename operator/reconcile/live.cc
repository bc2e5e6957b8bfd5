#include "operator/reconcile/live.h"

#include <string>
#include <utility>
#include <variant>

#include "operator/canary/workload.h"
#include "operator/kube/object.h"
#include "operator/reconcile/admission.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/services.h"
#include "operator/reconcile/standing.h"
#include "strategies/machine.h"

namespace weir::reconcile {
namespace {

using strategies::Selects;

using Done = kube::Result<void>;

Done refuse(std::string message) {
  return std::unexpected(kube::Error{.code = kube::Code::Invalid, .message = std::move(message)});
}

// The promotion itself: what is selected from now on must be what was judged.
bool is_forward(const Snapshot& snapshot, Selects selects) {
  return selects == Selects::Candidate && snapshot.canary.status.phase == strategies::Phase::Promoting;
}

struct LiveLook {
  const Snapshot& snapshot;
  kube::Api& api;

  [[nodiscard]] kube::Result<strategies::Workload> read(const Json& deployment) const {
    const auto found = api.get(kube::kDeployments, kube::key_of(deployment));
    if (!found) return std::unexpected(found.error());
    const auto& identity = snapshot.canary.status.identity;
    const bool is_candidate = kube::key_of(deployment) == kube::key_of(snapshot.candidate);
    std::string recorded;
    if (identity) recorded = is_candidate ? identity->candidate_version : identity->stable_version;
    return canary::read_deployment(*found, snapshot.canary.spec.service.version_label, recorded);
  }

  // Only weight towards the candidate needs a live look: taking it away must never wait for one.
  [[nodiscard]] Done has_endpoints(strategies::Weight weight) const {
    const auto& seen = snapshot.observed.routes;
    if (weight.percent() <= (seen ? seen->highest() : 0)) return {};
    const auto& spec = snapshot.canary.spec;
    if (!snapshot.observed.version_services) {
      return refuse("the versions of Service " + spec.service.name +
                    " have no Services of their own to tell their endpoints by: weight does not move");
    }
    const TrafficServices services{.traffic = snapshot.target.traffic_host,
                                   .stable = snapshot.target.stable_service,
                                   .candidate = snapshot.target.candidate_service,
                                   .selects_both = snapshot.router->abilities().selects_both};
    const auto slices = api.list(kube::kEndpointSlices, snapshot.canary.name_space,
                                 slices_of({services.traffic, services.stable, services.candidate}));
    if (!slices) return std::unexpected(slices.error());
    if (count_endpoints(*slices, services).candidate > 0) return {};
    const auto& behind = services.selects_both ? services.traffic : services.candidate;
    return refuse("no ready endpoint of " + snapshot.canary.status.target + " behind Service " + behind +
                  ": weight does not move there");
  }

  // S3: the version that is to be selected alone has enough ready pods now.
  [[nodiscard]] Done can_select(Selects selects) const {
    if (selects != Selects::Candidate && selects != Selects::Stable) return {};
    const bool forward = selects == Selects::Candidate;
    const auto& deployment = forward ? snapshot.candidate : snapshot.stable;
    // With both gone there is nothing to lose: the selector returns to what its owner wrote.
    if (!forward && snapshot.stable.is_null() && snapshot.candidate.is_null()) return {};
    if (deployment.is_null()) return refuse("the workload that the Service is to select does not exist");
    const auto found = read(deployment);
    if (!found) return std::unexpected(found.error());
    const auto& workload = *found;
    const auto& seen = snapshot.observed;
    const auto& status = snapshot.canary.status;
    if (is_forward(snapshot, selects) && workload.template_hash != status.candidate.template_hash) {
      return refuse("the pod template of " + workload.name +
                    " is not the one that was judged any more: the selector does not move there");
    }
    // Forward it replaces stable; backward it must be there, unless the other version has nothing to serve
    // with either.
    int needed = seen.candidate && seen.candidate->ready > 0 ? 1 : 0;
    if (forward) needed = seen.stable ? strategies::required_ready(*seen.stable) : 1;
    if (workload.ready >= needed) return {};
    return refuse(workload.name + " has " + std::to_string(workload.ready) + " of " + std::to_string(needed) +
                  " ready pods: the selector does not move there");
  }

  // Of a release that is over: nobody answers for the Service now, and no other release has it.
  [[nodiscard]] Done still_undone() const {
    const auto service = kube::key_of(snapshot.service);
    const auto slices = api.list(kube::kEndpointSlices, service.name_space, slices_of({service.name}));
    if (!slices) return std::unexpected(slices.error());
    if (count_endpoints(*slices, {.traffic = service.name}).all > 0)
      return refuse("Service " + service.name + " has ready endpoints by now: its selector stays");
    const auto canaries = api.list(kube::kCanaries, service.name_space, "");
    if (!canaries) return std::unexpected(canaries.error());
    for (const auto& canary : *canaries) {
      if (service_of(canary) != service || !takes_over(canary, snapshot.canary)) continue;
      return refuse("Canary " + kube::metadata_text(canary, "name") + " has Service " + service.name +
                    " by now: its selector stays");
    }
    return {};
  }

  // S14: the pods that are all there is from now on are ready now.
  [[nodiscard]] Done serves_alone(const Json& deployment) const {
    if (deployment.is_null()) return refuse("the workload that is to serve alone does not exist");
    const auto workload = read(deployment);
    if (!workload) return std::unexpected(workload.error());
    if (workload->ready > 0) return {};
    return refuse(workload->name + " has no ready pod: the pods of the other version stay");
  }

  // Pods that another Service has no others than stay, whatever the caches say.
  [[nodiscard]] Done no_one_elses() const {
    const auto services = api.list(kube::kServices, snapshot.canary.name_space, "");
    if (!services) return std::unexpected(services.error());
    for (const auto& service : *services) {
      if (!selects_only(service, snapshot.stable, snapshot.candidate)) continue;
      return refuse("Service " + kube::metadata_text(service, "name") + " selects pods of " +
                    kube::metadata_text(snapshot.stable, "name") + " and no others: they stay");
    }
    return {};
  }

  Done operator()(const strategies::Route& action) const { return has_endpoints(action.traffic.candidate); }

  Done operator()(const strategies::SetSelector& action) const {
    if (strategies::is_final(snapshot.canary.status.phase)) {
      if (auto done = still_undone(); !done) return done;
    }
    return can_select(action.selects);
  }

  Done operator()(const strategies::Scale& action) const {
    if (!action.hands_over) return {};
    const bool is_candidate = action.workload == kube::metadata_text(snapshot.candidate, "name");
    if (auto done = serves_alone(is_candidate ? snapshot.stable : snapshot.candidate); !done) return done;
    return is_candidate ? Done{} : no_one_elses();
  }

  Done operator()(const strategies::DeleteWorkload&) const {
    if (auto done = serves_alone(snapshot.candidate); !done) return done;
    return no_one_elses();
  }

  Done operator()(const strategies::EnsureFinalizer&) const { return {}; }
  Done operator()(const strategies::LetGo&) const { return {}; }
  Done operator()(const strategies::EnsureVersionServices&) const { return {}; }
  Done operator()(const strategies::DeleteVersionServices&) const { return {}; }
  Done operator()(const strategies::Prepare&) const { return {}; }
  Done operator()(const strategies::MovePinned&) const { return {}; }
  Done operator()(const strategies::CleanUp&) const { return {}; }
  Done operator()(const strategies::RestoreRoutes&) const { return {}; }
  Done operator()(const strategies::DeleteCanary&) const { return {}; }
  Done operator()(const strategies::ClearMarks&) const { return {}; }
  Done operator()(const strategies::RemoveLeftovers&) const { return {}; }
};

}  // namespace

Done look_before(const strategies::Action& action, const Snapshot& snapshot, kube::Api& api) {
  return std::visit(LiveLook{snapshot, api}, action);
}

bool overtaken_by_template(const strategies::SetSelector& action, const Snapshot& snapshot, kube::Api& api) {
  if (!is_forward(snapshot, action.selects)) return false;
  const auto now = LiveLook{snapshot, api}.read(snapshot.candidate);
  return now && now->template_hash != snapshot.canary.status.candidate.template_hash;
}

}  // namespace weir::reconcile
