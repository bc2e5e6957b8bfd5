// Sharding: several operators share the releases, and no two ever believe to have the same one.
//
// Releases are divided into shards (rendezvous.h). Each process is a member while its own Lease, which it
// renews, exists. A shard has a Lease too, that is written only when the shard changes hands: it counts while
// its holder is a member. A member whose Lease has not changed for its duration is removed by whoever sees it
// first, on condition that it has not changed: so a member that can still renew has lost nothing.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/api.h"
#include "operator/kube/store.h"
#include "operator/lead/lease.h"
#include "operator/lead/rendezvous.h"
#include "operator/lead/shards.h"

namespace weir::lead {

using kube::Api;
using kube::Store;

// Labels of the Leases, with the name of the installation and the shard's number as values.
inline constexpr const char* kMemberLabel = "weir.dev/member";
inline constexpr const char* kShardLabel = "weir.dev/shard";

class Sharding final : public Shards {
 public:
  // `api`, `clock` and `leases` are the caller's. For the API the rules of Election hold. `leases` follows
  // the Leases of the namespace of `options.lease`, whose name begins those of all Leases here; that Lease
  // itself is a single leader's, and while one holds it no shard is worked on.
  Sharding(Api& api, const base::Clock& clock, Store& leases, LeaseOptions options, OnChanges on_changes);

  // Renews, removes members that are gone, gives up shards that others should have and takes those that this
  // process should have.
  [[nodiscard]] std::chrono::milliseconds step() override;
  // Ceases to be a member: that gives all shards up at once.
  void release() override;

  // A Lease has changed in the store.
  void changed(const Key& lease);

 private:
  void bring_to_owners();
  // Renews if that is due, or becomes a member; says whether this process is one, for all it knows.
  [[nodiscard]] bool is_member();
  void join(base::Clock::Steady now);
  void renew(const Json& known, base::Clock::Steady now);
  void written(Json lease, base::Clock::Steady asked_at);
  void expelled();
  [[nodiscard]] bool is_led_by_one() const;
  // Identities, this one's among them. Removes members that have expired.
  [[nodiscard]] std::vector<std::string> members();
  // Brings one shard to its owner; false if the API server does not answer.
  [[nodiscard]] bool settle(int shard, const std::vector<std::string>& members);
  [[nodiscard]] bool claim(int shard, const Json& before, bool exists);
  [[nodiscard]] bool leave(int shard, const Json& lease);
  [[nodiscard]] bool give_up(const Json& lease);
  [[nodiscard]] std::chrono::milliseconds rest() const;
  [[nodiscard]] Key shard_key(int shard) const;
  [[nodiscard]] std::string member_prefix() const;
  [[nodiscard]] Key member_key(const std::string& identity) const;

  Api& api_;
  const base::Clock& clock_;
  Store& leases_;
  const LeaseOptions options_;
  std::string identity_;  // another one each time that this process becomes a member
  int joined_ = 0;
  std::optional<Json> lease_;  // its own, as last written; empty: it is no member
  base::Clock::Steady next_renewal_;
};

}  // namespace weir::lead
