// Sharding: several operators share the releases, and no two ever believe to have the same one.
//
// Releases are divided into shards (rendezvous.h). Each process is a member while its own Lease, which it
// renews, exists. A shard has a Lease too, that is written only when the shard changes hands: it counts while
// its holder is a member. A member whose Lease has not changed for its duration is removed by whoever sees it
// first, on condition that it has not changed: so a member that can still renew has lost nothing.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/api.h"
#include "operator/kube/store.h"
#include "operator/lead/lease.h"
#include "operator/lead/rendezvous.h"

namespace weir::lead {

using kube::Store;

// Labels of the Leases, with the name of the installation and the shard's number as values.
inline constexpr const char* kMemberLabel = "weir.dev/member";
inline constexpr const char* kShardLabel = "weir.dev/shard";

// `step` and `release` are for one thread, the rest is thread-safe.
class Sharding {
 public:
  // A shard came to this process or left it. For one that left, nothing is written any more.
  struct Change {
    int shard = 0;
    bool held = false;
    std::int64_t term = 0;
    const char* why = "";
  };

  // `api`, `clock` and `leases` are the caller's. For the API the rules of Election hold. `leases` follows
  // the Leases of the namespace of `options.lease`, whose name begins those of all Leases here; that Lease
  // itself is a single leader's, and while one holds it no shard is worked on. `on_changes` is called at the
  // end of a step, if there were any, with all of them in order: each is true before it is told.
  Sharding(Api& api, const base::Clock& clock, Store& leases, LeaseOptions options,
           std::function<void(const std::vector<Change>&)> on_changes);

  // Renews, removes members that are gone, gives up shards that others should have and takes those that this
  // process should have. Answers how long to wait before the next step.
  [[nodiscard]] std::chrono::milliseconds step();
  // Gives all shards up at once, by ceasing to be a member. Rounds must have ended.
  void release();

  // As what this process leads the releases of a Service; empty: it does not. Asked before each write. The
  // term rises each time the shard changes hands.
  [[nodiscard]] std::optional<Lead> leads(const Key& service) const;
  // To be kept for as long as a round of a release of this Service lasts: the shard is not given up
  // meanwhile. Null: there is to be no round.
  [[nodiscard]] std::shared_ptr<void> begin_round(const Key& service);

  struct Count {
    int held = 0;     // worked on
    int leaving = 0;  // another's, as soon as the rounds under way have ended
  };
  [[nodiscard]] Count count() const;

  // A Lease has changed in the store.
  void changed(const Key& lease);
  // Waits until there is reason for a step; false once `stop` is requested.
  [[nodiscard]] bool wait(std::chrono::milliseconds longest, const std::stop_token& stop);

 private:
  struct Slot {
    std::optional<std::int64_t> term;  // empty: not held
    bool leaving = false;
    int rounds = 0;
  };

  void bring_to_owners();
  void tell();
  // Renews if that is due, or becomes a member; says whether this process is one, for all it knows.
  [[nodiscard]] bool is_member();
  void join(base::Clock::Steady now);
  void renew(const Json& known, base::Clock::Steady now);
  void renewed(Json lease, base::Clock::Steady asked_at);
  void expelled();
  [[nodiscard]] bool is_led_by_one() const;
  // Identities, this one's among them. Removes members that have expired.
  [[nodiscard]] std::vector<std::string> members();
  // Brings one shard to its owner; false if the API server does not answer.
  [[nodiscard]] bool settle(int shard, const std::vector<std::string>& members);
  [[nodiscard]] bool take(int shard, const Json& before, bool exists);
  [[nodiscard]] bool leave(int shard, const Json& lease);
  [[nodiscard]] bool give_up(const Json& lease);
  void lose(int shard, const char* why);
  void lose_all(const char* why);
  void end_round(int shard);
  void poke();
  [[nodiscard]] std::chrono::milliseconds rest() const;
  [[nodiscard]] Key shard_key(int shard) const;
  [[nodiscard]] std::string member_prefix() const;
  [[nodiscard]] Key member_key(const std::string& identity) const;
  [[nodiscard]] bool is_lapsed() const;  // with the lock held, as is_valid
  [[nodiscard]] bool is_valid() const;

  Api& api_;
  const base::Clock& clock_;
  Store& leases_;
  const LeaseOptions options_;
  const std::function<void(const std::vector<Change>&)> on_changes_;
  std::vector<Change> untold_;
  std::string identity_;  // another one each time that this process becomes a member
  int joined_ = 0;
  std::optional<Json> lease_;  // its own, as last written; empty: it is no member
  base::Clock::Steady next_renewal_;
  mutable std::mutex mutex_;
  std::array<Slot, kShards> slots_;
  std::optional<base::Clock::Steady> renewed_at_;  // when the last renewal was asked for
  std::condition_variable_any poked_;
  bool poke_ = false;
};

// Does the steps on a thread of its own until it is destroyed; then the shards are released.
class ShardingThread {
 public:
  explicit ShardingThread(Sharding& sharding);

 private:
  std::jthread thread_;
};

}  // namespace weir::lead
