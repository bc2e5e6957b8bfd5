// What a watch has brought: the newest known form of every object of one kind.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/kube/api.h"

namespace weir::kube {

struct Stored {
  std::shared_ptr<const Json> object;  // never null
  // Since when this process knows the object's spec to be as it is (monotonic): a lower bound of its age that
  // neither a restart nor a jump of the wall clock makes too large.
  std::chrono::steady_clock::time_point since;
};

// Thread-safe. Objects are shared, never changed in place.
class Store {
 public:
  using Steady = std::chrono::steady_clock::time_point;

  [[nodiscard]] std::optional<Stored> get(const Key& key) const;
  // All of one namespace, by name; of all namespaces if `name_space` is empty.
  [[nodiscard]] std::vector<Stored> list(std::string_view name_space) const;
  // True once a whole list has been received: before that an absent object may still exist.
  [[nodiscard]] bool synced() const;

  // Takes the object unless a newer one is known or it was erased already; says whether anything changed.
  // Used by the watch, and after a write of our own with the server's answer, so that the next reading sees
  // it.
  bool put(Json object, Steady now);
  bool erase(const Key& key);
  // Replaces everything by the answer of a list, older versions too: after a restore of the server's database
  // they are what is. Returns the keys of all that changed, came or went.
  std::vector<Key> replace(std::vector<Json> objects, Steady now);

 private:
  // The object as it is kept: `since` goes on if `known` asked for the same.
  static Stored stored(Json object, const Stored* known, Steady now);

  mutable std::mutex mutex_;
  std::map<Key, Stored> objects_;
  std::deque<std::string> erased_;  // uids of the last objects erased: a late answer must not bring one back
  bool synced_ = false;
};

// The stores that the reconciler reads.
struct Stores {
  Store canaries;
  Store metric_templates;
  Store deployments;
  Store services;
  Store endpoint_slices;
  Store virtual_services;
  Store destination_rules;

  // The store of a kind; null for kinds that are not watched.
  [[nodiscard]] Store* of(const Resource& resource);
};

}  // namespace weir::kube
