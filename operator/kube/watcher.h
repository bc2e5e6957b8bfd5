// Keeps a Store in step with the API server: lists once, then watches.
//
// A kind that is optional and that the server does not have (its CRD is not installed) has no objects: its
// store is synced and empty. The server is asked again, after half a minute at the latest, whether it has the
// kind by now, and in which version. Should the kind go, or the version, the same begins anew.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "operator/kube/client.h"
#include "operator/kube/kinds.h"
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
  // Client, clock and store are the caller's and must outlive the watcher; so must the strings of `kind`.
  Watcher(Client& client, const base::Clock& clock, const Kind& kind, Store& store, WatcherOptions options);

  void start();
  // Ends the watch under way and waits for its thread.
  void stop();

  struct State {
    bool synced = false;     // a whole list has been received, or the server is known not to have the kind
    std::string last_error;  // of the last try; empty: it went well
  };
  [[nodiscard]] State state() const;

  // One list, one look whether there is anything to list, or one watch until it ends; answers how long to
  // wait before the next. What the thread repeats.
  [[nodiscard]] std::chrono::milliseconds step(const std::stop_token& stop);

 private:
  [[nodiscard]] std::chrono::milliseconds list(const std::stop_token& stop);
  [[nodiscard]] std::chrono::milliseconds watch(const std::stop_token& stop);
  // Asks whether the server has the optional kind at all.
  [[nodiscard]] std::chrono::milliseconds discover(const std::stop_token& stop);
  void take(WatchEvent event);
  void note(const std::string& error);
  // How long to wait after one more failure in a row; as long as the server asks at least.
  [[nodiscard]] std::chrono::milliseconds failed(std::optional<std::chrono::seconds> asked = std::nullopt);

  Client& client_;
  const base::Clock& clock_;
  const Kind kind_;
  Store& store_;
  WatcherOptions options_;
  std::string version_;       // to watch from; empty: list first
  bool absent_ = false;       // the server does not have the kind
  bool said_absent_ = false;  // it has said so once, of a kind of which there were objects
  int failures_ = 0;          // in a row
  mutable std::mutex mutex_;
  std::string last_error_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace weir::kube
