#include "operator/offline/removal.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "operator/base/json.h"
#include "operator/base/time.h"
#include "operator/kube/object.h"
#include "operator/offline/memory_api.h"

namespace weir::offline {
namespace {

// Keeps an object until those that block its deletion are gone.
constexpr const char* kForeground = "foregroundDeletion";

const Json::array_t& list_of(const Json& object, const char* field) {
  static const Json::array_t kNone;
  const auto& list = base::field(object, {"metadata", field});
  return list.is_array() ? list.get_ref<const Json::array_t&>() : kNone;
}

const Json::array_t& references_of(const Json& object) { return list_of(object, "ownerReferences"); }

bool refers_to(const Json& reference, const std::string& uid) {
  return base::text(reference, {"uid"}) == uid;
}

bool blocks(const Json& reference, const std::string& uid) {
  return refers_to(reference, uid) && base::field(reference, {"blockOwnerDeletion"}) == Json(true);
}

bool waits_for_dependents(const Json& object) {
  const auto& finalizers = list_of(object, "finalizers");
  return is_going(object) && std::ranges::find(finalizers, Json(kForeground)) != finalizers.end();
}

}  // namespace

kube::Error error(kube::Code code, int status, const Resource& resource, const Key& key,
                  std::string_view what) {
  return {code, status, fmt::format("{} {}: {}", resource.kind, kube::to_string(key), what), "",
          std::nullopt};
}

kube::Error not_found(const Resource& resource, const Key& key) {
  return error(kube::Code::NotFound, 404, resource, key, "not found");
}

kube::Error changed_since(const Resource& resource, const Key& key) {
  return error(kube::Code::Conflict, 409, resource, key, "it has changed since it was read");
}

kube::Error terminating(const Resource& resource, const Key& key) {
  return error(
      kube::Code::Terminating, 403, resource, key,
      "unable to create new content in namespace " + key.name_space + " because it is being terminated");
}

std::string type_of(const Resource& resource) {
  return resource.api_version() + "/" + std::string(resource.plural);
}

bool has_finalizers(const Json& object) { return !list_of(object, "finalizers").empty(); }

bool is_going(const Json& object) { return object["metadata"].contains("deletionTimestamp"); }

Result<MemoryApi::Object> MemoryApi::take_away(const Resource& resource, const Key& key,
                                               const Preconditions& preconditions, Propagation propagation) {
  const Object before = current(resource, key);
  if (!before) return std::unexpected(not_found(resource, key));
  if (!preconditions.uid.empty() && preconditions.uid != kube::metadata_text(*before, "uid")) {
    return std::unexpected(
        error(kube::Code::Conflict, 409, resource, key, "it is another object of this name"));
  }
  if (!preconditions.resource_version.empty() &&
      preconditions.resource_version != kube::metadata_text(*before, "resourceVersion")) {
    return std::unexpected(changed_since(resource, key));
  }
  start_removal({type_of(resource), key}, propagation, false);
  return current(resource, key);
}

void MemoryApi::start_removal(const Id& id, Propagation propagation, bool collected) {
  const Entry entry = objects_.at(id);
  const auto uid = kube::metadata_text(*entry.object, "uid");
  const auto dependents =
      propagation == Propagation::Background ? std::vector<Id>{} : dependents_of(uid, id.second.name_space);
  if (propagation == Propagation::Orphan) {
    for (const Id& dependent : dependents) disown(dependent, uid);
  }
  const bool waits = propagation == Propagation::Foreground && !dependents.empty();
  if (!waits && !has_finalizers(*entry.object)) return drop(id, collected);
  if (is_going(*entry.object)) return;
  Json going = *entry.object;
  Json& metadata = going["metadata"];
  metadata["deletionTimestamp"] = base::format_seconds(clock_.wall());
  if (metadata.contains("generation"))
    metadata["generation"] = metadata["generation"].get<std::int64_t>() + 1;
  if (waits) metadata["finalizers"].push_back(kForeground);
  replace(id, entry, std::move(going), Subresource::None, collected);
  if (!waits) return;
  collect(dependents, uid, Propagation::Foreground);
  end_foreground(id);
}

void MemoryApi::drop(const Id& id, bool collected) {
  const auto node = objects_.extract(id);
  ++last_version_;
  const Entry& entry = node.mapped();
  if (mirror_ != nullptr) {
    if (kube::Store* store = mirror_->of(entry.resource)) store->erase(id.second, clock_.steady());
  }
  if (!on_change_.empty()) {
    Json last = *entry.object;
    last["metadata"]["resourceVersion"] = std::to_string(last_version_);
    untold_.push_back({entry.resource, entry.object, std::make_shared<const Json>(std::move(last)), true,
                       Subresource::None, collected});
  }
  const auto uid = kube::metadata_text(*entry.object, "uid");
  collect(dependents_of(uid, id.second.name_space), uid, Propagation::Background);
  for (const Id& owner : waiting_owners_of(*entry.object, id.second.name_space)) end_foreground(owner);
}

std::vector<MemoryApi::Id> MemoryApi::dependents_of(const std::string& uid,
                                                    const std::string& name_space) const {
  std::vector<Id> dependents;
  for (const auto& [id, entry] : objects_) {
    const auto refers = [&](const Json& reference) { return refers_to(reference, uid); };
    if (id.second.name_space == name_space && std::ranges::any_of(references_of(*entry.object), refers))
      dependents.push_back(id);
  }
  return dependents;
}

void MemoryApi::collect(const std::vector<Id>& dependents, const std::string& owner_uid,
                        Propagation propagation) {
  for (const Id& id : dependents) {
    const auto found = objects_.find(id);
    if (found == objects_.end()) continue;
    if (references_of(*found->second.object).size() == 1) {
      start_removal(id, propagation, true);
    } else {
      disown(id, owner_uid);
    }
  }
}

void MemoryApi::disown(const Id& dependent, const std::string& owner_uid) {
  const Entry before = objects_.at(dependent);
  Json released = *before.object;
  auto& references = released["metadata"]["ownerReferences"];
  std::erase_if(references.get_ref<Json::array_t&>(),
                [&](const Json& reference) { return refers_to(reference, owner_uid); });
  if (references.empty()) released["metadata"].erase("ownerReferences");
  replace(dependent, before, std::move(released), Subresource::None, true);
}

void MemoryApi::end_foreground(const Id& owner) {
  const auto found = objects_.find(owner);
  if (found == objects_.end() || !waits_for_dependents(*found->second.object)) return;
  const Entry entry = found->second;
  const auto uid = kube::metadata_text(*entry.object, "uid");
  for (const Id& dependent : dependents_of(uid, owner.second.name_space)) {
    const auto blocking = [&](const Json& reference) { return blocks(reference, uid); };
    if (std::ranges::any_of(references_of(*objects_.at(dependent).object), blocking)) return;
  }
  Json released = *entry.object;
  std::erase(released["metadata"]["finalizers"].get_ref<Json::array_t&>(), Json(kForeground));
  if (!has_finalizers(released)) return drop(owner, true);
  replace(owner, entry, std::move(released), Subresource::None, true);
}

std::vector<MemoryApi::Id> MemoryApi::waiting_owners_of(const Json& dependent,
                                                        const std::string& name_space) const {
  std::vector<Id> owners;
  if (references_of(dependent).empty()) return owners;
  for (const auto& [id, entry] : objects_) {
    if (id.second.name_space != name_space || !waits_for_dependents(*entry.object)) continue;
    const auto uid = kube::metadata_text(*entry.object, "uid");
    const auto blocking = [&](const Json& reference) { return blocks(reference, uid); };
    if (std::ranges::any_of(references_of(dependent), blocking)) owners.push_back(id);
  }
  return owners;
}

}  // namespace weir::offline
