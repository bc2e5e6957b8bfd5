// The watches of a process, each of which keeps one store in step with the API server.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "operator/kube/client.h"
#include "operator/kube/store.h"
#include "operator/kube/watcher.h"

namespace weir::process {

// `add`, `start` and `stop` are for one thread, in this order; the rest is thread-safe once all are added.
class Watches {
 public:
  // Both are the caller's.
  Watches(kube::Client& client, const base::Clock& clock) : client_(client), clock_(clock) {}

  // `store` is the caller's. Of all namespaces if `name_space` is empty.
  void add(const kube::Kind& kind, kube::Store& store, const std::string& name_space);
  void start();
  void stop();

  // Why the caches are not ready; empty: they are.
  [[nodiscard]] std::optional<std::string> unready() const;
  // Waits until every cache is ready; false if asked to stop before.
  [[nodiscard]] bool wait_until_ready(const std::stop_token& stop) const;

 private:
  kube::Client& client_;
  const base::Clock& clock_;
  std::vector<std::unique_ptr<kube::Watcher>> watchers_;
};

}  // namespace weir::process
