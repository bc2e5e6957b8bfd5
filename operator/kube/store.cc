#include "operator/kube/store.h"

#include <algorithm>
#include <array>
#include <utility>

#include "operator/kube/object.h"

namespace weir::kube {
namespace {

constexpr std::size_t kErasedRemembered = 1000;

bool same_uid(const Json& one, const Json& other) {
  return metadata_text(one, "uid") == metadata_text(other, "uid");
}

// Versions that are no numbers say nothing of their order: the one that came last is taken.
bool is_older_version(const Json& object, const Json& known) {
  const auto version = numeric_version(object);
  const auto known_version = numeric_version(known);
  return same_uid(object, known) && version && known_version && *version < *known_version;
}

bool is_same_version(const Json& object, const Json& known) {
  const std::string version = metadata_text(object, "resourceVersion");
  if (version.empty()) return object == known;
  return same_uid(object, known) && version == metadata_text(known, "resourceVersion");
}

}  // namespace

Stored Store::stored(Json object, const Stored* known, Steady now) {
  const bool unchanged =
      known != nullptr && same_uid(object, *known->object) && same_content(object, *known->object);
  return {std::make_shared<const Json>(std::move(object)), unchanged ? known->since : now};
}

std::optional<Stored> Store::get(const Key& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return std::nullopt;
  return found->second;
}

std::vector<Stored> Store::list(std::string_view name_space) const {
  const std::lock_guard lock(mutex_);
  std::vector<Stored> result;
  auto at = name_space.empty() ? objects_.begin() : objects_.lower_bound(Key{std::string(name_space), ""});
  for (; at != objects_.end(); ++at) {
    if (!name_space.empty() && at->first.name_space != name_space) break;
    result.push_back(at->second);
  }
  return result;
}

bool Store::synced() const {
  const std::lock_guard lock(mutex_);
  return synced_;
}

bool Store::put(Json object, Steady now) {
  const Key key = key_of(object);
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) {
    const std::string uid = metadata_text(object, "uid");
    if (!uid.empty() && std::ranges::find(erased_, uid) != erased_.end()) return false;
    objects_.emplace(key, stored(std::move(object), nullptr, now));
    return true;
  }
  const Json& known = *found->second.object;
  if (is_same_version(object, known) || is_older_version(object, known)) return false;
  found->second = stored(std::move(object), &found->second, now);
  return true;
}

bool Store::erase(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return false;
  if (std::string uid = metadata_text(*found->second.object, "uid"); !uid.empty()) {
    erased_.push_back(std::move(uid));
    if (erased_.size() > kErasedRemembered) erased_.pop_front();
  }
  objects_.erase(found);
  return true;
}

std::vector<Key> Store::replace(std::vector<Json> objects, Steady now) {
  const std::lock_guard lock(mutex_);
  std::vector<Key> changed;
  std::map<Key, Stored> next;
  for (Json& object : objects) {
    const Key key = key_of(object);
    const auto found = objects_.find(key);
    const Stored* known = found == objects_.end() ? nullptr : &found->second;
    if (known != nullptr && is_same_version(object, *known->object)) {
      next.insert_or_assign(key, *known);
      continue;
    }
    changed.push_back(key);
    next.insert_or_assign(key, stored(std::move(object), known, now));
  }
  for (const auto& [key, known] : objects_) {
    if (!next.contains(key)) changed.push_back(key);
  }
  objects_ = std::move(next);
  synced_ = true;
  return changed;
}

Store* Stores::of(const Resource& resource) {
  const std::array<std::pair<Resource, Store*>, 7> watched{{{kCanaries, &canaries},
                                                            {kMetricTemplates, &metric_templates},
                                                            {kDeployments, &deployments},
                                                            {kServices, &services},
                                                            {kEndpointSlices, &endpoint_slices},
                                                            {kVirtualServices, &virtual_services},
                                                            {kDestinationRules, &destination_rules}}};
  const auto* found =
      std::ranges::find_if(watched, [&](const auto& candidate) { return candidate.first == resource; });
  return found == watched.end() ? nullptr : found->second;
}

}  // namespace weir::kube
