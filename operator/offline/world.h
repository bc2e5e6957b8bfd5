// A cluster in memory in which everything goes well, made from the objects of a plan's input.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/store.h"
#include "operator/offline/memory_api.h"
#include "operator/offline/yaml.h"

namespace weir::offline {

// Deployments are rolled out and all their pods ready the moment they are written; EndpointSlices follow
// Services and Deployments. Time stands still until `clock` is moved. One thread.
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
  void settle();
  void settle_deployments();
  void settle_endpoints();

  std::vector<offline::Write> writes_;
};

// The object without status and without what a server adds: as a user would write it down.
[[nodiscard]] Json as_written(Json object);

// The kind of an object among those that the operator reads, whatever the version of its group; null: none of
// them.
[[nodiscard]] const kube::Resource* resource_of(const Json& object);

}  // namespace weir::offline
