#include "operator/reconcile/endpoints.h"

#include <algorithm>
#include <set>

namespace weir::reconcile {
namespace {

constexpr const char* kServiceLabel = "kubernetes.io/service-name";

// A missing condition means ready, as the EndpointSlice API has it.
bool is_ready(const Json& endpoint) {
  const auto conditions = endpoint.value("conditions", Json::object());
  const auto ready = conditions.find("ready");
  return ready == conditions.end() || ready->is_null() || ready->get<bool>();
}

std::set<std::string> ready_addresses(const std::vector<Json>& slices, const std::string& service) {
  std::set<std::string> addresses;
  for (const auto& slice : slices) {
    if (!is_slice_of(slice, service)) continue;
    const auto endpoints = slice.find("endpoints");
    if (endpoints == slice.end() || !endpoints->is_array()) continue;
    for (const auto& endpoint : *endpoints) {
      if (!is_ready(endpoint)) continue;
      const auto list = endpoint.value("addresses", Json::array());
      if (!list.empty()) addresses.insert(list.front().get<std::string>());
    }
  }
  return addresses;
}

int common(const std::set<std::string>& one, const std::set<std::string>& other) {
  return static_cast<int>(
      std::ranges::count_if(one, [&](const std::string& address) { return other.contains(address); }));
}

}  // namespace

bool is_slice_of(const Json& slice, const std::string& service) {
  const auto labels = slice.value("metadata", Json::object()).value("labels", Json::object());
  return labels.value(kServiceLabel, "") == service;
}

EndpointCounts count_endpoints(const std::vector<Json>& slices, const std::string& traffic_service,
                               const std::string& stable_service, const std::string& candidate_service) {
  const auto traffic = ready_addresses(slices, traffic_service);
  return {.stable = common(traffic, ready_addresses(slices, stable_service)),
          .candidate = common(traffic, ready_addresses(slices, candidate_service)),
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
