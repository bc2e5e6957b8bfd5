// The API server as a value in memory: plans and tests run the operator against it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/kube/api.h"
#include "operator/kube/clock.h"
#include "operator/kube/store.h"

namespace weir::kube {

enum class Verb { Create, Update, UpdateStatus, Remove };
[[nodiscard]] std::string_view to_string(Verb verb);

// One write that came through Api and changed something.
struct Write {
  Verb verb = Verb::Update;
  Resource resource;
  Json before;  // null when the object was made
  Json after;   // null when the object is gone
};

// Behaves as a real server does where the operator can tell: uid, resourceVersion and generation, optimistic
// concurrency, the status subresource, label selectors, finalizers, collection of dependents by
// ownerReferences, managedFields of the last writers (no deeper than "f:spec"). Checks no schema and no
// permission. Thread-safe. The strings of each Resource it is called with must outlive it; those of
// resource.h do.
class MemoryApi final : public Api {
 public:
  // Owned by the caller, as is `mirror`, which, if given, is marked as synced and follows every change.
  explicit MemoryApi(const Clock& clock, Stores* mirror = nullptr);

  // Called after each write through Api, outside of any lock: it may call back. Set it before the first
  // write.
  void on_write(std::function<void(const Write&)> callback);

  // What others do to the cluster; `on_write` does not hear of it.
  //
  // Makes or overwrites the whole object, status included, whatever its resourceVersion says; fields of the
  // server that are absent are filled in. `manager` signs for it in managedFields. Returns the object as it
  // is now kept.
  Json put(const Resource& resource, Json object, std::string_view manager = "kubectl");
  // Deletes as `kubectl delete` does: finalizers keep the object, with a deletionTimestamp. Says whether
  // there was one.
  bool erase(const Resource& resource, const Key& key);

  [[nodiscard]] Result<Json> get(const Resource& resource, const Key& key) override;
  [[nodiscard]] Result<std::vector<Json>> list(const Resource& resource, std::string_view name_space,
                                               std::string_view label_selector) override;
  [[nodiscard]] Result<Json> create(const Resource& resource, const Json& object) override;
  [[nodiscard]] Result<Json> update(const Resource& resource, const Json& before, const Json& after) override;
  [[nodiscard]] Result<Json> update_status(const Resource& resource, const Json& before,
                                           const Json& after) override;
  [[nodiscard]] Result<void> remove(const Resource& resource, const Json& object) override;

 private:
  using Id = std::pair<std::string, Key>;  // "apps/v1/deployments" and the object's key
  struct Entry {
    Resource resource;
    Json object;
  };

  [[nodiscard]] Result<Json> patch(Verb verb, const Resource& resource, const Json& before,
                                   const Json& patch);
  [[nodiscard]] Result<Json> apply(Verb verb, const Resource& resource, const Json& before,
                                   const Json& patch);
  // The rest is called with the lock held.
  Json keep(const Resource& resource, Json object, const Json& before, std::string_view manager);
  void publish(const Resource& resource, const Json& object);
  void complete(const Resource& resource, Json& object, const Json& before);
  void sign(const Resource& resource, Json& object, const Json& before, std::string_view manager) const;
  void start_removal(const Id& id);
  void drop(const Id& id);
  void collect_dependents(const std::string& owner_uid, const std::string& name_space);

  const Clock& clock_;
  Stores* mirror_;
  std::function<void(const Write&)> on_write_;
  std::mutex mutex_;
  std::map<Id, Entry> objects_;
  std::uint64_t last_version_ = 0;
  std::uint64_t last_uid_ = 0;
};

}  // namespace weir::kube
