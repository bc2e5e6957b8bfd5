// A cluster in memory in which everything goes well, made from the objects of a plan's input.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/store.h"
#include "operator/offline/memory_api.h"
#include "operator/offline/yaml.h"

namespace weir::offline {

// Deployments are rolled out and all their pods ready the moment they are written; EndpointSlices follow them
// and the Services that a Canary names or a release made: nothing looks behind others. What a write costs
// grows with what it changes, and not with what else is there. Time stands still until `clock` is moved. One
// thread.
class World {
 public:
  World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  base::VirtualClock clock;
  kube::Stores stores;
  offline::MemoryApi api;  // changes `stores` with each write

  // Takes the objects as a cluster would that had never seen them: without status and without what a server
  // adds. Kinds that the operator does not read are left out. `name_space` is that of objects that name none.
  // The error names the object that can't be taken.
  [[nodiscard]] std::expected<void, std::string> fill(const std::vector<Document>& documents,
                                                      const std::string& name_space);

  // What the operator wrote since the last call, in order.
  [[nodiscard]] std::vector<offline::Write> take_writes();

 private:
  void note(const offline::Changed& changed);
  void settle();
  void settle_deployment(const kube::Key& key);
  void settle_endpoints(const kube::Key& key);
  [[nodiscard]] Json endpoints_of(const Json& service);

  std::vector<offline::Write> writes_;
  std::map<kube::Key, std::size_t> numbers_;    // of the Deployments that have been there
  std::set<kube::Key> followed_;                // Services that have slices, if they are there
  std::set<kube::Key> unsettled_;               // Deployments that may not be rolled out
  std::set<std::string> unsettled_namespaces_;  // in which slices may be out of date
};

// The object without status and without what a server adds: as a user would write it down.
[[nodiscard]] Json as_written(Json object);

// The kind of an object among those that the operator reads, whatever the version of its group; null: none of
// them.
[[nodiscard]] const kube::Resource* resource_of(const Json& object);

}  // namespace weir::offline
