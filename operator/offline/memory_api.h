// The API server as a value in memory: plans and tests run the operator against it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/api.h"
#include "operator/kube/store.h"
#include "operator/offline/edit.h"

namespace weir::offline {

using kube::Api;
using kube::Key;
using kube::Resource;
using kube::Result;
using kube::Stores;

enum class Verb { Create, Update, UpdateStatus, Remove };
[[nodiscard]] std::string_view to_string(Verb verb);

// One write that came through Api and changed something.
struct Write {
  Verb verb = Verb::Update;
  Resource resource;
  Json before;  // null when the object was made
  Json after;   // null when the object is gone
};

// One change of one object, whoever made it.
struct Changed {
  Resource resource;
  std::shared_ptr<const Json> before;  // null when the object was made
  std::shared_ptr<const Json> after;   // of an object that is gone its last form, with the resourceVersion of
                                       // its deletion
  bool gone = false;
  Subresource subresource = Subresource::None;  // by which it was written
  bool collected = false;                       // by the garbage collector, because an owner went
};

// What becomes of the objects that name the one that is deleted as their owner: they go after it; before it,
// so that it waits for those that block its deletion; or they stay, without the reference.
enum class Propagation { Background, Foreground, Orphan };

// Behaves as a real server does where the operator can tell: uid, resourceVersion and generation, optimistic
// concurrency, the status subresource, label selectors, finalizers, deletion with what becomes of dependents,
// namespaces that are being deleted, managedFields of the last writers (no deeper than "f:spec"). Checks no
// schema and no permission. Thread-safe. The strings of each Resource it is called with must outlive it;
// those of resource.h do.
class MemoryApi final : public Api {
 public:
  // Owned by the caller, as is `mirror`, which, if given, is marked as synced and follows every change.
  explicit MemoryApi(const base::Clock& clock, Stores* mirror = nullptr);

  // Called after each write through Api, outside of any lock: it may call back. Set it before the first
  // write.
  void on_write(std::function<void(const Write&)> callback);

  // Called once after each change, in their order (those of one thread), outside of any lock: it may read,
  // but must not write. Set them before the first write: each is called.
  void on_change(std::function<void(const Changed&)> callback);
  // Called with each object that is about to be kept and what it replaces (null: it is made), to fill in what
  // a server fills in. Under the lock: it must not call back.
  void on_admission(std::function<void(const Resource&, Json& object, const Json& before)> callback);

  // What others do to the cluster; `on_write` does not hear of it.
  //
  // Makes or overwrites the whole object, status included, whatever its resourceVersion says; fields of the
  // server that are absent are filled in. `manager` signs for it in managedFields. Returns the object as it
  // is now kept.
  Json put(const Resource& resource, Json object, std::string_view manager = "kubectl");
  // Deletes as `kubectl delete --cascade=…` does: finalizers keep the object, with a deletionTimestamp. Says
  // whether there was one.
  bool erase(const Resource& resource, const Key& key, Propagation propagation = Propagation::Background);
  // The namespace is being deleted, and nothing can be made in it any more: `create` answers with
  // Code::Terminating, and `put` leaves out what is not there. What is in it is the caller's to erase, in any
  // order.
  void end_namespace(const std::string& name);

  // Requests as a server gets them; `on_write` does not hear of them. Objects are shared, not copied, and
  // never changed in place.
  using Object = std::shared_ptr<const Json>;
  // Null if there is none.
  [[nodiscard]] Object find(const Resource& resource, const Key& key);
  // By namespace and name; of all namespaces if `name_space` is empty.
  [[nodiscard]] Result<std::vector<Object>> select(const Resource& resource, std::string_view name_space,
                                                   std::string_view label_selector);
  [[nodiscard]] Result<Object> create(const Resource& resource, Json object, std::string_view manager);
  // Applies a JSON patch (RFC 6902: an array) or a merge patch (RFC 7386: an object) to the object as it is.
  // What it changes that a write by `subresource` may not touch is ignored. 409 if the result carries another
  // resourceVersion than the object, 422 without a field if the patch does not apply.
  [[nodiscard]] Result<Object> patch(const Resource& resource, const Key& key, const Json& patch,
                                     Subresource subresource, std::string_view manager);
  // What must be true of an object for it to be removed; empty: anything will do.
  struct Preconditions {
    std::string uid;
    std::string resource_version;
  };
  // Returns what is left: the object that its finalizers keep, or null.
  [[nodiscard]] Result<Object> remove(const Resource& resource, const Key& key,
                                      const Preconditions& preconditions,
                                      Propagation propagation = Propagation::Background);
  // resourceVersion of the newest change; 0: none yet.
  [[nodiscard]] std::uint64_t last_version();

  // 403 for a name with a slash, as a server answers whose rights don't name that subresource.
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
    Object object;
  };

  [[nodiscard]] Result<Json> write(Verb verb, const Resource& resource, const Json& before,
                                   const Json& operations);
  // Does `work` with the lock held, then tells of the changes it made.
  template <typename Work>
  auto locked(Work work);
  void tell();
  // The rest is called with the lock held.
  [[nodiscard]] Object current(const Resource& resource, const Key& key) const;
  [[nodiscard]] Result<Object> make(const Resource& resource, Json object, std::string_view manager);
  [[nodiscard]] Result<Object> apply(const Resource& resource, const Key& key, const Json& patch,
                                     Subresource subresource, std::string_view manager);
  // Those below, but for `keep` and what it uses, are in removal.cc.
  [[nodiscard]] Result<Object> take_away(const Resource& resource, const Key& key,
                                         const Preconditions& preconditions, Propagation propagation);
  Object keep(const Resource& resource, Json object, const Object& before, Subresource subresource,
              std::string_view manager);
  void replace(const Id& id, const Entry& before, Json object, Subresource subresource, bool collected);
  void complete(const Resource& resource, Json& object, const Json& before);
  void sign(const Resource& resource, Json& object, const Json& before, std::string_view manager) const;
  void start_removal(const Id& id, Propagation propagation, bool collected);
  void drop(const Id& id, bool collected);
  [[nodiscard]] std::vector<Id> dependents_of(const std::string& uid, const std::string& name_space) const;
  // What names no other owner goes too; the rest loses the reference.
  void collect(const std::vector<Id>& dependents, const std::string& owner_uid, Propagation propagation);
  void disown(const Id& dependent, const std::string& owner_uid);
  // Takes the finalizer of a deletion in the foreground off the object, unless a dependent blocks it.
  void end_foreground(const Id& owner);
  // Those that may have waited for this object to go.
  [[nodiscard]] std::vector<Id> waiting_owners_of(const Json& dependent, const std::string& name_space) const;

  const base::Clock& clock_;
  Stores* mirror_;
  std::function<void(const Write&)> on_write_;
  std::vector<std::function<void(const Changed&)>> on_change_;
  std::function<void(const Resource&, Json&, const Json&)> on_admission_;
  std::mutex mutex_;
  std::map<Id, Entry> objects_;
  std::deque<Changed> untold_;
  std::set<std::string, std::less<>> ending_namespaces_;
  std::uint64_t last_version_ = 0;
  std::uint64_t last_uid_ = 0;
};

}  // namespace weir::offline
