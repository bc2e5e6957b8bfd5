#include "operator/reconcile/service_endpoints.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "operator/reconcile/interest.h"
#include "operator/reconcile/observe.h"

namespace weir::reconcile {
namespace {

using strategies::Milliseconds;
using strategies::Selects;

bool tells_nothing(const std::string& own, const Look& look, const kube::Stores& stores) {
  return stores.endpoint_slices.keys_with(slices_behind(own, look.name_space)).empty();
}

// `rest`: endpoints that are not known to be the other version's.
int ready_of(const std::optional<strategies::Workload>& workload, int rest) {
  return workload ? std::min(workload->ready, rest) : 0;
}

}  // namespace

void note_endpoints(const TrafficServices& services, bool dedicated, const Look& look,
                    const kube::Stores& stores, strategies::Observed& seen) {
  if (!seen.service) return;
  auto& service = *seen.service;
  std::vector<Json> slices;
  service.endpoints_age = Milliseconds::max();
  for (const auto& name : {services.traffic, services.stable, services.candidate}) {
    const bool carries = services.selects_both == (name == services.traffic);
    for (const auto& stored : stores.endpoint_slices.list_with(slices_behind(name, look.name_space))) {
      slices.push_back(*stored.object);
      if (carries) service.endpoints_age = std::min(service.endpoints_age, age_of(stored, look.now));
    }
  }
  const auto counts = count_endpoints(slices, services);
  service.stable_endpoints = counts.stable;
  service.candidate_endpoints = counts.candidate;
  if (services.selects_both && (dedicated || service.selects == Selects::Both)) {
    if (tells_nothing(services.stable, look, stores))
      service.stable_endpoints = ready_of(seen.stable, counts.all - counts.candidate);
    if (tells_nothing(services.candidate, look, stores))
      service.candidate_endpoints = ready_of(seen.candidate, counts.all - counts.stable);
  }
  if (seen.version_services) return;
  // Before the versions have Services of their own, the selector says whose the endpoints are.
  if (service.selects == Selects::Stable) service.stable_endpoints = counts.all;
  if (service.selects == Selects::Candidate) service.candidate_endpoints = counts.all;
}

}  // namespace weir::reconcile
