#include "operator/reconcile/observe.h"

#include <algorithm>
#include <utility>

#include "operator/lead/epoch.h"
#include "operator/reconcile/managed.h"
#include "operator/reconcile/metrics_request.h"
#include "operator/reconcile/others.h"
#include "operator/reconcile/own_services.h"
#include "operator/reconcile/rivals.h"
#include "operator/reconcile/routes.h"
#include "operator/reconcile/selector.h"
#include "operator/reconcile/source.h"
#include "operator/reconcile/standing.h"
#include "operator/reconcile/workloads.h"
#include "operator/routing/registry.h"

namespace weir::reconcile {
namespace {

using strategies::Milliseconds;
using strategies::Phase;

// What of a release that is over is still there.
struct Leftovers {
  std::vector<ManagedObject> unused;  // for long enough
  bool wait = false;                  // there are others
};

Leftovers find_leftovers(const Source& source) {
  Leftovers found;
  for (auto& made : made_by(source.canary.uid, source.name_space(), source.stores)) {
    const bool led_to = is_led_to(made, source.means.trusted, source.stores);
    auto* known = source.means.unused;
    if (known == nullptr ? !led_to : known->note(made, led_to, source.now)) {
      found.unused.push_back(std::move(made));
    } else {
      found.wait = true;
    }
  }
  return found;
}

Obstacles find_template_obstacles(const Source& source) {
  Obstacles found;
  if (source.canary.status.phase > Phase::Progressing) return found;
  for (const auto& metric : source.canary.metrics) {
    auto obstacle = obstacle_to(metric, source.name_space(), source.stores.metric_templates,
                                source.means.cross_namespace_templates);
    if (obstacle) found.push_back(*std::move(obstacle));
  }
  return found;
}

// Why the release is to be taken back; empty: nobody wants that.
std::string rollback_requested(const canary::Canary& canary, const Rivals& rivals) {
  // What is promoted already is no longer in the way.
  const bool superseded = !rivals.superseded_by.empty() && canary.status.phase != Phase::Finalizing;
  if (!canary.rollback_requested.empty() || !superseded) return canary.rollback_requested;
  return "superseded by Canary " + rivals.superseded_by;
}

// The parts of one reading of a release that is not over.
struct Parts {
  Rivals rivals;
  FoundService service;
  FoundWorkload candidate;
  FoundWorkload stable;
  routing::Target target;
  OwnServices own_services;
  FoundRoutes routes;
  Others others;
  Obstacles template_obstacles;

  // The first one is what people are told.
  [[nodiscard]] Obstacles obstacles() const {
    Obstacles all;
    if (rivals.waits_for) all.push_back(*rivals.waits_for);
    for (const auto* more :
         {&service.obstacles, &candidate.obstacles, &stable.obstacles, &own_services.obstacles,
          &routes.obstacles, &others.obstacles, &template_obstacles})
      all.insert(all.end(), more->begin(), more->end());
    return all;
  }
};

// Each is a function of those before it.
Parts find_parts(const Source& source) {
  auto rivals = find_rivals(source.canary, source.stores);
  auto service = find_service(source);
  bool held = rivals.waits_for.has_value() || !service.obstacles.empty();
  auto candidate = find_candidate(source, held);
  held = held || !candidate.obstacles.empty();
  auto stable = find_stable(source, service.object, candidate.deployment, held);
  auto target = target_of(source, versions_of(source.canary, stable.workload, candidate.workload));
  target.stable_labels = template_labels(stable.deployment);
  target.candidate_labels = template_labels(candidate.deployment);
  auto own_services = find_own_services(source, target, service, stable, candidate);
  auto routes = find_routes(source, target);
  auto others = find_others(source, service.object, stable, candidate, own_services.wanted);
  return {.rivals = std::move(rivals),
          .service = std::move(service),
          .candidate = std::move(candidate),
          .stable = std::move(stable),
          .target = std::move(target),
          .own_services = std::move(own_services),
          .routes = std::move(routes),
          .others = std::move(others),
          .template_obstacles = find_template_obstacles(source)};
}

// What the Canary itself says.
strategies::Observed observed_of(const canary::Canary& canary) {
  strategies::Observed seen;
  seen.generation = canary.generation;
  seen.has_finalizer = canary.has_finalizer;
  seen.deleting = canary.deleting;
  seen.rollback_requested = canary.rollback_requested;
  seen.departures = canary.departures;
  return seen;
}

strategies::Observed observed_of(const Source& source, const Parts& parts) {
  auto seen = observed_of(source.canary);
  seen.rollback_requested = rollback_requested(source.canary, parts.rivals);
  seen.stable = parts.stable.workload;
  seen.candidate = parts.candidate.workload;
  seen.candidate_is_anothers = parts.rivals.shares_target;
  seen.service = parts.own_services.service;
  seen.service_gone = parts.service.gone;
  seen.version_services = parts.own_services.as_wanted;
  seen.any_version_services = !parts.own_services.unused.empty();
  seen.abilities = source.router.abilities();
  seen.words = source.router.words();
  const auto& reading = parts.routes.reading;
  seen.routes = reading.routes;
  seen.routes_gone = parts.routes.gone;
  seen.foundation = reading.foundation;
  seen.not_isolated = reading.not_isolated;
  seen.not_isolated_untrusted = reading.not_isolated_untrusted;
  seen.warnings = reading.warnings;
  seen.fixed_to_stable = parts.routes.keep_stable;
  seen.fixed_to_candidate = reading.fixed_to_candidate;
  seen.obstacles = parts.obstacles();
  const auto& others = parts.others;
  seen.not_isolated.insert(seen.not_isolated.end(), others.not_isolated.begin(), others.not_isolated.end());
  seen.warnings.insert(seen.warnings.end(), others.warnings.begin(), others.warnings.end());
  seen.stable_only_services = others.stable_only_services;
  seen.cluster_domain = source.means.cluster_domain;
  seen.uncountable = why_uncountable(source.canary, seen.abilities);
  return seen;
}

// Whose proxies hold the release, beside those of its own namespace. Those that somebody else's routes lead
// past the release's don't: he would decide by them what becomes of it.
routing::TrustedNamespaces trusted_callers(const Source& source, const routing::Router::Reading& reading) {
  const auto& overridden = reading.overridden_gateways;
  if (overridden.contains("*")) return {};
  auto trusted = source.means.trusted;
  trusted.insert(reading.gateway_namespaces.begin(), reading.gateway_namespaces.end());
  for (const auto& name_space : overridden) trusted.erase(name_space);
  return trusted;
}

Snapshot running(const Source& source, Snapshot snapshot) {
  auto parts = find_parts(source);
  snapshot.observed = observed_of(source, parts);
  snapshot.target = std::move(parts.target);
  snapshot.objects = std::move(parts.routes.objects);
  snapshot.service = std::move(parts.service.object);
  snapshot.stable = std::move(parts.stable.deployment);
  snapshot.candidate = std::move(parts.candidate.deployment);
  snapshot.wanted_services = std::move(parts.own_services.wanted);
  snapshot.existing_services = std::move(parts.own_services.existing);
  snapshot.unused_services = std::move(parts.own_services.unused);
  snapshot.half_signed_services = std::move(parts.own_services.half_signed);
  snapshot.trusted_callers = trusted_callers(source, parts.routes.reading);
  snapshot.managed = managed_objects(snapshot, source.stores, parts.routes.reading, source.router);
  snapshot.observed.marked = std::ranges::any_of(snapshot.managed, [](const ManagedObject& one) {
    return one.of_user && lead::is_claimed(*one.object);
  });
  return snapshot;
}

// What is over rests: only what it left behind concerns it, and the Service that it was promoted to.
Snapshot finished(const Source& source, Snapshot snapshot) {
  snapshot.managed.push_back({kube::kCanaries, std::make_shared<const Json>(snapshot.object), false, false});
  auto leftovers = find_leftovers(source);
  snapshot.target.trusted = source.means.trusted;
  snapshot.observed = observed_of(source.canary);
  snapshot.observed.leftovers = !leftovers.unused.empty();
  snapshot.observed.leftovers_wait = leftovers.wait;
  snapshot.leftovers = std::move(leftovers.unused);
  auto found = find_standing(source.canary, source.stores, source.now);
  const auto& identity = source.canary.status.identity;
  if (!found || !identity) return snapshot;
  // What was promoted is what the record says, whatever the spec has become.
  snapshot.canary.spec.service.version_label = identity->version_label;
  snapshot.target.candidate_version = identity->candidate_version;
  snapshot.service = std::move(found->service);
  snapshot.candidate = std::move(found->candidate);
  snapshot.observed.candidate = std::move(found->workload);
  snapshot.observed.standing = std::move(found->standing);
  return snapshot;
}

}  // namespace

Milliseconds time_since(base::Clock::Steady then, base::Clock::Steady now) {
  return std::max(std::chrono::duration_cast<Milliseconds>(now - then), Milliseconds{0});
}

Milliseconds age_of(const kube::Stored& stored, base::Clock::Steady now) {
  return time_since(stored.since, now);
}

Milliseconds age_of(const kube::Key& key, const kube::Store& store, base::Clock::Steady now) {
  const auto stored = store.get(key);
  return time_since(stored ? stored->since : store.absent_since(key).value_or(now), now);
}

Snapshot observe(const canary::Canary& canary, const Json& object, const kube::Stores& stores,
                 base::Clock::Steady now, const Means& means) {
  Snapshot snapshot{
      .canary = canary, .object = object, .router = &routing::router_named(canary.spec.routing.provider)};
  const Source source{canary, stores, *snapshot.router, now, means};
  return strategies::is_final(canary.status.phase) ? finished(source, std::move(snapshot))
                                                   : running(source, std::move(snapshot));
}

}  // namespace weir::reconcile
