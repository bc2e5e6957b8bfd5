// A model of the API server: what MemoryApi keeps, spoken to over HTTP, with a history that can be watched.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "operator/http/transport.h"
#include "operator/offline/memory_api.h"
#include "test/simulation/api_request.h"
#include "test/simulation/definitions.h"
#include "test/simulation/executor.h"

namespace weir::simulation {

using kube::Json;

// Who makes a request: 0 is anybody but the operator (controllers, people); the operator's processes count
// from 1.
using Writer = int;

// One change of one object, told when it has happened.
// When a request was sent.
struct Sent {
  std::int64_t term = 0;  // in which its writer led the release then; below 0: it did not
  Millis at{0};
};

struct Change {
  Millis at{0};
  Writer writer = 0;
  Sent sent;  // the request that made it
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
  ApiServer(const Executor& executor, const base::Clock& clock);

  // What controllers and people do: put, erase, get, list. What is kept has the server's defaults.
  [[nodiscard]] offline::MemoryApi& objects() { return objects_; }
  // Which optional kinds there are: requests about others find nothing. Objects are the caller's to put and
  // to take away.
  [[nodiscard]] Definitions& definitions() { return definitions_; }
  // `kubectl apply` of a whole object. Status is kept as it is unless given.
  Json put(const kube::Resource& resource, Json object, std::string_view manager = "kubectl");
  bool erase(const kube::Resource& resource, const kube::Key& key,
             offline::Propagation propagation = offline::Propagation::Background) {
    return objects_.erase(resource, key, propagation);
  }
  // Null if there is none.
  [[nodiscard]] Json find(const kube::Resource& resource, const kube::Key& key);

  // Answers one request (no watch) at this instant, on behalf of `writer`.
  [[nodiscard]] http::Response serve(const http::Request& request, Writer writer, Sent sent = {});

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

  // Each is called after every change, in the order in which they were given. It may read; what it wants to
  // write is a task of its own for the executor.
  void on_change(std::function<void(const Change&)> callback);

 private:
  struct Past {
    Millis at{0};
    std::uint64_t version = 0;
    std::string_view type;  // ADDED, MODIFIED, DELETED
    offline::MemoryApi::Object object;
    std::string line;  // the event as it is sent; made when it is first asked for
  };
  struct History {
    std::deque<Past> events;      // by version, at most kKept
    std::uint64_t compacted = 0;  // a watch from below this one is answered by 410
    std::uint64_t forgotten = 0;  // of the newest event that is no longer there
  };
  static constexpr std::size_t kKept = 2'000;  // events of one kind

  void take(const offline::Changed& changed);
  [[nodiscard]] http::Response answer(const http::Request& request);
  [[nodiscard]] http::Response list(const ApiRequest& request);
  [[nodiscard]] http::Response create(const ApiRequest& request, const http::Request& raw);
  [[nodiscard]] http::Response patch(const ApiRequest& request, const http::Request& raw);
  [[nodiscard]] std::string refusal_of_patch(const ApiRequest& request, const Json& change);
  [[nodiscard]] http::Response remove(const ApiRequest& request, const http::Request& raw);
  // The version of all kinds as it was `delay` ago.
  [[nodiscard]] std::uint64_t version_before(Millis delay) const;

  const Executor& executor_;
  offline::MemoryApi objects_;
  Definitions definitions_;
  Writer writer_ = 0;                              // of the request that is being answered
  Sent sent_;                                      // that request
  std::map<std::string_view, History> histories_;  // by the resource's plural, all known kinds
  std::vector<std::function<void(const Change&)>> observers_;
};

}  // namespace weir::simulation
