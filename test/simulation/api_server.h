// A model of the API server: what MemoryApi keeps, spoken to over HTTP, with a history that can be watched.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operator/http/transport.h"
#include "operator/kube/memory_api.h"
#include "test/simulation/executor.h"

namespace weir::simulation {

using kube::Json;

// Who makes a request: 0 is anybody but the operator (controllers, people); the operator's processes count
// from 1.
using Writer = int;

// One change of one object, told when it has happened.
struct Change {
  Millis at{0};
  Writer writer = 0;
  kube::Resource resource;
  bool status = false;  // through the status subresource
  Json before;          // null when the object was made
  Json after;           // null when the object is gone
};

// Behaves as kube-apiserver does where the operator can tell: paths, optimistic concurrency, JSON patches,
// status subresource, defaults of our CRDs, pages of lists, Status objects as errors, watches that begin at a
// resourceVersion, bookmarks, 410 once the history before a version is compacted.
class ApiServer {
 public:
  // Borrows both. The CRDs of `manifests/crds` give the defaults.
  ApiServer(const Executor& executor, const kube::Clock& clock);

  // What controllers and people do: put, erase, get, list. Defaults are applied by `put` below, not here.
  [[nodiscard]] kube::MemoryApi& objects() { return objects_; }
  // `kubectl apply` of a whole object: defaults are filled in. Status is kept as it is unless given.
  Json put(const kube::Resource& resource, Json object, std::string_view manager = "kubectl");
  bool erase(const kube::Resource& resource, const kube::Key& key) { return objects_.erase(resource, key); }
  // Null if there is none.
  [[nodiscard]] Json find(const kube::Resource& resource, const kube::Key& key);

  // Answers one request (no watch) at this instant, on behalf of `writer`.
  [[nodiscard]] http::Response serve(const http::Request& request, Writer writer);

  struct Watched {
    int status = 200;
    std::string body;  // of an answer other than 200
    std::vector<std::string>
        lines;                  // events in their order, each a JSON document; an ERROR event is the last
    std::uint64_t version = 0;  // of the last event, or as asked for when there is none
  };
  // The events after the resourceVersion that the watch `request` names, of changes that are at least `delay`
  // old; a bookmark of that state instead if there is none. A version that is compacted is answered by an
  // ERROR event with code 410.
  [[nodiscard]] Watched watch(const http::Request& request, Millis delay);
  // The version of the newest change of a kind that is at least `delay` old; 0: none.
  [[nodiscard]] std::uint64_t newest(const kube::Resource& resource, Millis delay) const;

  // Forgets the history: every watch that has not seen all of it gets a 410.
  void compact();

  // Each is called after every change, in the order in which they were given.
  void on_change(std::function<void(const Change&)> callback);

 private:
  struct Past {
    Millis at{0};
    std::uint64_t version = 0;
    std::string type;  // ADDED, MODIFIED, DELETED
    Json object;
  };

  const Executor& executor_;
  kube::MemoryApi objects_;
  std::map<std::string, std::deque<Past>> history_;  // by "apps/v1/deployments"
  std::uint64_t compacted_ = 0;                      // versions up to this one are forgotten
  std::map<std::string, Json> schemas_;              // OpenAPI schemas of our CRDs, by kind
  std::vector<std::function<void(const Change&)>> observers_;
};

}  // namespace weir::simulation
