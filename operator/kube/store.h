// What a watch has brought: the newest known form of every object of one kind.
#pragma once

#include <chrono>
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

#include "operator/kube/api.h"
#include "operator/kube/kinds.h"

namespace weir::kube {

struct Stored {
  std::shared_ptr<const Json> object;  // never null; shared by all who read it
  // Since when this process knows the object's spec to be as it is (monotonic): a lower bound of its age that
  // neither a restart nor a jump of the wall clock makes too large.
  std::chrono::steady_clock::time_point since;
  // The same of each of its parts (Form::parts), in their order: since when it has been there without a
  // break.
  std::vector<std::chrono::steady_clock::time_point> parts_since;
};

// An object came, changed or went.
struct Change {
  Key key;
  // By what it was found and is found now (Form::terms); empty: it was not there, or is gone.
  std::vector<std::string> before;
  std::vector<std::string> after;
};

// How a store keeps the objects of its kind. Each may be left empty: whole, without an index, without parts.
struct Form {
  // Takes what nobody reads out of an object. Nothing that an edit is made from: a patch is the difference
  // of two trimmed objects. Leaves what it has trimmed already as it is.
  std::function<void(Json&)> trim;
  // By what a trimmed object is found.
  std::function<std::vector<std::string>(const Json&)> terms;
  // Names of what a trimmed object lists and whose ages are kept one by one, each name once.
  std::function<std::vector<std::string>(const Json&)> parts;
};

// Thread-safe. Objects are kept trimmed and packed: a cluster has many, of which few are read at a time.
// Those few are read again and again, and stay unpacked for a while.
class Store {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  using Packed = std::vector<std::uint8_t>;

  explicit Store(Form form = {}) : form_(std::move(form)) {}

  // The objects of a list on their way into a store, each as it will be kept.
  class Listed {
   public:
    void add(Json object);

   private:
    friend class Store;
    explicit Listed(const Form& form) : form_(form) {}
    const Form& form_;
    std::vector<std::pair<Key, Packed>> objects_;
  };

  // To be set before the first object. Called after each change by the thread that made it.
  void on_change(std::function<void(const Change&)> listener) { on_change_ = std::move(listener); }

  [[nodiscard]] std::optional<Stored> get(const Key& key) const;
  [[nodiscard]] bool contains(const Key& key) const;
  // All of one namespace, by name; of all namespaces if `name_space` is empty.
  [[nodiscard]] std::vector<Stored> list(std::string_view name_space) const;
  [[nodiscard]] std::vector<Key> keys(std::string_view name_space) const;
  // Those that the term finds, by key. Terms are compared by their hash: the caller looks whether an object
  // is what it means.
  [[nodiscard]] std::vector<Key> keys_with(std::string_view term) const;
  [[nodiscard]] std::vector<Stored> list_with(std::string_view term) const;
  [[nodiscard]] bool has(const Key& key, std::string_view term) const;
  [[nodiscard]] std::size_t size() const;
  // True once a whole list has been received: before that an absent object may still exist.
  [[nodiscard]] bool synced() const;
  // Since when this process knows that no object has this name. Where it does not remember when one went,
  // that is before the last of those that it has forgotten, or the first list. Empty: there is one, or nobody
  // knows.
  [[nodiscard]] std::optional<Steady> absent_since(const Key& key) const;

  // Takes the object unless a newer one is known or it was erased already; says whether anything changed.
  // Used by the watch, and after a write of our own with the server's answer, so that the next reading sees
  // it.
  bool put(Json object, Steady now);
  bool erase(const Key& key, Steady now);
  // Replaces everything by the answer of a list, older versions too: after a restore of the server's database
  // they are what is. Returns the keys of all that changed, came or went.
  [[nodiscard]] Listed listed() const { return Listed(form_); }
  std::vector<Key> replace(Listed objects, Steady now);
  std::vector<Key> replace(std::vector<Json> objects, Steady now);

 private:
  struct Entry {
    Packed packed;
    Steady since;
    std::vector<Steady> parts_since;
  };
  using Entries = std::map<Key, Entry>;

  // What a round reads of one kind, as long as it is small: an unpacked object takes ten times the room.
  static constexpr std::size_t kRecentObjects = 8;
  static constexpr std::size_t kRecentBytes = std::size_t{512} << 10;  // packed
  struct Recent {
    const Entry* entry;
    std::shared_ptr<const Json> object;
  };

  // Hash of a term, and what it finds.
  using Finding = std::pair<std::uint64_t, const Entries::value_type*>;

  [[nodiscard]] std::vector<std::string> terms_of(const Json& object) const;
  // Of the parts of `object`, which was `known` (null: nothing) with parts since `before`.
  [[nodiscard]] std::vector<Steady> parts_since(const Json& object, const Json& known,
                                                const std::vector<Steady>& before, Steady now) const;
  void tell(const Change& change) const;
  // The rest is called with the lock held.
  [[nodiscard]] std::shared_ptr<const Json> unpacked(const Entry& entry) const;
  void keep_unpacked(const Entry& entry, std::shared_ptr<const Json> object) const;
  void forget_unpacked(const Entry& entry) const;
  // Takes in what `object` is, in place of `known` (null: nothing).
  Change set(const Key& key, Packed packed, const Json& object, const Json& known, Steady now);
  Change remove(Entries::iterator at, const Json& known);
  // `uid`: of what must not come back; empty: it may.
  void remember_gone(const Key& key, std::string uid, Steady now);
  void index(const Entries::value_type& entry, const Change& change);

  const Form form_;
  std::function<void(const Change&)> on_change_;
  mutable std::mutex mutex_;
  Entries objects_;
  std::set<Finding> index_;
  mutable std::deque<Recent> recent_;  // newest first
  // The last objects that went, oldest first: a late answer must not bring back one with a uid.
  struct Gone {
    Key key;
    std::string uid;
    Steady since;
  };
  std::deque<Gone> gone_;
  // When the last of those went that are not remembered, or the first list came; empty: none has.
  std::optional<Steady> remembers_since_;
};

// One kind that is watched, and how its store keeps it.
struct KeptKind {
  Kind kind;
  Form form;
};

// A store for each kind that the reconciler reads.
class Stores {
 public:
  // `kinds` has those of the members below.
  explicit Stores(const std::vector<KeptKind>& kinds);
  Stores(const Stores&) = delete;
  Stores& operator=(const Stores&) = delete;

  struct Kept {
    Kept(const KeptKind& row) : kind(row.kind), store(row.form) {}  // NOLINT(google-explicit-constructor)
    Kind kind;
    Store store;
  };
  // Every kind that is watched, with its store, in the order of `kinds`.
  [[nodiscard]] std::deque<Kept>& all() { return kept_; }
  // The store of a kind; null for kinds that are not watched.
  [[nodiscard]] Store* of(const Resource& resource);
  [[nodiscard]] const Store* of(const Resource& resource) const;
  // To be set before the first object, for all of them.
  void on_change(const std::function<void(const Resource&, const Change&)>& listener);

 private:
  std::deque<Kept> kept_;  // first: the rest refers to it

 public:
  Store& canaries;
  Store& metric_templates;
  Store& deployments;
  Store& services;
  Store& endpoint_slices;
};

}  // namespace weir::kube
