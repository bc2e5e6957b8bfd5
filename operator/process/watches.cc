#include "operator/process/watches.h"

#include <random>

namespace weir::process {
namespace {

constexpr std::chrono::milliseconds kLookAgain{10};

double uniform() {
  thread_local std::mt19937 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

void Watches::add(const kube::Kind& kind, kube::Store& store, const std::string& name_space) {
  watchers_.push_back(std::make_unique<kube::Watcher>(
      client_, clock_, kind, store, kube::WatcherOptions{.name_space = name_space, .random = uniform}));
}

void Watches::start() {
  for (auto& watcher : watchers_) watcher->start();
}

void Watches::stop() {
  for (auto& watcher : watchers_) watcher->stop();
}

std::optional<std::string> Watches::unready() const {
  for (const auto& watcher : watchers_) {
    const auto state = watcher->state();
    if (!state.synced)
      return "a watch is not synced" + (state.last_error.empty() ? "" : ": " + state.last_error);
  }
  return std::nullopt;
}

bool Watches::wait_until_ready(const std::stop_token& stop) const {
  while (unready()) {
    if (!base::pause(kLookAgain, stop)) return false;
  }
  return !stop.stop_requested();
}

}  // namespace weir::process
