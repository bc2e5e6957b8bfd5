#include "operator/reconcile/routes.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "operator/base/json.h"
#include "operator/reconcile/admission.h"
#include "operator/reconcile/trim.h"

namespace weir::reconcile {
namespace {

using strategies::Milliseconds;

std::optional<kube::Stored> find(const Source& source, const routing::ObjectName& object) {
  const auto* store = source.stores.of(object.kind);
  return store == nullptr ? std::nullopt : store->get({source.name_space(), object.name});
}

// How long all routes that the release has recorded are known to be as they are, be they gone.
Milliseconds age_of_recorded(const Source& source) {
  const auto kinds = source.router.routes();
  auto age = Milliseconds::max();
  for (const auto& [kind, name] : source.router.recorded(source.canary.status.routes)) {
    const auto* store = source.stores.of(kind);
    if (store == nullptr || std::ranges::find(kinds, kind) == kinds.end()) continue;
    age = std::min(age, age_of({source.name_space(), name}, *store, source.now));
  }
  return age;
}

// With the age of the route that changed or went last, and the writer of the one of `objects` that changed
// last. `recorded`: age_of_recorded.
strategies::RouteState dated(const Source& source, const std::vector<routing::ObjectName>& objects,
                             Milliseconds recorded, strategies::RouteState routes) {
  routes.age = Milliseconds::max();
  for (const auto& object : objects) {
    const auto stored = find(source, object);
    if (!stored) continue;
    const auto age = age_of(*stored, source.now);
    if (age > routes.age) continue;
    routes.age = age;
    routes.changed_by = base::text(last_write(*stored->object), {"manager"});
  }
  routes.age = std::min(routes.age, recorded);
  return routes;
}

}  // namespace

FoundRoutes find_routes(const Source& source, const routing::Target& target) {
  FoundRoutes found;
  if (target.stable_version.empty() || target.candidate_version.empty()) return found;
  found.objects = source.router.gather(target, source.stores);
  found.reading = source.router.read(target, found.objects);
  auto& reading = found.reading;
  for (const auto& refusal : reading.refusals)
    found.obstacles.push_back({refusal.condition, refusal.reason, refusal.message});
  // The promotion waits for routes that would lead nowhere after it, unless stable keeps its pods.
  const bool keeps = source.spec().stable.after_promotion == strategies::AfterPromotion::Keep;
  auto fixed = effects_of(reading.fixed_to_stable, keeps);
  std::ranges::move(fixed.obstacles, std::back_inserter(found.obstacles));
  std::ranges::move(fixed.warnings, std::back_inserter(reading.warnings));
  std::ranges::move(fixed.not_isolated, std::back_inserter(reading.not_isolated));
  std::ranges::move(fixed.not_isolated_untrusted, std::back_inserter(reading.not_isolated_untrusted));
  found.keep_stable = std::move(fixed.keep_stable);
  if (source.is_pending()) {
    const auto warn = [&reading](std::optional<strategies::Warning> warning) {
      if (warning) reading.warnings.push_back(*std::move(warning));
    };
    warn(source.router.abilities().divides
             ? nothing_to_divide(source.canary, reading.idle_routes, reading.only_idle_routes)
             : nothing_to_judge(source.canary));
    if (!reading.only_idle_routes) warn(nothing_to_count(source.canary, reading.connection_routes));
  }
  found.gone = age_of_recorded(source);
  if (reading.routes)
    reading.routes = dated(source, reading.route_objects, found.gone, *std::move(reading.routes));
  if (reading.foundation && reading.foundation_object) {
    if (const auto stored = find(source, *reading.foundation_object))
      reading.foundation->age = age_of(*stored, source.now);
  }
  return found;
}

}  // namespace weir::reconcile
