#include "operator/kube/store.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>
#include <utility>

#include "operator/base/hash.h"
#include "operator/base/json.h"
#include "operator/kube/object.h"

namespace weir::kube {
namespace {

constexpr std::size_t kGoneRemembered = 1000;

bool same_uid(const Json& one, const Json& other) {
  return metadata_text(one, "uid") == metadata_text(other, "uid");
}

// Versions that are no numbers say nothing of their order: the one that came last is taken.
bool is_older_version(const Json& object, const Json& known) {
  const auto version = numeric_version(object);
  const auto known_version = numeric_version(known);
  return same_uid(object, known) && version && known_version && *version < *known_version;
}

// The same object may come in another version of its group.
bool is_same_version(const Json& object, const Json& known) {
  const std::string version = metadata_text(object, "resourceVersion");
  if (version.empty()) return object == known;
  return same_uid(object, known) && version == metadata_text(known, "resourceVersion") &&
         base::text(object, {"apiVersion"}) == base::text(known, {"apiVersion"});
}

Store::Packed pack(const Json& object) {
  auto packed = Json::to_msgpack(object);
  packed.shrink_to_fit();
  return packed;
}

}  // namespace

void Store::Listed::add(Json object) {
  if (form_.trim) form_.trim(object);
  objects_.emplace_back(key_of(object), pack(object));
}

std::shared_ptr<const Json> Store::unpacked(const Entry& entry) const {
  const auto known = std::ranges::find(recent_, &entry, &Recent::entry);
  auto object =
      known != recent_.end() ? known->object : std::make_shared<const Json>(Json::from_msgpack(entry.packed));
  keep_unpacked(entry, object);
  return object;
}

void Store::keep_unpacked(const Entry& entry, std::shared_ptr<const Json> object) const {
  forget_unpacked(entry);
  recent_.push_front({&entry, std::move(object)});
  const auto bytes = [&] {
    std::size_t sum = 0;
    for (const auto& one : recent_) sum += one.entry->packed.size();
    return sum;
  };
  while (recent_.size() > kRecentObjects || (!recent_.empty() && bytes() > kRecentBytes)) recent_.pop_back();
}

void Store::forget_unpacked(const Entry& entry) const {
  std::erase_if(recent_, [&](const Recent& one) { return one.entry == &entry; });
}

std::vector<std::string> Store::terms_of(const Json& object) const {
  return form_.terms ? form_.terms(object) : std::vector<std::string>{};
}

std::vector<Store::Steady> Store::parts_since(const Json& object, const Json& known,
                                              const std::vector<Steady>& before, Steady now) const {
  if (!form_.parts) return {};
  std::map<std::string, Steady> there;
  if (!known.is_null()) {
    auto names = form_.parts(known);
    for (std::size_t i = 0; i < names.size(); ++i) there.emplace(std::move(names[i]), before[i]);
  }
  std::vector<Steady> since;
  for (const auto& name : form_.parts(object)) {
    const auto found = there.find(name);
    since.push_back(found == there.end() ? now : found->second);
  }
  since.shrink_to_fit();
  return since;
}

std::optional<Stored> Store::get(const Key& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return std::nullopt;
  return Stored{unpacked(found->second), found->second.since, found->second.parts_since};
}

bool Store::contains(const Key& key) const {
  const std::lock_guard lock(mutex_);
  return objects_.contains(key);
}

std::vector<Key> Store::keys(std::string_view name_space) const {
  const std::lock_guard lock(mutex_);
  std::vector<Key> result;
  auto at = name_space.empty() ? objects_.begin() : objects_.lower_bound(Key{std::string(name_space), ""});
  for (; at != objects_.end(); ++at) {
    if (!name_space.empty() && at->first.name_space != name_space) break;
    result.push_back(at->first);
  }
  return result;
}

std::vector<Stored> Store::list(std::string_view name_space) const {
  std::vector<Stored> result;
  for (const Key& key : keys(name_space)) {
    if (auto stored = get(key)) result.push_back(*std::move(stored));
  }
  return result;
}

std::vector<Key> Store::keys_with(std::string_view term) const {
  std::vector<Key> keys;
  {
    const std::lock_guard lock(mutex_);
    const auto hash = base::fnv1a(term);
    for (auto at = index_.lower_bound({hash, nullptr}); at != index_.end() && at->first == hash; ++at) {
      keys.push_back(at->second->first);
    }
  }
  std::ranges::sort(keys);
  return keys;
}

std::vector<Stored> Store::list_with(std::string_view term) const {
  std::vector<Stored> result;
  for (const Key& key : keys_with(term)) {
    if (auto stored = get(key)) result.push_back(*std::move(stored));
  }
  return result;
}

bool Store::has(const Key& key, std::string_view term) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  return found != objects_.end() && index_.contains({base::fnv1a(term), &*found});
}

std::size_t Store::size() const {
  const std::lock_guard lock(mutex_);
  return objects_.size();
}

bool Store::synced() const {
  const std::lock_guard lock(mutex_);
  return remembers_since_.has_value();
}

std::optional<Store::Steady> Store::absent_since(const Key& key) const {
  const std::lock_guard lock(mutex_);
  if (!remembers_since_ || objects_.contains(key)) return std::nullopt;
  const auto newest_first = gone_ | std::views::reverse;
  const auto last = std::ranges::find(newest_first, key, &Gone::key);
  return last == newest_first.end() ? *remembers_since_ : last->since;
}

void Store::index(const Entries::value_type& entry, const Change& change) {
  if (change.before == change.after) return;
  for (const auto& term : change.before) index_.erase({base::fnv1a(term), &entry});
  for (const auto& term : change.after) index_.emplace(base::fnv1a(term), &entry);
}

Change Store::set(const Key& key, Packed packed, const Json& object, const Json& known, Steady now) {
  Change change{.key = key, .before = {}, .after = terms_of(object)};
  if (!known.is_null()) change.before = terms_of(known);
  const auto at = objects_.try_emplace(key).first;
  forget_unpacked(at->second);
  at->second.packed = std::move(packed);
  const bool replaced = !known.is_null() && !same_uid(object, known);
  if (replaced) remember_gone(key, metadata_text(known, "uid"), now);
  const bool unchanged = !known.is_null() && !replaced && same_content(object, known);
  if (!unchanged) at->second.since = now;
  at->second.parts_since = parts_since(object, replaced ? Json() : known, at->second.parts_since, now);
  index(*at, change);
  return change;
}

void Store::remember_gone(const Key& key, std::string uid, Steady now) {
  gone_.push_back({.key = key, .uid = std::move(uid), .since = now});
  if (gone_.size() <= kGoneRemembered) return;
  if (remembers_since_) remembers_since_ = std::max(*remembers_since_, gone_.front().since);
  gone_.pop_front();
}

Change Store::remove(Entries::iterator at, const Json& known) {
  Change change{.key = at->first, .before = terms_of(known), .after = {}};
  index(*at, change);
  forget_unpacked(at->second);
  objects_.erase(at);
  return change;
}

void Store::tell(const Change& change) const {
  if (on_change_) on_change_(change);
}

bool Store::put(Json object, Steady now) {
  if (form_.trim) form_.trim(object);
  const Key key = key_of(object);
  Change change;
  {
    const std::lock_guard lock(mutex_);
    // Another object may have its name by now.
    const std::string uid = metadata_text(object, "uid");
    if (!uid.empty() && std::ranges::find(gone_, uid, &Gone::uid) != gone_.end()) return false;
    const auto found = objects_.find(key);
    auto known = std::make_shared<const Json>();
    if (found != objects_.end()) {
      known = unpacked(found->second);
      if (is_same_version(object, *known) || is_older_version(object, *known)) return false;
    }
    change = set(key, pack(object), object, *known, now);
    keep_unpacked(objects_.at(key), std::make_shared<const Json>(std::move(object)));
  }
  tell(change);
  return true;
}

bool Store::erase(const Key& key, Steady now) {
  Change change;
  {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) return false;
    const auto known = unpacked(found->second);
    remember_gone(key, metadata_text(*known, "uid"), now);
    change = remove(found, *known);
  }
  tell(change);
  return true;
}

std::vector<Key> Store::replace(std::vector<Json> objects, Steady now) {
  auto all = listed();
  for (Json& object : objects) all.add(std::move(object));
  return replace(std::move(all), now);
}

std::vector<Key> Store::replace(Listed objects, Steady now) {
  std::vector<Change> changes;
  {
    const std::lock_guard lock(mutex_);
    std::set<Key> listed;
    for (auto& [key, packed] : objects.objects_) {
      listed.insert(key);
      const auto object = Json::from_msgpack(packed);
      const auto found = objects_.find(key);
      const auto known = found == objects_.end() ? Json() : Json::from_msgpack(found->second.packed);
      if (!known.is_null() && is_same_version(object, known)) continue;
      changes.push_back(set(key, std::move(packed), object, known, now));
      // A list does not tell what was away since the last one.
      std::ranges::fill(objects_.at(key).parts_since, now);
    }
    for (auto at = objects_.begin(); at != objects_.end();) {
      const auto next = std::next(at);
      if (!listed.contains(at->first)) {
        remember_gone(at->first, {}, now);
        changes.push_back(remove(at, Json::from_msgpack(at->second.packed)));
      }
      at = next;
    }
    if (!remembers_since_) remembers_since_ = now;
  }
  std::vector<Key> keys;
  keys.reserve(changes.size());
  for (const auto& change : changes) {
    keys.push_back(change.key);
    tell(change);
  }
  return keys;
}

Stores::Stores(const std::vector<KeptKind>& kinds)
    : kept_(kinds.begin(), kinds.end()),
      canaries(*of(kCanaries)),
      metric_templates(*of(kMetricTemplates)),
      deployments(*of(kDeployments)),
      services(*of(kServices)),
      endpoint_slices(*of(kEndpointSlices)) {}

const Store* Stores::of(const Resource& resource) const {
  const auto found =
      std::ranges::find_if(kept_, [&](const Kept& kept) { return kept.kind.resource == resource; });
  return found == kept_.end() ? nullptr : &found->store;
}

Store* Stores::of(const Resource& resource) { return const_cast<Store*>(std::as_const(*this).of(resource)); }

void Stores::on_change(const std::function<void(const Resource&, const Change&)>& listener) {
  for (auto& [kind, store] : kept_) {
    store.on_change(
        [listener, &resource = kind.resource](const Change& change) { listener(resource, change); });
  }
}

}  // namespace weir::kube
