#include "operator/reconcile/interest.h"

#include <optional>
#include <string>

#include "operator/canary/canary.h"
#include "operator/kube/object.h"
#include "operator/reconcile/services.h"

namespace weir::reconcile {
namespace {

using kube::Json;
using kube::text_at;

bool is_over(const Json& canary) {
  const auto phase = strategies::phase_from(text_at(canary, "/status/phase"));
  return phase && strategies::is_final(*phase);
}

// The Service itself, or one that a release of it made: "checkout", "checkout-v2".
bool is_of_service(const std::string& name, const std::string& service) {
  return !service.empty() && name.starts_with(service);
}

// EndpointSlices are named after their Service.
bool concerns(const Json& canary, const kube::Resource& resource, const std::string& name) {
  if (resource == kube::kServices || resource == kube::kEndpointSlices) {
    return is_of_service(name, text_at(canary, "/spec/service/name"));
  }
  if (resource == kube::kDeployments) {
    const auto phase = text_at(canary, "/status/phase");
    const bool still_looking = phase.empty() || phase == "Pending";
    return still_looking || name == text_at(canary, "/status/target") ||
           name == text_at(canary, "/status/stable/name");
  }
  return true;
}

// The changed object, of the kinds that a release makes; empty: of another kind, or gone.
std::optional<kube::Stored> made_object(const kube::Stores& stores, const kube::Resource& resource,
                                        const kube::Key& key) {
  if (resource == kube::kServices) return stores.services.get(key);
  if (resource == kube::kDestinationRules) return stores.destination_rules.get(key);
  return std::nullopt;
}

}  // namespace

std::vector<kube::Key> concerned(const kube::Stores& stores, const kube::Resource& resource,
                                 const kube::Key& changed) {
  std::vector<kube::Key> keys;
  const bool is_canary = resource == kube::kCanaries;
  if (is_canary) keys.push_back(changed);
  const auto itself = is_canary ? stores.canaries.get(changed) : std::nullopt;
  const auto made = made_object(stores, resource, changed);
  const auto service = itself ? text_at(*itself->object, "/spec/service/name") : std::string();
  // A template may be named from any namespace; everything else only from its own.
  const std::string space = resource == kube::kMetricTemplates ? "" : changed.name_space;
  for (const auto& stored : stores.canaries.list(space)) {
    const auto key = kube::key_of(*stored.object);
    const bool owns = made && is_owned_by(*made->object, kube::metadata_text(*stored.object, "uid"));
    if (owns) keys.push_back(key);
    if (owns || is_over(*stored.object)) continue;
    const bool same_service = itself && text_at(*stored.object, "/spec/service/name") == service;
    if (is_canary ? (key != changed && (same_service || !itself))
                  : concerns(*stored.object, resource, changed.name)) {
      keys.push_back(key);
    }
  }
  return keys;
}

}  // namespace weir::reconcile
