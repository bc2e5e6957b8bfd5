// One process of the operator: its own code, driven step by step on a virtual clock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/judge.h"
#include "operator/kube/client.h"
#include "operator/kube/watcher.h"
#include "operator/lead/shards.h"
#include "operator/reconcile/controller.h"
#include "operator/reconcile/kinds.h"
#include "test/simulation/prometheus.h"
#include "test/simulation/random.h"
#include "test/simulation/scenario.h"
#include "test/simulation/wire.h"

namespace weir::simulation {

// What a process works in; all borrowed.
struct Surroundings {
  Executor& executor;
  ApiServer& server;
  const base::Clock& clock;
  Prometheus& prometheus;
  Wire::Treat treat;                             // of requests of releases
  std::function<void(const std::string&)> tell;  // a line of the timeline
  bool tells = false;                            // whether anybody listens
  std::string domain = "cluster.local";          // of the cluster
  std::string service = "checkout";              // of the release
};

// Does what operator/process does with threads: starts the watches, and once the caches are ready works on
// the shards that come to it.
class Process {
 public:
  // Processes of one pod run one after the other.
  Process(const Surroundings& around, Writer id, int pod, Replicas replicas, std::uint64_t seed);

  void start();
  // To be called after each task of the executor: looks whether there is work to take up.
  void pump();
  // An object of this kind has changed: its watch will bring that in a while.
  void tell_of_news(const kube::Resource& resource);
  // Every watch breaks.
  void break_watches();
  // Each by a time of its own, up to `most`.
  void delay_watches(Random& random, Millis most, Millis duration);

  [[nodiscard]] Life& life() { return life_; }
  [[nodiscard]] Wire& wire() { return wire_; }
  [[nodiscard]] Writer id() const { return id_; }
  [[nodiscard]] int pod() const { return pod_; }
  // The release.
  [[nodiscard]] bool leading() const { return lead().has_value(); }

 private:
  struct Watching {
    kube::Resource resource;
    std::unique_ptr<kube::Watcher> watcher;
    std::uint64_t turn = 0;  // of the step that is to come: an earlier one than that is void
    bool stepping = false;
    Millis next{0};
  };

  [[nodiscard]] reconcile::Listener listener();
  void watch(const kube::Kind& kind, kube::Store& store);
  void come_back(Watching& watching, Millis delay);
  void step(Watching& watching);
  [[nodiscard]] std::unique_ptr<lead::Shards> shards_of(Replicas replicas);
  [[nodiscard]] std::optional<lead::Leadership> lead() const;
  void step_shards();
  void come_back_to_shards(Millis delay);
  void shards_changed(const std::vector<lead::Shards::Change>& changes);
  void work();
  void judge();
  [[nodiscard]] bool synced() const;

  Surroundings around_;
  const Writer id_;
  const int pod_;
  Random random_;
  Life life_;
  Wire wire_;
  std::shared_ptr<kube::Token> token_;
  kube::Client client_;
  kube::Client lease_client_;
  kube::Store leases_{reconcile::form_of(kube::kLeases)};  // watched by processes that share
  std::unique_ptr<lead::Shards> shards_;
  const bool watches_leases_;
  kube::Stores stores_{reconcile::kept_kinds()};
  std::unique_ptr<analysis::Judge> judge_;
  outside::Desk desk_;
  reconcile::DeskAnalyst analyst_;
  reconcile::Reconciler reconciler_;
  reconcile::Controller controller_;
  std::vector<std::unique_ptr<Watching>> watches_;
  bool working_ = false;
  bool stepping_shards_ = false;
  std::uint64_t shards_turn_ = 0;  // of the step that is to come: an earlier one than that is void
  bool judging_ = false;
  int at_work_ = 0;
  std::optional<Millis> next_work_;  // when `work` is to run next
};

}  // namespace weir::simulation
