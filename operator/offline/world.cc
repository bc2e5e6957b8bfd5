#include "operator/offline/world.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/offline/schema.h"
#include "operator/reconcile/kinds.h"
#include "operator/routing/ownership.h"

namespace weir::offline {
namespace {

constexpr std::array<const char*, 7> kServerFields{
    "uid",           "resourceVersion",   "generation",       "selfLink",
    "managedFields", "creationTimestamp", "deletionTimestamp"};
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
// Of one Deployment: a plan needs to know that there are some, not each of thousands.
constexpr std::int64_t kMaxEndpoints = 1000;

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

// Ready pods of the Deployment, the `number`-th of the cluster; every pod has an address of its own.
void add_endpoints(const Json& deployment, std::size_t number, Json& endpoints) {
  const kube::Key key = kube::key_of(deployment);
  for (std::int64_t i = 0; i < std::min(replicas_of(deployment), kMaxEndpoints); ++i) {
    const std::string address = "10." + std::to_string(number % 256) + "." + std::to_string(i / 250) + "." +
                                std::to_string(i % 250 + 1);
    endpoints.push_back(
        {{"addresses", {address}},
         {"conditions", {{"ready", true}, {"serving", true}, {"terminating", false}}},
         {"targetRef",
          {{"kind", "Pod"}, {"name", key.name + "-" + std::to_string(i)}, {"namespace", key.name_space}}}});
  }
}

Json slice_of(const Json& service, Json endpoints) {
  const kube::Key key = kube::key_of(service);
  return {{"apiVersion", kube::kEndpointSlices.api_version()},
          {"kind", kube::kEndpointSlices.kind},
          {"addressType", "IPv4"},
          {"metadata",
           {{"name", key.name + "-0"},
            {"namespace", key.name_space},
            {"labels", {{"kubernetes.io/service-name", key.name}}}}},
          {"endpoints", std::move(endpoints)}};
}

// MemoryApi's listing can't fail for a selector that is empty.
std::vector<Json> all(offline::MemoryApi& api, const kube::Resource& resource) {
  return api.list(resource, "", "").value_or(std::vector<Json>{});
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

// "Service checkout"; of what has no name the kind alone.
std::string called(const std::string& kind, const Json& object) {
  const auto name = base::name_of(object);
  return name.empty() ? kind : kind + " " + name;
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
    Json object = document.object;
    drop_nulls(object);
    if (const auto wrong = find_unusable(object)) {
      return std::unexpected(document.position(wrong->field) + ": " + wrong->field + " of " +
                             called(what, object) + " is " + wrong->value + "; accepted is " +
                             std::string(wrong->accepted));
    }
    if (base::name_of(object).empty())
      return std::unexpected(document.position("metadata") + ": " + what + " has no metadata.name");
    object = as_written(std::move(object));
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

void World::settle() {
  settle_deployments();
  settle_endpoints();
}

void World::settle_deployments() {
  for (Json& deployment : all(api, kube::kDeployments)) {
    Json status = ready_status(deployment);
    if (base::field(deployment, {"status"}) == status) continue;
    deployment["status"] = std::move(status);
    api.put(kube::kDeployments, std::move(deployment), "kube-controller-manager");
  }
}

void World::settle_endpoints() {
  const std::vector<Json> deployments = all(api, kube::kDeployments);
  std::set<kube::Key> wanted;
  for (const Json& service : all(api, kube::kServices)) {
    Json endpoints = Json::array();
    for (std::size_t i = 0; i < deployments.size(); ++i) {
      const bool together = kube::key_of(deployments[i]).name_space == kube::key_of(service).name_space;
      if (together && selects(service, deployments[i])) add_endpoints(deployments[i], i, endpoints);
    }
    Json slice = slice_of(service, std::move(endpoints));
    const kube::Key key = kube::key_of(slice);
    wanted.insert(key);
    const auto known = api.get(kube::kEndpointSlices, key);
    if (known && base::field(*known, {"endpoints"}) == slice["endpoints"]) continue;
    api.put(kube::kEndpointSlices, std::move(slice), "kube-controller-manager");
  }
  for (const Json& slice : all(api, kube::kEndpointSlices)) {
    if (!wanted.contains(kube::key_of(slice))) api.erase(kube::kEndpointSlices, kube::key_of(slice));
  }
}

}  // namespace weir::offline
