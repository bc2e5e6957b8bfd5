#include "operator/reconcile/endpoints.h"

#include <set>
#include <utility>

#include "operator/base/json.h"

namespace weir::reconcile {
namespace {

// A missing condition means ready, as the EndpointSlice API has it.
bool is_ready(const Json& endpoint) { return base::field(endpoint, {"conditions", "ready"}) != false; }

// The endpoint's identity: two slices that hold it name it alike, whatever their address family. That is its
// pod, or its first address where it is of none. Empty: it has none.
std::string name_of(const Json& endpoint) {
  auto pod = base::text(endpoint, {"targetRef", "name"});
  if (!pod.empty()) return pod;
  const auto& addresses = base::field(endpoint, {"addresses"});
  const bool any = addresses.is_array() && !addresses.empty() && addresses.front().is_string();
  return any ? addresses.front().get<std::string>() : std::string();
}

Endpoints endpoints_behind(const std::vector<Json>& slices, const std::string& service) {
  Endpoints behind;
  for (const auto& slice : slices) {
    if (!is_slice_of(slice, service)) continue;
    for (auto& name : ready_endpoints_in(slice)) behind.try_emplace(std::move(name));
  }
  return behind;
}

// Of `all` those that are `own`.
Endpoints common(const Endpoints& all, const Endpoints& own) {
  Endpoints both;
  for (const auto& endpoint : all) {
    if (own.contains(endpoint.first)) both.insert(endpoint);
  }
  return both;
}

}  // namespace

Json trimmed_endpoint(const Json& endpoint) {
  auto pod = base::text(endpoint, {"targetRef", "name"});
  Json kept;
  if (pod.empty()) {
    kept["addresses"] = Json::array({name_of(endpoint)});
  } else {
    kept["targetRef"] = {{"name", std::move(pod)}};
  }
  if (!is_ready(endpoint)) kept["conditions"] = {{"ready", false}};
  return kept;
}

std::string service_of_slice(const Json& slice) {
  return base::text(slice, {"metadata", "labels", kServiceLabel});
}

bool is_slice_of(const Json& slice, const std::string& service) { return service_of_slice(slice) == service; }

std::vector<std::string> ready_endpoints_in(const Json& slice) {
  std::set<std::string> ready;
  const auto& endpoints = base::field(slice, {"endpoints"});
  if (!endpoints.is_array()) return {};
  for (const auto& endpoint : endpoints) {
    if (auto name = name_of(endpoint); !name.empty() && is_ready(endpoint)) ready.insert(std::move(name));
  }
  return {ready.begin(), ready.end()};
}

VersionEndpoints tell_apart(Endpoints traffic, Endpoints stable, Endpoints candidate, bool selects_both) {
  if (selects_both) {
    stable = common(traffic, stable);
    candidate = common(traffic, candidate);
  }
  return {.stable = std::move(stable), .candidate = std::move(candidate), .all = std::move(traffic)};
}

EndpointCounts count_endpoints(const std::vector<Json>& slices, const TrafficServices& services) {
  const auto found =
      tell_apart(endpoints_behind(slices, services.traffic), endpoints_behind(slices, services.stable),
                 endpoints_behind(slices, services.candidate), services.selects_both);
  return {.stable = static_cast<int>(found.stable.size()),
          .candidate = static_cast<int>(found.candidate.size()),
          .all = static_cast<int>(found.all.size())};
}

std::string slices_of(const std::vector<std::string>& services) {
  std::string selector = std::string(kServiceLabel) + " in (";
  for (const auto& service : services) {
    if (selector.back() != '(') selector += ',';
    selector += service;
  }
  return selector + ")";
}

}  // namespace weir::reconcile
