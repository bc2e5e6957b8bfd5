#include "operator/reconcile/service_endpoints.h"

#include <algorithm>
#include <string>
#include <vector>

#include "operator/reconcile/interest.h"
#include "operator/reconcile/observe.h"

namespace weir::reconcile {
namespace {

using strategies::Milliseconds;
using strategies::Selects;

bool tells_nothing(const Source& source, const std::string& own) {
  return source.stores.endpoint_slices.keys_with(slices_behind(own, source.name_space())).empty();
}

}  // namespace

ReadyEndpoints ready_endpoints(const Source& source, const TrafficServices& services, const Behind& behind) {
  std::vector<Json> slices;
  ReadyEndpoints ready{.age = Milliseconds::max()};
  for (const auto& name : {services.traffic, services.stable, services.candidate}) {
    const bool carries = services.selects_both == (name == services.traffic);
    for (const auto& stored :
         source.stores.endpoint_slices.list_with(slices_behind(name, source.name_space()))) {
      slices.push_back(*stored.object);
      if (carries) ready.age = std::min(ready.age, age_of(stored, source.now));
    }
  }
  const auto counts = count_endpoints(slices, services);
  ready.stable = counts.stable;
  ready.candidate = counts.candidate;
  const bool dedicated = source.spec().service.mode == strategies::ServiceMode::Dedicated;
  if (services.selects_both && (dedicated || behind.selects == Selects::Both)) {
    if (tells_nothing(source, services.stable))
      ready.stable = std::min(behind.stable_ready, counts.all - counts.candidate);
    if (tells_nothing(source, services.candidate))
      ready.candidate = std::min(behind.candidate_ready, counts.all - counts.stable);
  }
  if (behind.version_services) return ready;
  // Before the versions have Services of their own, the selector says whose the endpoints are.
  if (behind.selects == Selects::Stable) ready.stable = counts.all;
  if (behind.selects == Selects::Candidate) ready.candidate = counts.all;
  return ready;
}

}  // namespace weir::reconcile
