#include "operator/offline/world.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/offline/schema.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/interest.h"
#include "operator/reconcile/kinds.h"
#include "operator/reconcile/services.h"
#include "operator/routing/ownership.h"

namespace weir::offline {
namespace {

constexpr std::array<const char*, 7> kServerFields{
    "uid",           "resourceVersion",   "generation",       "selfLink",
    "managedFields", "creationTimestamp", "deletionTimestamp"};
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
// Of one Deployment, and behind one Service, where each Deployment has one at least: a plan needs to know
// that there are some, not each of thousands.
constexpr std::int64_t kMaxEndpoints = 1000;
constexpr std::int64_t kMaxEndpointsOfService = 4 * kMaxEndpoints;

std::string group_of(const Json& object) {
  const std::string text = base::text(object, {"apiVersion"});
  const std::size_t slash = text.find('/');
  return slash == std::string::npos ? "" : text.substr(0, slash);
}

std::int64_t replicas_of(const Json& deployment) {
  return base::integer(deployment, {"spec", "replicas"}, 1);
}

Json ready_status(const Json& deployment) {
  const std::int64_t replicas = replicas_of(deployment);
  return {{"observedGeneration", base::field(deployment, {"metadata", "generation"})},
          {"replicas", replicas},
          {"updatedReplicas", replicas},
          {"readyReplicas", replicas},
          {"availableReplicas", replicas},
          {"conditions",
           {{{"type", "Available"}, {"status", "True"}}, {{"type", "Progressing"}, {"status", "True"}}}}};
}

bool selects(const Json& service, const Json& deployment) {
  const Json& selector = base::field(service, {"spec", "selector"});
  const Json& labels = base::field(deployment, {"spec", "template", "metadata", "labels"});
  if (!selector.is_object() || selector.empty() || !labels.is_object()) return false;
  return std::ranges::all_of(selector.items(), [&](const auto& item) {
    const auto found = labels.find(item.key());
    return found != labels.end() && *found == item.value();
  });
}

// At most `most` ready pods of the Deployment, the `number`-th of the cluster; every pod has an address of
// its own.
void add_endpoints(const Json& deployment, std::size_t number, std::int64_t most, Json& endpoints) {
  const kube::Key key = kube::key_of(deployment);
  for (std::int64_t i = 0; i < std::min(replicas_of(deployment), most); ++i) {
    const std::string address = "10." + std::to_string(number % 256) + "." + std::to_string(i / 250) + "." +
                                std::to_string(i % 250 + 1);
    endpoints.push_back(
        {{"addresses", {address}},
         {"conditions", {{"ready", true}, {"serving", true}, {"terminating", false}}},
         {"targetRef",
          {{"kind", "Pod"}, {"name", key.name + "-" + std::to_string(i)}, {"namespace", key.name_space}}}});
  }
}

kube::Key slice_name(const kube::Key& service) { return {service.name_space, service.name + "-0"}; }

Json slice_of(const Json& service, Json endpoints) {
  const kube::Key key = kube::key_of(service);
  return {{"apiVersion", kube::kEndpointSlices.api_version()},
          {"kind", kube::kEndpointSlices.kind},
          {"addressType", "IPv4"},
          {"metadata",
           {{"name", slice_name(key).name},
            {"namespace", key.name_space},
            {"labels", {{reconcile::kServiceLabel, key.name}}}}},
          {"endpoints", std::move(endpoints)}};
}

// The versions in which the kind may be written, for a message; empty: the object is in one of them.
std::string accepted_versions(const Json& object, const kube::Resource& resource) {
  const auto& kinds = reconcile::watched_kinds();
  const auto row = std::ranges::find_if(
      kinds, [&](const reconcile::WatchedKind& one) { return one.kind.resource == resource; });
  const auto version = base::text(object, {"apiVersion"});
  if (row == kinds.end() || version == resource.api_version()) return {};
  std::string accepted = resource.api_version();
  for (const auto other : row->kind.other_versions) {
    auto named = resource;
    named.version = other;
    if (version == named.api_version()) return {};
    accepted += ", " + named.api_version();
  }
  return accepted;
}

}  // namespace

const kube::Resource* resource_of(const Json& object) {
  const Json& kind = base::field(object, {"kind"});
  const std::string group = group_of(object);
  const auto& kinds = reconcile::watched_kinds();
  const auto found = std::ranges::find_if(kinds, [&](const reconcile::WatchedKind& row) {
    const auto& resource = row.kind.resource;
    // The world makes EndpointSlices itself.
    return resource != kube::kEndpointSlices && kind == Json(resource.kind) && resource.group == group;
  });
  return found == kinds.end() ? nullptr : &found->kind.resource;
}

Json as_written(Json object) {
  object.erase("status");
  Json& metadata = object["metadata"];
  for (const char* field : kServerFields) metadata.erase(field);
  // A release is named by its Canary's uid, which one that is only planned does not have.
  routing::strip_signature(object);
  if (auto annotations = metadata.find("annotations"); annotations != metadata.end()) {
    annotations->erase(kLastApplied);
    if (annotations->empty()) metadata.erase("annotations");
  }
  return object;
}

World::World() : stores(reconcile::kept_kinds()), api(clock, &stores) {
  api.on_change([this](const offline::Changed& changed) { note(changed); });
  api.on_write([this](const offline::Write& write) {
    writes_.push_back(write);
    settle();
  });
}

std::expected<void, std::string> World::fill(const std::vector<Document>& documents,
                                             const std::string& name_space) {
  std::set<std::pair<std::string_view, kube::Key>> taken;
  for (const Document& document : documents) {
    const kube::Resource* resource = resource_of(document.object);
    if (resource == nullptr) continue;
    const std::string what(resource->kind);
    if (const auto accepted = accepted_versions(document.object, *resource); !accepted.empty()) {
      return std::unexpected(document.position("apiVersion") + ": apiVersion of " + what + " is \"" +
                             base::text(document.object, {"apiVersion"}) + "\"; accepted: " + accepted);
    }
    auto admitted = offline::admitted(document);
    if (!admitted) return std::unexpected(admitted.error());
    if (base::name_of(*admitted).empty())
      return std::unexpected(document.position("metadata") + ": " + what + " has no metadata.name");
    Json object = as_written(*std::move(admitted));
    if (kube::metadata_text(object, "namespace").empty()) object["metadata"]["namespace"] = name_space;
    const kube::Key key = kube::key_of(object);
    if (!taken.emplace(resource->plural, key).second) {
      return std::unexpected(document.position("metadata.name") + ": " + what + " " + kube::to_string(key) +
                             " is there twice");
    }
    api.put(*resource, std::move(object));
  }
  settle();
  return {};
}

std::vector<offline::Write> World::take_writes() { return std::exchange(writes_, {}); }

void World::note(const offline::Changed& changed) {
  const auto& object = *changed.after;
  const kube::Key key = kube::key_of(object);
  if (changed.resource == kube::kCanaries) {
    if (!followed_.insert(reconcile::service_of(object)).second) return;
  } else if (changed.resource == kube::kServices) {
    if (routing::maker_of(object)) followed_.insert(key);
  } else if (changed.resource == kube::kDeployments) {
    numbers_.try_emplace(key, numbers_.size());
    unsettled_.insert(key);
  } else if (changed.resource != kube::kEndpointSlices) {
    return;
  }
  unsettled_namespaces_.insert(key.name_space);
}

void World::settle() {
  for (const auto& key : std::exchange(unsettled_, {})) settle_deployment(key);
  const auto name_spaces = std::exchange(unsettled_namespaces_, {});
  for (const auto& service : followed_) {
    if (name_spaces.contains(service.name_space)) settle_endpoints(service);
  }
  // What was noted meanwhile was done here.
  unsettled_.clear();
  unsettled_namespaces_.clear();
}

void World::settle_deployment(const kube::Key& key) {
  const auto deployment = api.get(kube::kDeployments, key);
  if (!deployment) return;
  Json status = ready_status(*deployment);
  if (base::field(*deployment, {"status"}) == status) return;
  Json settled = *deployment;
  settled["status"] = std::move(status);
  api.put(kube::kDeployments, std::move(settled), "kube-controller-manager");
}

void World::settle_endpoints(const kube::Key& key) {
  const auto service = api.get(kube::kServices, key);
  const auto known = api.get(kube::kEndpointSlices, slice_name(key));
  if (!service) {
    if (known) api.erase(kube::kEndpointSlices, slice_name(key));
    return;
  }
  Json slice = slice_of(*service, endpoints_of(*service));
  if (known && base::field(*known, {"endpoints"}) == slice["endpoints"]) return;
  api.put(kube::kEndpointSlices, std::move(slice), "kube-controller-manager");
}

// The caches only tell where to look: a test may have them lag.
Json World::endpoints_of(const Json& service) {
  const auto name_space = kube::metadata_text(service, "namespace");
  std::vector<offline::MemoryApi::Object> selected;
  for (const auto& key : stores.deployments.keys_with(
           reconcile::labelled_as(base::field(service, {"spec", "selector"}), name_space))) {
    auto deployment = api.find(kube::kDeployments, key);
    if (deployment && selects(service, *deployment)) selected.push_back(std::move(deployment));
  }
  const auto each = kMaxEndpointsOfService / std::max(std::ssize(selected), std::ptrdiff_t{1});
  Json endpoints = Json::array();
  for (const auto& deployment : selected) {
    add_endpoints(*deployment, numbers_.at(kube::key_of(*deployment)),
                  std::clamp(each, std::int64_t{1}, kMaxEndpoints), endpoints);
  }
  return endpoints;
}

}  // namespace weir::offline
