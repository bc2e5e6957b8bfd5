#include "operator/reconcile/act.h"

#include <algorithm>

#include "operator/canary/workload.h"
#include "operator/kube/object.h"
#include "operator/lead/epoch.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/services.h"
#include "strategies/machine.h"

namespace weir::reconcile {
namespace {

using kube::Code;
using kube::Error;
using strategies::Selects;

kube::Result<void> refuse(std::string message) {
  return std::unexpected(Error{.code = Code::Invalid, .message = std::move(message)});
}

}  // namespace

kube::Result<void> Actor::perform(const strategies::Action& action, Scene& scene) {
  return std::visit([&](const auto& one) { return this->act(one, scene); }, action);
}

void Actor::keep(const kube::Resource& resource, Json object) {
  if (auto* store = stores_.of(resource)) store->put(std::move(object), clock_.steady());
}

Actor::Done Actor::update(const kube::Resource& resource, const Json& before, const Json& after) {
  auto answer = api_.update(resource, before, after);
  if (!answer) return std::unexpected(answer.error());
  keep(resource, std::move(*answer));
  return {};
}

Actor::Done Actor::create(const kube::Resource& resource, const Json& object) {
  auto answer = api_.create(resource, object);
  if (!answer) return std::unexpected(answer.error());
  keep(resource, std::move(*answer));
  return {};
}

Actor::Done Actor::remove(const kube::Resource& resource, const Json& object) {
  if (auto answer = api_.remove(resource, object); !answer) return answer;
  // An object with finalizers stays for a while: its watch says when it is gone.
  const auto finalizers = object.value("metadata", Json::object()).value("finalizers", Json::array());
  if (auto* store = stores_.of(resource); store != nullptr && finalizers.empty())
    store->erase(kube::key_of(object));
  return {};
}

Actor::Done Actor::act(const strategies::EnsureFinalizer&, Scene& scene) {
  Json after = scene.object;
  auto& finalizers = after["metadata"]["finalizers"];
  if (!finalizers.is_array()) finalizers = Json::array();
  finalizers.push_back(canary::kFinalizer);
  if (term_) after = lead::claimed(after, *term_);
  return update(kube::kCanaries, scene.object, after);
}

Actor::Done Actor::act(const strategies::RemoveFinalizer&, Scene& scene) {
  Json after = scene.object;
  auto& finalizers = after["metadata"]["finalizers"];
  std::erase(finalizers.get_ref<Json::array_t&>(), Json(canary::kFinalizer));
  if (finalizers.empty()) after["metadata"].erase("finalizers");
  return update(kube::kCanaries, scene.object, lead::without_claim(after));
}

Actor::Done Actor::act(const strategies::EnsureVersionServices&, Scene& scene) {
  for (const auto& wanted : scene.wanted_services) {
    const auto existing = std::ranges::find_if(scene.existing_services, [&](const Json& service) {
      return kube::key_of(service) == kube::key_of(wanted);
    });
    if (existing == scene.existing_services.end()) {
      if (auto done = create(kube::kServices, wanted); !done) return done;
    } else if (!is_as_wanted(*existing, wanted)) {
      Json after = *existing;
      after["spec"]["selector"] = wanted["spec"]["selector"];
      after["spec"]["ports"] = wanted["spec"]["ports"];
      if (auto done = update(kube::kServices, *existing, after); !done) return done;
    }
  }
  return {};
}

Actor::Done Actor::act(const strategies::DeleteVersionServices&, Scene& scene) {
  for (const auto& service : scene.existing_services) {
    if (auto done = remove(kube::kServices, service); !done) return done;
  }
  return {};
}

Actor::Done Actor::write(const routing::Writes& writes) {
  if (!writes) return refuse(writes.error().message);
  for (const auto& write : *writes) {
    Done done;
    if (write.before.is_null()) {
      done = create(write.kind, write.after);
    } else if (write.after.is_null()) {
      done = remove(write.kind, write.before);
    } else {
      done = update(write.kind, write.before, write.after);
    }
    if (!done) return done;
  }
  return {};
}

Actor::Done Actor::act(const strategies::Prepare&, Scene& scene) {
  return write(scene.router->prepare(scene.target, scene.objects));
}

Actor::Done Actor::act(const strategies::MovePinned&, Scene& scene) {
  return write(scene.router->move_pinned(scene.target, scene.objects));
}

Actor::Done Actor::act(const strategies::CleanUp& action, Scene& scene) {
  return write(scene.router->clean_up(scene.target, scene.objects, action.promoted));
}

Actor::Done Actor::act(const strategies::Route& action, Scene& scene) {
  if (auto done = has_endpoints(scene, action.traffic.candidate); !done) return done;
  return write(scene.router->route(scene.target, scene.objects, action.traffic));
}

Actor::Done Actor::act(const strategies::RestoreRoutes& action, Scene& scene) {
  return write(scene.router->restore(scene.target, scene.objects, action.promoted));
}

// Only weight towards the candidate needs a live look: taking it away must never wait for one.
Actor::Done Actor::has_endpoints(const Scene& scene, strategies::Weight weight) {
  const auto& seen = scene.observed.routes;
  if (weight.percent() <= (seen ? seen->highest() : 0)) return {};
  const auto& spec = scene.canary.spec;
  if (!scene.observed.version_services) {
    return refuse("the versions of Service " + spec.service.name +
                  " have no Services of their own to tell their endpoints by: weight does not move");
  }
  const TrafficServices services{.traffic = traffic_service_name(spec),
                                 .stable = scene.target.stable_service,
                                 .candidate = scene.target.candidate_service,
                                 .selects_both = scene.router->abilities().selects_both};
  const auto slices = api_.list(kube::kEndpointSlices, scene.canary.name_space,
                                slices_of({services.traffic, services.stable, services.candidate}));
  if (!slices) return std::unexpected(slices.error());
  if (count_endpoints(*slices, services).candidate > 0) return {};
  const auto& behind = services.selects_both ? services.traffic : services.candidate;
  return refuse("no ready endpoint of " + scene.canary.status.target + " behind Service " + behind +
                ": weight does not move there");
}

kube::Result<strategies::Workload> Actor::live(const Scene& scene, const Json& deployment) {
  const auto found = api_.get(kube::kDeployments, kube::key_of(deployment));
  if (!found) return std::unexpected(found.error());
  return canary::read_deployment(*found, scene.canary.spec.service.version_label);
}

// S3: the version that is to be selected alone has enough ready pods now.
Actor::Done Actor::can_select(const Scene& scene, Selects selects) {
  if (selects != Selects::Candidate && selects != Selects::Stable) return {};
  const bool forward = selects == Selects::Candidate;
  const auto& deployment = forward ? scene.candidate : scene.stable;
  if (deployment.is_null()) return refuse("the workload that the Service is to select does not exist");
  const auto found = live(scene, deployment);
  if (!found) return std::unexpected(found.error());
  const auto& workload = *found;
  const auto& seen = scene.observed;
  // Forward it replaces stable; backward it must be there, unless the other version has nothing to serve with
  // either.
  int needed = seen.candidate && seen.candidate->ready > 0 ? 1 : 0;
  if (forward) needed = seen.stable ? strategies::required_ready(*seen.stable) : 1;
  if (workload.ready >= needed) return {};
  return refuse(workload.name + " has " + std::to_string(workload.ready) + " of " + std::to_string(needed) +
                " ready pods: the selector does not move there");
}

Actor::Done Actor::act(const strategies::SetSelector& action, Scene& scene) {
  if (auto done = can_select(scene, action.selects); !done) return done;
  Json after = scene.service;
  auto& selector = after["spec"]["selector"];
  const auto& label = scene.canary.spec.service.version_label;
  switch (action.selects) {
    case Selects::Both:
      selector.erase(label);
      break;
    case Selects::Stable:
      selector[label] = scene.target.stable_version;
      break;
    case Selects::Candidate:
      selector[label] = scene.target.candidate_version;
      break;
    case Selects::Other:
      return refuse("no decision asks for another version");
  }
  return update(kube::kServices, scene.service, after);
}

// S14: the pods that are all there is from now on are ready now.
Actor::Done Actor::serves_alone(const Scene& scene, const Json& deployment) {
  if (deployment.is_null()) return refuse("the workload that is to serve alone does not exist");
  const auto workload = live(scene, deployment);
  if (!workload) return std::unexpected(workload.error());
  if (workload->ready > 0) return {};
  return refuse(workload->name + " has no ready pod: the pods of the other version stay");
}

Actor::Done Actor::act(const strategies::Scale& action, Scene& scene) {
  const bool is_candidate = action.workload == kube::metadata_text(scene.candidate, "name");
  const Json& before = is_candidate ? scene.candidate : scene.stable;
  if (action.hands_over) {
    if (auto done = serves_alone(scene, is_candidate ? scene.stable : scene.candidate); !done) return done;
  }
  Json after = before;
  after["spec"]["replicas"] = action.replicas;
  return update(kube::kDeployments, before, after);
}

Actor::Done Actor::act(const strategies::DeleteWorkload&, Scene& scene) {
  if (auto done = serves_alone(scene, scene.candidate); !done) return done;
  return remove(kube::kDeployments, scene.stable);
}

Actor::Done Actor::act(const strategies::DeleteCanary&, Scene& scene) {
  return remove(kube::kCanaries, scene.object);
}

Actor::Done Actor::act(const strategies::ClearMarks&, Scene& scene) {
  for (const auto& part : scene.parts) {
    if (!part.of_user || !lead::is_claimed(*part.object)) continue;
    if (auto done = update(part.resource, *part.object, lead::without_claim(*part.object)); !done)
      return done;
  }
  return {};
}

Actor::Done Actor::act(const strategies::RemoveLeftovers&, Scene& scene) {
  for (const auto& part : scene.leftovers) {
    if (auto done = remove(part.resource, *part.object); !done) return done;
  }
  return {};
}

}  // namespace weir::reconcile
