#include "operator/reconcile/endpoints.h"

#include <algorithm>
#include <set>

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

std::set<std::string> ready_endpoints(const std::vector<Json>& slices, const std::string& service) {
  std::set<std::string> ready;
  for (const auto& slice : slices) {
    if (!is_slice_of(slice, service)) continue;
    const auto& endpoints = base::field(slice, {"endpoints"});
    if (!endpoints.is_array()) continue;
    for (const auto& endpoint : endpoints) {
      if (auto name = name_of(endpoint); !name.empty() && is_ready(endpoint)) ready.insert(std::move(name));
    }
  }
  return ready;
}

int common(const std::set<std::string>& one, const std::set<std::string>& other) {
  return static_cast<int>(
      std::ranges::count_if(one, [&](const std::string& name) { return other.contains(name); }));
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

EndpointCounts count_endpoints(const std::vector<Json>& slices, const TrafficServices& services) {
  const auto traffic = ready_endpoints(slices, services.traffic);
  const auto count = [&](const std::string& own) {
    const auto endpoints = ready_endpoints(slices, own);
    return common(services.selects_both ? traffic : endpoints, endpoints);
  };
  return {.stable = count(services.stable),
          .candidate = count(services.candidate),
          .all = static_cast<int>(traffic.size())};
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
