#include "operator/reconcile/own_services.h"

#include <algorithm>
#include <utility>

#include "operator/kube/object.h"
#include "operator/reconcile/orphans.h"
#include "operator/reconcile/selector.h"
#include "operator/reconcile/service_endpoints.h"
#include "operator/reconcile/services.h"

namespace weir::reconcile {
namespace {

using strategies::Identity;
using strategies::Obstacle;
using strategies::Selects;

// What of the selector keeps the release from going on: another version in it, or keys that the candidate's
// pods lack.
Obstacles selector_mismatches(const Source& source, const routing::Target& target, Selects selects,
                              const Json& service, const Json& candidate) {
  Obstacles found;
  const auto& label = target.version_label;
  auto keys = selector_of(service);
  if (selects == Selects::Other) {
    found.push_back(obstacle_to_progress(
        "SelectorMismatch", "the selector of Service " + target.service + " has " + label + "=" +
                                keys.value(label, "") + ": accepted are " + target.stable_version + " and " +
                                target.candidate_version));
  }
  if (candidate.is_null()) return found;
  keys.erase(label);
  if (!matches(keys, template_labels(candidate))) {
    found.push_back(obstacle_to_progress("SelectorMismatch", "the pods of " + source.spec().target.name +
                                                                 " lack labels of Service " + target.service +
                                                                 "'s selector " + keys.dump() +
                                                                 ": it would never select them"));
  }
  return found;
}

// Of a Service that has the name of one that the release is to make, and that it did not make.
Obstacle name_taken(const std::string& name, const Json& object) {
  const auto other = routing::maker_of(object);
  return {std::string(strategies::kConflict), "NameTaken",
          "Service " + name +
              (other ? " was made by another release, of Canary " + other->canary +
                           ": this one waits until it is gone; if that Canary is gone, it goes once no "
                           "route leads to it"
                     : " exists and is not this release's: it is not touched; rename it or the version")};
}

// Takes in what there is of one Service that is wanted. `clients`: the Service that clients call.
void inspect(const Source& source, const routing::Target& target, const Json& wanted, OwnServices& own,
             strategies::ServiceState& clients) {
  const auto name = kube::metadata_text(wanted, "name");
  const auto stored = source.stores.services.get({source.name_space(), name});
  if (!stored) {
    own.as_wanted = false;
  } else if (!routing::is_made_by(*stored->object, source.canary.uid)) {
    own.as_wanted = false;
    const bool half_signed = routing::is_half_signed(*stored->object, maker(source.canary));
    if (half_signed && !is_service_led_to(stored->object, source.means.trusted, source.stores)) {
      own.half_signed.push_back(*stored->object);
    } else {
      own.obstacles.push_back(name_taken(name, *stored->object));
    }
  } else {
    own.existing.push_back(*stored->object);
    if (!is_service_led_to(stored->object, source.means.trusted, source.stores))
      own.unused.push_back(*stored->object);
    if (!is_as_wanted(*stored->object, wanted)) own.as_wanted = false;
    // The newest change of what receives traffic counts.
    if (name == target.traffic_host) clients.age = std::min(clients.age, age_of(*stored, source.now));
  }
}

int ready_pods(const FoundWorkload& found) { return found.workload ? found.workload->ready : 0; }

}  // namespace

Versions versions_of(const canary::Canary& canary, const std::optional<strategies::Workload>& stable,
                     const std::optional<strategies::Workload>& candidate) {
  const auto& status = canary.status;
  const auto version = [&](const std::optional<strategies::Workload>& workload,
                           const strategies::VersionStatus& known, std::string Identity::* recorded) {
    if (status.identity) return (*status.identity).*recorded;
    return workload ? workload->version : known.version;
  };
  return {.stable = version(stable, status.stable, &Identity::stable_version),
          .candidate = version(candidate, status.candidate, &Identity::candidate_version)};
}

routing::Target target_of(const Source& source, const Versions& versions) {
  const auto& spec = source.spec();
  const auto& identity = source.canary.status.identity;
  const bool recorded = identity && !identity->cluster_domain.empty();
  auto names = service_names(spec, versions.stable, versions.candidate);
  routing::Target target{.name_space = source.name_space(),
                         .service = spec.service.name,
                         .traffic_host = std::move(names.traffic),
                         .version_label = spec.service.version_label,
                         .cluster_domain = recorded ? identity->cluster_domain : source.means.cluster_domain,
                         .stable_version = versions.stable,
                         .candidate_version = versions.candidate,
                         .stable_service = {},
                         .candidate_service = {},
                         .settings = Json::parse(spec.routing.settings, nullptr, /*allow_exceptions=*/false),
                         .records = source.canary.status.routes,
                         .maker = maker(source.canary),
                         .trusted = source.means.trusted};
  if (!versions.known()) return target;
  target.stable_service = std::move(names.stable);
  target.candidate_service = std::move(names.candidate);
  return target;
}

OwnServices find_own_services(const Source& source, const routing::Target& target,
                              const FoundService& service, const FoundWorkload& stable,
                              const FoundWorkload& candidate) {
  OwnServices own{.wanted = {},
                  .existing = {},
                  .half_signed = {},
                  .unused = {},
                  .service = service.state,
                  .obstacles = {}};
  if (!own.service || target.stable_version.empty() || target.candidate_version.empty()) return own;
  auto& state = *own.service;
  state.selects =
      selects(service.object, target.version_label, target.stable_version, target.candidate_version);
  own.obstacles = selector_mismatches(source, target, state.selects, service.object, candidate.deployment);
  own.wanted =
      wanted_services(source.canary, service.object, target.stable_version, target.candidate_version);
  own.as_wanted = true;
  for (const auto& wanted : own.wanted) inspect(source, target, wanted, own, state);
  const auto endpoints = ready_endpoints(source,
                                         {.traffic = target.traffic_host,
                                          .stable = target.stable_service,
                                          .candidate = target.candidate_service,
                                          .selects_both = source.router.abilities().selects_both},
                                         {.selects = state.selects,
                                          .version_services = own.as_wanted,
                                          .stable_ready = ready_pods(stable),
                                          .candidate_ready = ready_pods(candidate)});
  state.stable_endpoints = endpoints.stable;
  state.candidate_endpoints = endpoints.candidate;
  state.stable_endpoints_age = endpoints.stable_age;
  state.candidate_endpoints_age = endpoints.candidate_age;
  return own;
}

}  // namespace weir::reconcile
