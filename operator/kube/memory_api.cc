#include "operator/kube/memory_api.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

#include "operator/kube/object.h"
#include "operator/kube/patch.h"
#include "operator/kube/selector.h"

namespace weir::kube {
namespace {

// Who signs for what comes through Api.
constexpr std::string_view kOwnManager = "weir";

// Kinds whose status is a subresource: a write of the object leaves it alone.
constexpr std::array kWithStatus{kCanaries, kDeployments,     kServices,
                                 kPods,     kVirtualServices, kDestinationRules};

bool has_status(const Resource& resource) {
  return std::ranges::find(kWithStatus, resource) != kWithStatus.end();
}

std::string type_of(const Resource& resource) {
  return resource.api_version() + "/" + std::string(resource.plural);
}

Error error(Code code, int status, const Resource& resource, const Key& key, std::string_view what) {
  return {code, status, fmt::format("{} {}: {}", resource.kind, to_string(key), what), "", std::nullopt};
}

Error not_found(const Resource& resource, const Key& key) {
  return error(Code::NotFound, 404, resource, key, "not found");
}

Json without(Json object, const char* field) {
  object.erase(field);
  return object;
}

bool has_finalizers(const Json& object) {
  const auto finalizers = object["metadata"].find("finalizers");
  return finalizers != object["metadata"].end() && finalizers->is_array() && !finalizers->empty();
}

bool is_going(const Json& object) { return object["metadata"].contains("deletionTimestamp"); }

// What a change of the generation stands for: all that is neither metadata nor status.
bool asks_for_the_same(const Json& one, const Json& other) {
  return without(without(one, "metadata"), "status") == without(without(other, "metadata"), "status");
}

}  // namespace

std::string_view to_string(Verb verb) {
  switch (verb) {
    case Verb::Create:
      return "create";
    case Verb::Update:
      return "update";
    case Verb::UpdateStatus:
      return "update status";
    case Verb::Remove:
      return "remove";
  }
  return "";
}

MemoryApi::MemoryApi(const Clock& clock, Stores* mirror) : clock_(clock), mirror_(mirror) {
  if (mirror_ == nullptr) return;
  for (const auto& resource : {kCanaries, kMetricTemplates, kDeployments, kServices, kEndpointSlices,
                               kVirtualServices, kDestinationRules}) {
    mirror_->of(resource)->replace({}, clock_.steady());
  }
}

void MemoryApi::on_write(std::function<void(const Write&)> callback) { on_write_ = std::move(callback); }

Json MemoryApi::put(const Resource& resource, Json object, std::string_view manager) {
  const std::lock_guard lock(mutex_);
  const Id id{type_of(resource), key_of(object)};
  const auto found = objects_.find(id);
  const Json before = found == objects_.end() ? Json() : found->second.object;
  return keep(resource, std::move(object), before, manager);
}

bool MemoryApi::erase(const Resource& resource, const Key& key) {
  const std::lock_guard lock(mutex_);
  const Id id{type_of(resource), key};
  if (!objects_.contains(id)) return false;
  start_removal(id);
  return true;
}

Result<Json> MemoryApi::get(const Resource& resource, const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find({type_of(resource), key});
  if (found == objects_.end()) return std::unexpected(not_found(resource, key));
  return found->second.object;
}

Result<std::vector<Json>> MemoryApi::list(const Resource& resource, std::string_view name_space,
                                          std::string_view label_selector) {
  const auto selector = Selector::parse(label_selector);
  if (!selector) {
    return std::unexpected(Error{Code::Invalid, 400, selector.error(), "labelSelector", std::nullopt});
  }
  const std::lock_guard lock(mutex_);
  const std::string type = type_of(resource);
  std::vector<Json> result;
  for (auto at = objects_.lower_bound({type, Key{}}); at != objects_.end() && at->first.first == type; ++at) {
    const bool in_scope = name_space.empty() || at->first.second.name_space == name_space;
    if (in_scope && selector->matches(at->second.object)) result.push_back(at->second.object);
  }
  return result;
}

Result<Json> MemoryApi::create(const Resource& resource, const Json& object) {
  Json created;
  {
    const std::lock_guard lock(mutex_);
    Json fresh = has_status(resource) ? without(object, "status") : object;
    Json& metadata = fresh["metadata"];
    if (!metadata.contains("name") && metadata.contains("generateName")) {
      metadata["name"] = fmt::format("{}{:05}", metadata["generateName"].get<std::string>(), last_uid_ + 1);
    }
    const Key key = key_of(fresh);
    if (key.name.empty()) {
      return std::unexpected(error(Code::Invalid, 422, resource, key, "metadata.name is required"));
    }
    if (objects_.contains({type_of(resource), key})) {
      return std::unexpected(error(Code::AlreadyExists, 409, resource, key, "already exists"));
    }
    for (const auto* field : {"uid", "resourceVersion", "creationTimestamp", "generation"})
      metadata.erase(field);
    created = keep(resource, std::move(fresh), {}, kOwnManager);
  }
  if (on_write_) on_write_({Verb::Create, resource, {}, created});
  return created;
}

Result<Json> MemoryApi::update(const Resource& resource, const Json& before, const Json& after) {
  return patch(Verb::Update, resource, before, object_patch(before, after));
}

Result<Json> MemoryApi::update_status(const Resource& resource, const Json& before, const Json& after) {
  return patch(Verb::UpdateStatus, resource, before, status_patch(before, after));
}

Result<Json> MemoryApi::patch(Verb verb, const Resource& resource, const Json& before, const Json& patch) {
  if (patch.empty()) return before;
  auto changed = apply(verb, resource, before, patch);
  if (changed && on_write_) on_write_({verb, resource, before, *changed});
  return changed;
}

Result<Json> MemoryApi::apply(Verb verb, const Resource& resource, const Json& before, const Json& patch) {
  const std::lock_guard lock(mutex_);
  const Id id{type_of(resource), key_of(before)};
  const auto found = objects_.find(id);
  if (found == objects_.end()) return std::unexpected(not_found(resource, id.second));
  const Json current = found->second.object;
  if (metadata_text(current, "resourceVersion") != metadata_text(before, "resourceVersion")) {
    return std::unexpected(
        error(Code::Conflict, 409, resource, id.second, "it has changed since it was read"));
  }
  Json next;
  try {
    next = current.patch(patch);
  } catch (const Json::exception& failure) {
    return std::unexpected(error(Code::Invalid, 422, resource, id.second, failure.what()));
  }
  if (verb == Verb::UpdateStatus && !has_status(resource))
    return std::unexpected(not_found(resource, id.second));
  Json kept = keep(resource, std::move(next), current, kOwnManager);
  if (is_going(kept) && !has_finalizers(kept)) drop(id);
  return kept;
}

Result<void> MemoryApi::remove(const Resource& resource, const Json& object) {
  Write write{Verb::Remove, resource, {}, {}};
  {
    const std::lock_guard lock(mutex_);
    const Id id{type_of(resource), key_of(object)};
    const auto found = objects_.find(id);
    if (found == objects_.end()) return {};
    write.before = found->second.object;
    if (metadata_text(write.before, "uid") != metadata_text(object, "uid")) {
      return std::unexpected(
          error(Code::Conflict, 409, resource, id.second, "it is another object of this name"));
    }
    if (is_going(write.before)) return {};
    start_removal(id);
    if (const auto left = objects_.find(id); left != objects_.end()) write.after = left->second.object;
  }
  if (on_write_) on_write_(write);
  return {};
}

Json MemoryApi::keep(const Resource& resource, Json object, const Json& before, std::string_view manager) {
  complete(resource, object, before);
  sign(resource, object, before, manager);
  if (!before.is_null() && before == object) return object;
  object["metadata"]["resourceVersion"] = std::to_string(++last_version_);
  objects_.insert_or_assign({type_of(resource), key_of(object)}, Entry{resource, object});
  publish(resource, object);
  return object;
}

void MemoryApi::publish(const Resource& resource, const Json& object) {
  if (mirror_ == nullptr) return;
  if (Store* store = mirror_->of(resource)) store->put(object, clock_.steady());
}

// The server's own fields: taken over from `before`, or given to a new object.
void MemoryApi::complete(const Resource& resource, Json& object, const Json& before) {
  object["apiVersion"] = resource.api_version();
  object["kind"] = std::string(resource.kind);
  Json& metadata = object["metadata"];
  if (before.is_null()) {
    if (!metadata.contains("uid"))
      metadata["uid"] = fmt::format("00000000-0000-4000-8000-{:012}", ++last_uid_);
    if (!metadata.contains("creationTimestamp"))
      metadata["creationTimestamp"] = format_seconds(clock_.wall());
    if (has_status(resource) && !metadata.contains("generation")) metadata["generation"] = 1;
    return;
  }
  for (const auto* field :
       {"uid", "creationTimestamp", "generation", "resourceVersion", "managedFields", "deletionTimestamp"}) {
    metadata.erase(field);
    if (before["metadata"].contains(field)) metadata[field] = before["metadata"][field];
  }
  if (has_status(resource) && !asks_for_the_same(before, object)) {
    metadata["generation"] = before["metadata"].value("generation", std::int64_t{0}) + 1;
  }
}

// Notes in managedFields who wrote, and which of the outermost fields it changed.
void MemoryApi::sign(const Resource& resource, Json& object, const Json& before,
                     std::string_view manager) const {
  Json fields = Json::object();
  for (const auto& [field, value] : object.items()) {
    if (before.is_null() || !before.contains(field) || before[field] != value)
      fields["f:" + field] = Json::object();
  }
  if (fields.empty()) return;
  const bool status = fields.size() == 1 && fields.contains("f:status");
  Json& entries = object["metadata"]["managedFields"];
  if (!entries.is_array()) entries = Json::array();
  const auto mine = std::ranges::find_if(entries, [&](const Json& entry) {
    return entry.value("manager", "") == manager && entry.contains("subresource") == status;
  });
  if (mine != entries.end()) {
    fields.update((*mine)["fieldsV1"]);
    entries.erase(mine);
  }
  Json entry{{"manager", manager},
             {"operation", "Update"},
             {"apiVersion", resource.api_version()},
             {"time", format_seconds(clock_.wall())},
             {"fieldsType", "FieldsV1"},
             {"fieldsV1", fields}};
  if (status) entry["subresource"] = "status";
  entries.push_back(std::move(entry));
}

void MemoryApi::start_removal(const Id& id) {
  const Entry entry = objects_.at(id);
  if (!has_finalizers(entry.object)) {
    drop(id);
    return;
  }
  if (is_going(entry.object)) return;
  Json going = entry.object;
  Json& metadata = going["metadata"];
  metadata["deletionTimestamp"] = format_seconds(clock_.wall());
  if (metadata.contains("generation"))
    metadata["generation"] = metadata["generation"].get<std::int64_t>() + 1;
  metadata["resourceVersion"] = std::to_string(++last_version_);
  publish(entry.resource, going);
  objects_.at(id).object = std::move(going);
}

void MemoryApi::drop(const Id& id) {
  const auto node = objects_.extract(id);
  ++last_version_;
  const Entry& entry = node.mapped();
  if (mirror_ != nullptr) {
    if (Store* store = mirror_->of(entry.resource)) store->erase(id.second);
  }
  collect_dependents(metadata_text(entry.object, "uid"), id.second.name_space);
}

// As the garbage collector does it: a dependent loses its reference, and goes when that was its last one.
void MemoryApi::collect_dependents(const std::string& owner_uid, const std::string& name_space) {
  std::vector<Id> orphans;
  for (auto& [id, entry] : objects_) {
    Json& metadata = entry.object["metadata"];
    const auto references = metadata.find("ownerReferences");
    if (references == metadata.end() || id.second.name_space != name_space) continue;
    const auto owned = std::ranges::any_of(
        *references, [&](const Json& reference) { return reference.value("uid", "") == owner_uid; });
    if (owned && references->size() == 1) orphans.push_back(id);
    if (!owned || references->size() == 1) continue;
    std::erase_if(references->get_ref<Json::array_t&>(),
                  [&](const Json& reference) { return reference.value("uid", "") == owner_uid; });
    metadata["resourceVersion"] = std::to_string(++last_version_);
    publish(entry.resource, entry.object);
  }
  for (const Id& id : orphans) {
    if (objects_.contains(id)) start_removal(id);
  }
}

}  // namespace weir::kube
