// How shards come to a process and leave it: of several operators no two ever believe to have the same one.
//
// A process renews one Lease, and what it holds counts for as long as that is renewed in time. How many
// shards there are says which:
//  - One shard: its own. Whoever has it leads, and the others wait until it has not changed for its duration.
//    `kubectl get lease` shows the leader, as with client-go.
//  - Several (kShards): that of the process as a member. The members divide the shards (rendezvous.h). Each
//    shard has a Lease too, that is written only when the shard changes hands: it counts while its holder is
//    a member. A member whose Lease has not changed for its duration is removed by whoever sees it first, on
//    condition that it has not changed: so a member that can still renew has lost nothing.
// No wall clock is believed: durations count from when this process saw a Lease change.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/api.h"
#include "operator/kube/store.h"
#include "operator/lead/holdings.h"
#include "operator/lead/lease.h"
#include "operator/lead/rendezvous.h"

namespace weir::lead {

using kube::Api;
using kube::Store;

// Labels of the Leases, with the name of the installation and the shard's number as values.
inline constexpr const char* kMemberLabel = "weir.dev/member";
inline constexpr const char* kShardLabel = "weir.dev/shard";

// `step` and `release` are for one thread, the rest is thread-safe.
class Shards final : public Holdings {
 public:
  // Without Leases, since there is no other process: the one shard is held from the first step on. `clock` is
  // the caller's.
  Shards(const base::Clock& clock, OnChanges on_changes);
  // `api`, `clock` and `leases` are the caller's. A request must fail well before the renew deadline (5 s),
  // and must not queue behind others: give the shards a client of their own.
  //
  // With several shards `leases` follows the Leases of the namespace of `options.lease`; that Lease itself is
  // a single leader's, and while one holds it no shard is worked on. With one shard nothing else fills it.
  Shards(Api& api, const base::Clock& clock, Store& leases, LeaseOptions options, OnChanges on_changes);

  // Renews, removes members that are gone, gives up shards that others should have and takes those that this
  // process should have. Answers how long to wait before the next step.
  [[nodiscard]] std::chrono::milliseconds step();
  // Gives all shards up, so that others need not wait for the end of a lease. Rounds must have ended.
  void release();

  // A Lease has changed in the store that a watch fills.
  void changed(const Key& lease);

 private:
  void bring_to_owners();
  [[nodiscard]] bool has_one_shard() const { return options_.shards == 1; }
  // Renews if that is due, or becomes a member; says whether this process is one, for all it knows. With one
  // shard, its holder is the only member.
  [[nodiscard]] bool is_member();
  // Reads the one shard's Lease; false if the API server does not answer.
  [[nodiscard]] bool look();
  void join(base::Clock::Steady now);
  [[nodiscard]] bool is_held_by_another(const kube::Stored& own, base::Clock::Steady now) const;
  void renew(const Json& known, base::Clock::Steady now);
  [[nodiscard]] kube::Result<void> give_back(const Json& lease);
  void written(Json lease, base::Clock::Steady asked_at);
  void expelled(const char* why);
  // Whether a holder that ran in this pod before may be taken to have ended: not once this process has lost a
  // membership, since it was not the last of its pod then.
  [[nodiscard]] bool has_ended(const std::string& holder) const;
  [[nodiscard]] bool is_led_by_one() const;
  // Identities, this one's among them. Removes members that have expired.
  [[nodiscard]] std::vector<std::string> members();
  // Brings one shard to its owner; false if the API server does not answer.
  [[nodiscard]] bool settle(int shard, const std::vector<std::string>& members);
  [[nodiscard]] bool claim(int shard, const Json& before, bool exists);
  [[nodiscard]] bool leave(int shard, const Json& lease);
  [[nodiscard]] bool give_up(const Json& lease);
  // Takes in what a write has answered.
  void know(Json lease);
  [[nodiscard]] std::chrono::milliseconds until_next_step() const;
  [[nodiscard]] Key shard_key(int shard) const;
  [[nodiscard]] std::string member_prefix() const;
  [[nodiscard]] Key member_key(const std::string& identity) const;
  // Of the Lease that is renewed.
  [[nodiscard]] Key own_key() const;

  Api* const api_;  // null, and so is leases_: there is no other process
  const base::Clock& clock_;
  Store* const leases_;
  const LeaseOptions options_;
  std::string identity_;  // with several shards another one each time that this process becomes a member
  int tried_ = 0;         // to become one
  int joined_ = 0;
  std::optional<Json> lease_;  // that it renews, as last written; empty: it is no member
  base::Clock::Steady next_renewal_;
};

// Does the steps on a thread of its own until it is destroyed; then the shards are released.
class ShardsThread {
 public:
  explicit ShardsThread(Shards& shards);

 private:
  std::jthread thread_;
};

}  // namespace weir::lead
