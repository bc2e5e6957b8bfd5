#include "operator/offline/memory_api.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

#include "operator/base/json.h"
#include "operator/base/time.h"
#include "operator/kube/object.h"
#include "operator/kube/patch.h"
#include "operator/kube/selector.h"
#include "operator/offline/edit.h"
#include "operator/offline/removal.h"
#include "operator/reconcile/kinds.h"

namespace weir::offline {
namespace {

// Who signs for what comes through Api.
constexpr std::string_view kOwnManager = "weir";

bool has_status(const Resource& resource) {
  const auto& kinds = reconcile::all_kinds();
  const auto found = std::ranges::find(kinds, resource, &kube::Kind::resource);
  return found != kinds.end() && found->has_status;
}

// Whether the object names a version of its kind's group: it is kept in that one.
bool is_of_group(const Json& object, const Resource& resource) {
  const auto version = base::text(object, {"apiVersion"});
  const auto slash = version.find('/');
  return !version.empty() && (slash == std::string::npos ? "" : version.substr(0, slash)) == resource.group;
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

MemoryApi::MemoryApi(const base::Clock& clock, Stores* mirror) : clock_(clock), mirror_(mirror) {
  if (mirror_ == nullptr) return;
  for (auto& kept : mirror_->all()) kept.store.replace({}, clock_.steady());
}

void MemoryApi::on_write(std::function<void(const Write&)> callback) { on_write_ = std::move(callback); }

void MemoryApi::on_change(std::function<void(const Changed&)> callback) {
  on_change_.push_back(std::move(callback));
}

void MemoryApi::on_admission(std::function<void(const Resource&, Json&, const Json&)> callback) {
  on_admission_ = std::move(callback);
}

template <typename Work>
auto MemoryApi::locked(Work work) {
  auto result = [&] {
    const std::lock_guard lock(mutex_);
    return work();
  }();
  tell();
  return result;
}

void MemoryApi::tell() {
  while (!on_change_.empty()) {
    Changed changed;
    {
      const std::lock_guard lock(mutex_);
      if (untold_.empty()) return;
      changed = std::move(untold_.front());
      untold_.pop_front();
    }
    for (const auto& callback : on_change_) callback(changed);
  }
}

Json MemoryApi::put(const Resource& resource, Json object, std::string_view manager) {
  return *locked([&] {
    const Key key = kube::key_of(object);
    const Object before = current(resource, key);
    if (!before && ending_namespaces_.contains(key.name_space))
      return std::make_shared<const Json>(std::move(object));
    return keep(resource, std::move(object), before, Subresource::None, manager);
  });
}

bool MemoryApi::erase(const Resource& resource, const Key& key, Propagation propagation) {
  return locked([&] {
    const Id id{type_of(resource), key};
    if (!objects_.contains(id)) return false;
    start_removal(id, propagation, false);
    return true;
  });
}

void MemoryApi::end_namespace(const std::string& name) {
  const std::lock_guard lock(mutex_);
  ending_namespaces_.insert(name);
}

MemoryApi::Object MemoryApi::find(const Resource& resource, const Key& key) {
  const std::lock_guard lock(mutex_);
  return current(resource, key);
}

Result<std::vector<MemoryApi::Object>> MemoryApi::select(const Resource& resource,
                                                         std::string_view name_space,
                                                         std::string_view label_selector) {
  const auto selector = kube::Selector::parse(label_selector);
  if (!selector) {
    return std::unexpected(
        kube::Error{kube::Code::Invalid, 400, selector.error(), "labelSelector", std::nullopt});
  }
  const std::lock_guard lock(mutex_);
  const std::string type = type_of(resource);
  std::vector<Object> result;
  for (auto at = objects_.lower_bound({type, {std::string(name_space), ""}});
       at != objects_.end() && at->first.first == type; ++at) {
    if (!name_space.empty() && at->first.second.name_space != name_space) break;
    if (selector->matches(*at->second.object)) result.push_back(at->second.object);
  }
  return result;
}

Result<MemoryApi::Object> MemoryApi::create(const Resource& resource, Json object, std::string_view manager) {
  return locked([&] { return make(resource, std::move(object), manager); });
}

Result<MemoryApi::Object> MemoryApi::patch(const Resource& resource, const Key& key, const Json& patch,
                                           Subresource subresource, std::string_view manager) {
  return locked([&] { return apply(resource, key, patch, subresource, manager); });
}

Result<MemoryApi::Object> MemoryApi::remove(const Resource& resource, const Key& key,
                                            const Preconditions& preconditions, Propagation propagation) {
  return locked([&] { return take_away(resource, key, preconditions, propagation); });
}

std::uint64_t MemoryApi::last_version() {
  const std::lock_guard lock(mutex_);
  return last_version_;
}

Result<Json> MemoryApi::get(const Resource& resource, const Key& key) {
  // To a server what follows the slash is a subresource.
  if (key.name.contains('/'))
    return std::unexpected(error(kube::Code::Forbidden, 403, resource, key, "there is no such subresource"));
  const Object found = find(resource, key);
  if (!found) return std::unexpected(not_found(resource, key));
  return *found;
}

Result<std::vector<Json>> MemoryApi::list(const Resource& resource, std::string_view name_space,
                                          std::string_view label_selector) {
  const auto found = select(resource, name_space, label_selector);
  if (!found) return std::unexpected(found.error());
  std::vector<Json> result;
  for (const Object& object : *found) result.push_back(*object);
  return result;
}

Result<Json> MemoryApi::create(const Resource& resource, const Json& object) {
  const auto created = create(resource, object, kOwnManager);
  if (!created) return std::unexpected(created.error());
  if (on_write_) on_write_({Verb::Create, resource, {}, **created});
  return **created;
}

Result<Json> MemoryApi::update(const Resource& resource, const Json& before, const Json& after) {
  return write(Verb::Update, resource, before, kube::object_patch(before, after));
}

Result<Json> MemoryApi::update_status(const Resource& resource, const Json& before, const Json& after) {
  return write(Verb::UpdateStatus, resource, before, kube::status_patch(before, after));
}

Result<Json> MemoryApi::write(Verb verb, const Resource& resource, const Json& before,
                              const Json& operations) {
  if (operations.empty()) return before;
  const Subresource subresource = verb == Verb::UpdateStatus ? Subresource::Status : Subresource::None;
  const auto changed = locked([&]() -> Result<Object> {
    const Key key = kube::key_of(before);
    // A patch that does not fit an object that has changed is a conflict too.
    const Object now = current(resource, key);
    if (now &&
        kube::metadata_text(*now, "resourceVersion") != kube::metadata_text(before, "resourceVersion")) {
      return std::unexpected(changed_since(resource, key));
    }
    return apply(resource, key, operations, subresource, kOwnManager);
  });
  if (!changed) return std::unexpected(changed.error());
  if (on_write_) on_write_({verb, resource, before, **changed});
  return **changed;
}

Result<void> MemoryApi::remove(const Resource& resource, const Json& object) {
  const Key key = kube::key_of(object);
  const Object before = find(resource, key);
  const auto left = remove(
      resource, key, {kube::metadata_text(object, "uid"), kube::metadata_text(object, "resourceVersion")});
  if (!left && left.error().code == kube::Code::NotFound) return {};
  if (!left) return std::unexpected(left.error());
  if (on_write_ && before && *left != before) {
    on_write_({Verb::Remove, resource, *before, *left ? **left : Json()});
  }
  return {};
}

MemoryApi::Object MemoryApi::current(const Resource& resource, const Key& key) const {
  const auto found = objects_.find({type_of(resource), key});
  return found == objects_.end() ? nullptr : found->second.object;
}

Result<MemoryApi::Object> MemoryApi::make(const Resource& resource, Json object, std::string_view manager) {
  if (has_status(resource)) object.erase("status");
  Json& metadata = object["metadata"];
  if (!metadata.contains("name") && metadata.contains("generateName")) {
    metadata["name"] = fmt::format("{}{:05}", metadata["generateName"].get<std::string>(), last_uid_ + 1);
  }
  const Key key = kube::key_of(object);
  if (key.name.empty()) {
    kube::Error nameless = error(kube::Code::Invalid, 422, resource, key, "metadata.name is required");
    nameless.field = "metadata.name";
    return std::unexpected(nameless);
  }
  if (ending_namespaces_.contains(key.name_space)) return std::unexpected(terminating(resource, key));
  if (current(resource, key)) {
    return std::unexpected(error(kube::Code::AlreadyExists, 409, resource, key, "already exists"));
  }
  for (const auto* field :
       {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "deletionTimestamp"}) {
    metadata.erase(field);
  }
  return keep(resource, std::move(object), nullptr, Subresource::None, manager);
}

Result<MemoryApi::Object> MemoryApi::apply(const Resource& resource, const Key& key, const Json& patch,
                                           Subresource subresource, std::string_view manager) {
  const Object before = current(resource, key);
  if (!before || (subresource == Subresource::Status && !has_status(resource))) {
    return std::unexpected(not_found(resource, key));
  }
  auto next = patched(*before, patch);
  if (!next) return std::unexpected(error(kube::Code::Invalid, 422, resource, key, next.error()));
  if (!next->is_object() || kube::key_of(*next) != key) {
    return std::unexpected(
        error(kube::Code::Invalid, 400, resource, key, "the patch does away with its namespace and name"));
  }
  const std::string version = kube::metadata_text(*next, "resourceVersion");
  if (!version.empty() && version != kube::metadata_text(*before, "resourceVersion")) {
    return std::unexpected(changed_since(resource, key));
  }
  if (has_status(resource)) take_back(*next, *before, subresource);
  return keep(resource, *std::move(next), before, subresource, manager);
}

// Returns the object as it is now; one that has only waited for this write to go is gone.
MemoryApi::Object MemoryApi::keep(const Resource& resource, Json object, const Object& before,
                                  Subresource subresource, std::string_view manager) {
  const Json nothing;
  const Json& known = before ? *before : nothing;
  if (on_admission_) on_admission_(resource, object, known);
  complete(resource, object, known);
  sign(resource, object, known, manager);
  if (before && known == object) return before;
  const Id id{type_of(resource), kube::key_of(object)};
  if (before && is_going(object) && !has_finalizers(object)) {
    drop(id, false);
    return std::make_shared<const Json>(std::move(object));
  }
  replace(id, {resource, before}, std::move(object), subresource, false);
  return objects_.at(id).object;
}

// The object gets a version of its own, and everyone who follows is told.
void MemoryApi::replace(const Id& id, const Entry& before, Json object, Subresource subresource,
                        bool collected) {
  object["metadata"]["resourceVersion"] = std::to_string(++last_version_);
  const auto after = std::make_shared<const Json>(std::move(object));
  objects_.insert_or_assign(id, Entry{before.resource, after});
  if (mirror_ != nullptr) {
    if (kube::Store* store = mirror_->of(before.resource)) store->put(*after, clock_.steady());
  }
  if (!on_change_.empty())
    untold_.push_back({before.resource, before.object, after, false, subresource, collected});
}

// The server's own fields: taken over from `before`, or given to a new object.
void MemoryApi::complete(const Resource& resource, Json& object, const Json& before) {
  if (!is_of_group(object, resource)) object["apiVersion"] = resource.api_version();
  object["kind"] = std::string(resource.kind);
  Json& metadata = object["metadata"];
  if (before.is_null()) {
    if (!metadata.contains("uid"))
      metadata["uid"] = fmt::format("00000000-0000-4000-8000-{:012}", ++last_uid_);
    if (!metadata.contains("creationTimestamp"))
      metadata["creationTimestamp"] = base::format_seconds(clock_.wall());
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
             {"time", base::format_seconds(clock_.wall())},
             {"fieldsType", "FieldsV1"},
             {"fieldsV1", fields}};
  if (status) entry["subresource"] = "status";
  entries.push_back(std::move(entry));
}

}  // namespace weir::offline
