#include "operator/reconcile/act.h"

#include <algorithm>

#include "operator/canary/workload.h"
#include "operator/kube/object.h"
#include "operator/lead/epoch.h"
#include "operator/reconcile/admission.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/orphans.h"
#include "operator/reconcile/services.h"
#include "operator/reconcile/standing.h"
#include "operator/scaling/registry.h"
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

kube::Result<void> Actor::perform(const strategies::Action& action, Snapshot& snapshot) {
  return std::visit([&](const auto& one) { return this->act(one, snapshot); }, action);
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

Actor::Done Actor::act(const strategies::EnsureFinalizer&, Snapshot& snapshot) {
  Json after = snapshot.object;
  auto& finalizers = after["metadata"]["finalizers"];
  if (!finalizers.is_array()) finalizers = Json::array();
  finalizers.push_back(canary::kFinalizer);
  if (term_) after = lead::claimed(after, *term_);
  return update(kube::kCanaries, snapshot.object, after);
}

Actor::Done Actor::act(const strategies::LetGo&, Snapshot& snapshot) {
  Json after = snapshot.object;
  auto& metadata = after["metadata"];
  if (auto finalizers = metadata.find("finalizers"); finalizers != metadata.end()) {
    std::erase(finalizers->get_ref<Json::array_t&>(), Json(canary::kFinalizer));
    if (finalizers->empty()) metadata.erase(finalizers);
  }
  if (auto annotations = metadata.find("annotations"); annotations != metadata.end())
    annotations->erase(std::string(canary::kRollbackAnnotation));
  return update(kube::kCanaries, snapshot.object, lead::without_claim(after));
}

Actor::Done Actor::act(const strategies::EnsureVersionServices&, Snapshot& snapshot) {
  for (const auto& wanted : snapshot.wanted_services) {
    const auto existing = std::ranges::find_if(snapshot.existing_services, [&](const Json& service) {
      return kube::key_of(service) == kube::key_of(wanted);
    });
    if (existing == snapshot.existing_services.end()) {
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

Actor::Done Actor::act(const strategies::DeleteVersionServices&, Snapshot& snapshot) {
  for (const auto& service : snapshot.existing_services) {
    // It stays for as long as a route of somebody's leads to it (RemoveLeftovers).
    if (is_led_to({kube::kServices, std::make_shared<const Json>(service), false, true}, stores_)) continue;
    if (auto done = remove(kube::kServices, service); !done) return done;
  }
  return {};
}

Actor::Done Actor::write(const std::vector<kube::Write>& writes) {
  for (const auto& write : writes) {
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

Actor::Done Actor::carry_out(const routing::Writes& writes) {
  if (!writes) return refuse(writes.error().message);
  return write(*writes);
}

Actor::Done Actor::act(const strategies::Prepare&, Snapshot& snapshot) {
  return carry_out(snapshot.router->prepare(snapshot.target, snapshot.objects));
}

Actor::Done Actor::act(const strategies::MovePinned&, Snapshot& snapshot) {
  return carry_out(snapshot.router->move_pinned(snapshot.target, snapshot.objects));
}

Actor::Done Actor::act(const strategies::CleanUp& action, Snapshot& snapshot) {
  return carry_out(snapshot.router->clean_up(snapshot.target, snapshot.objects, action.promoted));
}

Actor::Done Actor::act(const strategies::Route& action, Snapshot& snapshot) {
  if (auto done = has_endpoints(snapshot, action.traffic.candidate); !done) return done;
  return carry_out(snapshot.router->route(snapshot.target, snapshot.objects, action.traffic));
}

Actor::Done Actor::act(const strategies::RestoreRoutes& action, Snapshot& snapshot) {
  return carry_out(snapshot.router->restore(snapshot.target, snapshot.objects, action.promoted));
}

// Only weight towards the candidate needs a live look: taking it away must never wait for one.
Actor::Done Actor::has_endpoints(const Snapshot& snapshot, strategies::Weight weight) {
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
  const auto slices = api_.list(kube::kEndpointSlices, snapshot.canary.name_space,
                                slices_of({services.traffic, services.stable, services.candidate}));
  if (!slices) return std::unexpected(slices.error());
  if (count_endpoints(*slices, services).candidate > 0) return {};
  const auto& behind = services.selects_both ? services.traffic : services.candidate;
  return refuse("no ready endpoint of " + snapshot.canary.status.target + " behind Service " + behind +
                ": weight does not move there");
}

kube::Result<strategies::Workload> Actor::live(const Snapshot& snapshot, const Json& deployment) {
  const auto found = api_.get(kube::kDeployments, kube::key_of(deployment));
  if (!found) return std::unexpected(found.error());
  const auto& identity = snapshot.canary.status.identity;
  const bool is_candidate = kube::key_of(deployment) == kube::key_of(snapshot.candidate);
  std::string recorded;
  if (identity) recorded = is_candidate ? identity->candidate_version : identity->stable_version;
  return canary::read_deployment(*found, snapshot.canary.spec.service.version_label, recorded);
}

// S3: the version that is to be selected alone has enough ready pods now.
Actor::Done Actor::can_select(const Snapshot& snapshot, Selects selects) {
  if (selects != Selects::Candidate && selects != Selects::Stable) return {};
  const bool forward = selects == Selects::Candidate;
  const auto& deployment = forward ? snapshot.candidate : snapshot.stable;
  // With both gone there is nothing to lose: the selector returns to what its owner wrote.
  if (!forward && snapshot.stable.is_null() && snapshot.candidate.is_null()) return {};
  if (deployment.is_null()) return refuse("the workload that the Service is to select does not exist");
  const auto found = live(snapshot, deployment);
  if (!found) return std::unexpected(found.error());
  const auto& workload = *found;
  const auto& seen = snapshot.observed;
  const auto& status = snapshot.canary.status;
  if (is_forward(snapshot, selects) && workload.template_hash != status.candidate.template_hash) {
    return refuse("the pod template of " + workload.name +
                  " is not the one that was judged any more: the selector does not move there");
  }
  // Forward it replaces stable; backward it must be there, unless the other version has nothing to serve with
  // either.
  int needed = seen.candidate && seen.candidate->ready > 0 ? 1 : 0;
  if (forward) needed = seen.stable ? strategies::required_ready(*seen.stable) : 1;
  if (workload.ready >= needed) return {};
  return refuse(workload.name + " has " + std::to_string(workload.ready) + " of " + std::to_string(needed) +
                " ready pods: the selector does not move there");
}

// Of a release that is over: nobody answers for the Service now, and no other release has it.
Actor::Done Actor::still_undone(const Snapshot& snapshot) {
  const auto service = kube::key_of(snapshot.service);
  const auto slices = api_.list(kube::kEndpointSlices, service.name_space, slices_of({service.name}));
  if (!slices) return std::unexpected(slices.error());
  if (count_endpoints(*slices, {.traffic = service.name}).all > 0)
    return refuse("Service " + service.name + " has ready endpoints by now: its selector stays");
  const auto canaries = api_.list(kube::kCanaries, service.name_space, "");
  if (!canaries) return std::unexpected(canaries.error());
  for (const auto& canary : *canaries) {
    if (service_of(canary) != service || !takes_over(canary, snapshot.canary)) continue;
    return refuse("Canary " + kube::metadata_text(canary, "name") + " has Service " + service.name +
                  " by now: its selector stays");
  }
  return {};
}

Actor::Done Actor::act(const strategies::SetSelector& action, Snapshot& snapshot) {
  if (strategies::is_final(snapshot.canary.status.phase)) {
    if (auto done = still_undone(snapshot); !done) return done;
  }
  if (auto done = can_select(snapshot, action.selects); !done) return done;
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
  auto written = api_.update(kube::kServices, snapshot.service, after);
  if (!written) return std::unexpected(written.error());
  keep(kube::kServices, *written);
  return is_forward(snapshot, action.selects) ? still_judged(snapshot, *written) : Done{};
}

bool Actor::is_forward(const Snapshot& snapshot, Selects selects) {
  return selects == Selects::Candidate && snapshot.canary.status.phase == strategies::Phase::Promoting;
}

// A template that was pushed between the look and the write has pods behind the Service, and nobody judged it
// (S6): the selector goes back to what it was.
Actor::Done Actor::still_judged(const Snapshot& snapshot, const Json& written) {
  const auto now = live(snapshot, snapshot.candidate);
  if (!now || now->template_hash == snapshot.canary.status.candidate.template_hash) return {};
  Json after = written;
  after["spec"]["selector"] = snapshot.service["spec"]["selector"];
  if (auto done = update(kube::kServices, written, after); !done) return done;
  return refuse("the pod template of " + now->name +
                " changed while the selector was moved there: the selector is moved back");
}

// Pods that another Service has no others than stay, whatever the caches say.
Actor::Done Actor::no_one_elses(const Snapshot& snapshot) {
  const auto services = api_.list(kube::kServices, snapshot.canary.name_space, "");
  if (!services) return std::unexpected(services.error());
  for (const auto& service : *services) {
    if (!selects_only(service, snapshot.stable, snapshot.candidate)) continue;
    return refuse("Service " + kube::metadata_text(service, "name") + " selects pods of " +
                  kube::metadata_text(snapshot.stable, "name") + " and no others: they stay");
  }
  return {};
}

// S14: the pods that are all there is from now on are ready now.
Actor::Done Actor::serves_alone(const Snapshot& snapshot, const Json& deployment) {
  if (deployment.is_null()) return refuse("the workload that is to serve alone does not exist");
  const auto workload = live(snapshot, deployment);
  if (!workload) return std::unexpected(workload.error());
  if (workload->ready > 0) return {};
  return refuse(workload->name + " has no ready pod: the pods of the other version stay");
}

Actor::Done Actor::act(const strategies::Scale& action, Snapshot& snapshot) {
  const bool is_candidate = action.workload == kube::metadata_text(snapshot.candidate, "name");
  const Json& before = is_candidate ? snapshot.candidate : snapshot.stable;
  if (action.hands_over) {
    if (auto done = serves_alone(snapshot, is_candidate ? snapshot.stable : snapshot.candidate); !done)
      return done;
    if (!is_candidate) {
      if (auto done = no_one_elses(snapshot); !done) return done;
    }
  }
  const auto writes = scaling::scaler_of(before, stores_).scale(before, stores_, action.replicas);
  if (!writes) return refuse(writes.error());
  return write(*writes);
}

Actor::Done Actor::act(const strategies::DeleteWorkload&, Snapshot& snapshot) {
  if (auto done = serves_alone(snapshot, snapshot.candidate); !done) return done;
  if (auto done = no_one_elses(snapshot); !done) return done;
  return remove(kube::kDeployments, snapshot.stable);
}

Actor::Done Actor::act(const strategies::DeleteCanary&, Snapshot& snapshot) {
  return remove(kube::kCanaries, snapshot.object);
}

Actor::Done Actor::act(const strategies::ClearMarks&, Snapshot& snapshot) {
  for (const auto& part : snapshot.managed) {
    if (!part.of_user || !lead::is_claimed(*part.object)) continue;
    if (auto done = update(part.resource, *part.object, lead::without_claim(*part.object)); !done)
      return done;
  }
  return {};
}

Actor::Done Actor::act(const strategies::RemoveLeftovers&, Snapshot& snapshot) {
  for (const auto& made : snapshot.leftovers) {
    if (auto done = remove_unused(made, api_, stores_); !done) return std::unexpected(done.error());
  }
  return {};
}

}  // namespace weir::reconcile
