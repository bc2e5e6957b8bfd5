// Replicas that share the releases, each with an API that can fail it, and the time that passes for them.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/object.h"
#include "operator/kube/store.h"
#include "operator/lead/shards.h"
#include "operator/offline/memory_api.h"
#include "test/unit/lead/link.h"

namespace weir::lead {

inline const std::string kSpace = "weir-system";

// One Service of each shard.
inline const std::array<Key, kShards>& services() {
  static const auto kAll = [] {
    std::array<Key, kShards> all;
    std::set<int> seen;
    for (int i = 0; seen.size() < all.size(); ++i) {
      const Key service{"shop", "service-" + std::to_string(i)};
      const int shard = shard_of(service);
      if (seen.insert(shard).second) all.at(static_cast<std::size_t>(shard)) = service;
    }
    return all;
  }();
  return kAll;
}

struct Replica {
  Replica(Api& api, const base::Clock& clock, const std::string& identity,
          const std::string& predecessors = "")
      : link(api),
        sharding(link, clock, leases,
                 {.lease = {kSpace, "weir"},
                  .shards = kShards,
                  .identity = identity,
                  .predecessors = predecessors},
                 [this](const std::vector<Shards::Change>& changes) {
                   for (const auto& change : changes) {
                     if (change.held) terms[change.shard].push_back(change.term);
                   }
                 }),
        next(clock.steady()) {}

  [[nodiscard]] std::vector<int> led() const {
    std::vector<int> all;
    for (int shard = 0; shard < kShards; ++shard) {
      if (sharding.leads(services().at(static_cast<std::size_t>(shard)))) all.push_back(shard);
    }
    return all;
  }

  Link link;
  kube::Store leases;
  std::map<int, std::vector<std::int64_t>> terms;  // that each shard was taken in
  Shards sharding;
  base::Clock::Steady next;
  bool deaf = false;      // its watch brings nothing
  bool standing = false;  // makes no step
  std::deque<offline::Changed> unheard;
};

class ShardingTest : public testing::Test {
 protected:
  ShardingTest() {
    api.on_change([this](const offline::Changed& changed) {
      for (auto& replica : replicas) hear(*replica, changed);
    });
  }

  Replica& start(const std::string& identity, const std::string& predecessors = "") {
    replicas.push_back(std::make_unique<Replica>(api, clock, identity, predecessors));
    auto& replica = *replicas.back();
    replica.leases.replace(all_leases(), clock.steady());
    return replica;
  }

  void hear(Replica& replica, const offline::Changed& changed) {
    if (replica.deaf) return replica.unheard.push_back(changed);
    if (changed.gone) {
      replica.leases.erase(kube::key_of(*changed.before), clock.steady());
      replica.sharding.changed(kube::key_of(*changed.before));
    } else if (replica.leases.put(*changed.after, clock.steady())) {
      replica.sharding.changed(kube::key_of(*changed.after));
    }
  }

  void listen_again(Replica& replica) {
    replica.deaf = false;
    const auto unheard = std::exchange(replica.unheard, {});
    for (const auto& changed : unheard) hear(replica, changed);
  }

  // Time passes in steps of 100 ms, and each replica does its steps when they are due.
  void pass(std::chrono::milliseconds duration) {
    constexpr std::chrono::milliseconds kStep(100);
    for (std::chrono::milliseconds passed{0}; passed < duration; passed += kStep) {
      clock.advance(kStep);
      for (auto& replica : replicas) {
        if (replica->standing || clock.steady() < replica->next) continue;
        replica->next = clock.steady() + replica->sharding.step();
      }
      check();
    }
  }

  // No shard is led by two, and no later leader has a term that an earlier one had.
  void check() {
    for (int shard = 0; shard < kShards; ++shard) {
      const auto& service = services().at(static_cast<std::size_t>(shard));
      std::vector<std::int64_t> leading;
      for (const auto& replica : replicas) {
        if (const auto lead = replica->sharding.leads(service)) leading.push_back(lead->term);
      }
      ASSERT_LE(leading.size(), 1U) << "shard " << shard;
      if (leading.empty()) continue;
      ASSERT_GE(leading.front(), highest[shard]);
      highest[shard] = leading.front();
    }
  }

  [[nodiscard]] std::size_t led_in_all() const {
    std::size_t count = 0;
    for (const auto& replica : replicas) count += replica->led().size();
    return count;
  }
  Json shard_lease(int shard) {
    const std::string number = std::to_string(shard);
    return api
        .get(kube::kLeases, {kSpace, "weir-shard-" + std::string(number.size() < 2 ? "0" : "") + number})
        .value();
  }
  std::vector<Json> all_leases() { return api.list(kube::kLeases, kSpace, "").value(); }
  std::size_t member_leases() {
    return api.list(kube::kLeases, kSpace, "weir.dev/member=weir").value().size();
  }

  base::VirtualClock clock;
  offline::MemoryApi api{clock};
  std::vector<std::unique_ptr<Replica>> replicas;
  std::map<int, std::int64_t> highest;  // term of each shard
};

}  // namespace weir::lead
