#include "operator/reconcile/service_endpoints.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
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

Endpoints endpoints_behind(const Source& source, const std::string& service) {
  Endpoints behind;
  for (const auto& slice :
       source.stores.endpoint_slices.list_with(slices_behind(service, source.name_space()))) {
    if (!is_slice_of(*slice.object, service)) continue;
    auto names = ready_endpoints_in(*slice.object);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto since = slice.parts_since[i];
      const auto [at, is_new] = behind.try_emplace(std::move(names[i]), since);
      if (!is_new) at->second = std::min(at->second, since);
    }
  }
  return behind;
}

// How long `needed` of them have been ready; none: 0.
Milliseconds age_of(const Endpoints& endpoints, std::size_t needed, base::Clock::Steady now) {
  if (endpoints.empty()) return Milliseconds{0};
  std::vector<base::Clock::Steady> since;
  for (const auto& endpoint : endpoints) since.push_back(endpoint.second);
  const auto last = since.begin() + static_cast<std::ptrdiff_t>(needed) - 1;
  std::ranges::nth_element(since, last);
  return time_since(*last, now);
}
Milliseconds age_of_half(const Endpoints& endpoints, base::Clock::Steady now) {
  return age_of(endpoints, (endpoints.size() + 1) / 2, now);
}

int count(const Endpoints& endpoints) { return static_cast<int>(endpoints.size()); }

Endpoints without(Endpoints endpoints, const Endpoints& others) {
  for (const auto& other : others) endpoints.erase(other.first);
  return endpoints;
}

}  // namespace

ReadyEndpoints ready_endpoints(const Source& source, const TrafficServices& services, const Behind& behind) {
  const auto found =
      tell_apart(endpoints_behind(source, services.traffic), endpoints_behind(source, services.stable),
                 endpoints_behind(source, services.candidate), services.selects_both);
  const auto now = source.now;
  ReadyEndpoints ready{.stable = count(found.stable),
                       .candidate = count(found.candidate),
                       .stable_age = age_of_half(found.stable, now),
                       .candidate_age = age_of_half(found.candidate, now)};
  const bool dedicated = source.spec().service.mode == strategies::ServiceMode::Dedicated;
  if (services.selects_both && (dedicated || behind.selects == Selects::Both)) {
    if (tells_nothing(source, services.stable)) {
      const auto others = without(found.all, found.candidate);
      ready.stable = std::min(behind.stable_ready, count(others));
      ready.stable_age = age_of(others, others.size(), now);
    }
    if (tells_nothing(source, services.candidate)) {
      const auto others = without(found.all, found.stable);
      ready.candidate = std::min(behind.candidate_ready, count(others));
      ready.candidate_age = age_of(others, others.size(), now);
    }
  }
  if (behind.version_services) return ready;
  // Before the versions have Services of their own, the selector says whose the endpoints are.
  if (behind.selects == Selects::Stable) {
    ready.stable = count(found.all);
    ready.stable_age = age_of_half(found.all, now);
  }
  if (behind.selects == Selects::Candidate) {
    ready.candidate = count(found.all);
    ready.candidate_age = age_of_half(found.all, now);
  }
  return ready;
}

}  // namespace weir::reconcile
