// What keeps a release from beginning, of its Service and of the workloads around it: what no step of the
// release could mend, and what would be lost on the way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "operator/canary/canary.h"
#include "operator/kube/store.h"
#include "operator/routing/provider.h"
#include "strategies/plan.h"

namespace weir::reconcile {

using kube::Json;

// Why no selector can tell the versions' pods apart behind this Service. `widens`: during the release a
// Service selects by the rest of the selector, without the version.
[[nodiscard]] std::optional<strategies::Obstacle> cannot_divide(const Json& service,
                                                                const std::string& version_label,
                                                                bool widens);

// Why the workload of spec.stableRef is not what serves.
[[nodiscard]] std::optional<strategies::Obstacle> not_selected(const Json& service, const Json& stable);

// Deployments with pods, other than the two of the release, that the Service selects without the version in
// its selector. `begun`: it has been widened; else those are left out that it selects in any case.
struct Bystanders {
  // Released on this Service before, or about to be; or by the keys of their pods' labels, and by the values
  // in which the two of the release agree, another version of the same program.
  std::vector<std::string> versions;
  std::vector<std::string> strangers;  // the others
};
[[nodiscard]] Bystanders find_bystanders(const Json& service, const std::string& version_label,
                                         const Json& stable, const Json& candidate, bool begun,
                                         const kube::Stores& stores);
[[nodiscard]] strategies::Obstacle strangers_selected(const Json& service,
                                                      const std::vector<std::string>& strangers);
// A sentence for TrafficIsolated.
[[nodiscard]] std::string versions_selected(const Json& service, const std::vector<std::string>& versions);

// What follows from routes that go on leading to stable's pods alone, of which none answers after the
// promotion.
struct FixedEffects {
  std::vector<strategies::Obstacle> obstacles;  // those that the release waits for
  std::vector<strategies::Warning> warnings;
  std::vector<std::string> not_isolated;            // sentences with a remedy: stable keeps its pods for them
  std::vector<std::string> not_isolated_untrusted;  // the same: it is only warned of them
  std::vector<std::string> keep_stable;             // sentences: all for which stable must not lose its pods
};
// `keeps`: stable keeps its pods anyway.
[[nodiscard]] FixedEffects effects_of(const std::vector<routing::Router::Fixed>& fixed_to_stable, bool keeps);

// Of a release that nothing divides: the metrics that count users' requests, of which the candidate has none.
[[nodiscard]] std::optional<strategies::Warning> nothing_to_judge(const canary::Canary& canary);
// Of a release with routes that give its Service none of their requests. `all`: it has no others.
[[nodiscard]] std::optional<strategies::Warning> nothing_to_divide(
    const canary::Canary& canary, const std::vector<std::string>& idle_routes, bool all);
// Of a release whose routes, all of them these, divide connections: the metrics that count users' requests.
[[nodiscard]] std::optional<strategies::Warning> nothing_to_count(
    const canary::Canary& canary, const std::vector<std::string>& connection_routes);

// Whether it is a Service of somebody's that selects pods of `stable` and none of `candidate`. Those that
// releases make come and go with them.
[[nodiscard]] bool selects_only(const Json& service, const Json& stable, const Json& candidate);
// Names of the Services of the namespace that do.
[[nodiscard]] std::vector<std::string> services_of_only(const Json& stable, const Json& candidate,
                                                        const kube::Stores& stores);

}  // namespace weir::reconcile
