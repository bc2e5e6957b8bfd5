// Keeps a Store in step with the API server: lists once, then watches.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "operator/kube/client.h"
#include "operator/kube/store.h"

namespace weir::kube {

struct WatcherOptions {
  std::string name_space;  // empty: all of them
  // Uniform in [0, 1): spreads the retries of many watchers.
  std::function<double()> random;
};

// One kind of objects. The thread of `start` does the work; the rest is thread-safe.
class Watcher {
 public:
  // All but the options are the caller's and must outlive the watcher; so must the strings of `resource`.
  Watcher(Client& client, const base::Clock& clock, const Resource& resource, Store& store,
          WatcherOptions options);

  void start();
  // Ends the watch under way and waits for its thread.
  void stop();

  struct State {
    bool synced = false;  // a whole list has been received
    std::string
        last_error;  // of the last try; empty: it went well. A kind that is not installed says so here
  };
  [[nodiscard]] State state() const;

  // One list, or one watch until it ends; answers how long to wait before the next. What the thread repeats.
  [[nodiscard]] std::chrono::milliseconds step(const std::stop_token& stop);

 private:
  [[nodiscard]] std::chrono::milliseconds list(const std::stop_token& stop);
  [[nodiscard]] std::chrono::milliseconds watch(const std::stop_token& stop);
  void take(WatchEvent event);
  void note(const std::string& error);
  // How long to wait after one more failure in a row; as long as the server asks at least.
  [[nodiscard]] std::chrono::milliseconds failed(std::optional<std::chrono::seconds> asked = std::nullopt);

  Client& client_;
  const base::Clock& clock_;
  const Resource resource_;
  Store& store_;
  WatcherOptions options_;
  std::string version_;  // to watch from; empty: list first
  int failures_ = 0;     // in a row
  mutable std::mutex mutex_;
  std::string last_error_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace weir::kube
