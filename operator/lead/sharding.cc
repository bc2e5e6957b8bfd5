#include "operator/lead/sharding.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "operator/base/time.h"
#include "operator/kube/object.h"

namespace weir::lead {
namespace {

using std::chrono::milliseconds;

constexpr const char* kFree = "nobody had it";
constexpr const char* kHolderGone = "its holder is no member any more";

// Somebody else has the object, or has changed it: the store will say so.
bool is_overtaken(kube::Code code) {
  return code == kube::Code::Conflict || code == kube::Code::AlreadyExists || code == kube::Code::NotFound;
}

// Says whether the next request is worth a try.
bool go_on(const kube::Error& error) {
  if (is_overtaken(error.code)) return true;
  spdlog::warn("sharding: {}", error.message);
  return false;
}

Json named(const Key& key) { return {{"metadata", {{"name", key.name}, {"namespace", key.name_space}}}}; }

}  // namespace

Sharding::Sharding(Api& api, const base::Clock& clock, Store& leases, LeaseOptions options,
                   OnChanges on_changes)
    : Shards(clock, kShards, options.renew_deadline, std::move(on_changes)),
      api_(api),
      clock_(clock),
      leases_(leases),
      options_(std::move(options)),
      next_renewal_(clock.steady()) {}

Key Sharding::shard_key(int shard) const {
  return {options_.lease.name_space, fmt::format("{}-shard-{:02}", options_.lease.name, shard)};
}

std::string Sharding::member_prefix() const { return options_.lease.name + "-member-"; }

Key Sharding::member_key(const std::string& identity) const {
  return {options_.lease.name_space, member_prefix() + hash_name(identity)};
}

milliseconds Sharding::step() {
  bring_to_owners();
  tell();
  return rest();
}

void Sharding::bring_to_owners() {
  if (!is_member() || !leases_.synced()) return;
  if (is_led_by_one()) return lose_all("a single leader holds the releases");
  const auto all = members();
  for (int shard = 0; shard < kShards; ++shard) {
    // Each shard may cost a request: none of them may keep the next renewal waiting.
    if (!is_member() || !settle(shard, all)) return;
  }
}

// Until the next renewal, or until a member or a single leader expires if nothing changes.
milliseconds Sharding::rest() const {
  const auto now = clock_.steady();
  auto until = next_renewal_;
  for (const auto& stored : leases_.list(options_.lease.name_space)) {
    if (holder_of(*stored.object).empty()) continue;
    const auto expiry = expiry_of(*stored.object, stored.since, options_.duration);
    if (expiry > now) until = std::min(until, expiry);
  }
  return std::max(std::chrono::ceil<milliseconds>(until - now), milliseconds(0));
}

bool Sharding::is_member() {
  const auto now = clock_.steady();
  if (now >= next_renewal_) {
    next_renewal_ = now + options_.retry_period;
    lease_ ? renew(*lease_, now) : join(now);
  }
  lose_if_lapsed();
  return valid();
}

// A new member is another one, even in the same process: what the last one held is free.
void Sharding::join(base::Clock::Steady now) {
  identity_ = options_.identity + (joined_ == 0 ? "" : "-" + std::to_string(joined_));
  ++joined_;
  Json lease = named(member_key(identity_));
  lease["metadata"]["labels"][kMemberLabel] = options_.lease.name;
  const std::string wall = base::format_micros(clock_.wall());
  lease["spec"] = {{"holderIdentity", identity_},
                   {"leaseDurationSeconds", options_.duration.count()},
                   {"acquireTime", wall},
                   {"renewTime", wall}};
  auto created = api_.create(kube::kLeases, lease);
  if (!created) return spdlog::warn("sharding: {}", created.error().message);
  spdlog::info("sharding: member {}", identity_);
  written(*std::move(created), now);
}

void Sharding::renew(const Json& known, base::Clock::Steady now) {
  const auto renewal = [this](const Json& lease) {
    Json next = lease;
    next["spec"]["renewTime"] = base::format_micros(clock_.wall());
    return api_.update(kube::kLeases, lease, next);
  };
  auto renewed = renewal(known);
  if (!renewed && renewed.error().code == kube::Code::Conflict) {
    // A renewal of our own whose answer was lost, or somebody's label.
    auto found = api_.get(kube::kLeases, member_key(identity_));
    if (found && holder_of(*found) != identity_) return expelled();
    renewed = found ? renewal(*found) : std::move(found);
  }
  if (renewed) return written(*std::move(renewed), now);
  if (renewed.error().code == kube::Code::NotFound) return expelled();
  spdlog::warn("sharding: {}", renewed.error().message);
}

void Sharding::written(Json lease, base::Clock::Steady asked_at) {
  renewed(asked_at);
  lease_ = lease;
  leases_.put(std::move(lease), clock_.steady());
}

void Sharding::expelled() {
  leases_.erase(member_key(identity_), clock_.steady());
  lease_.reset();
  next_renewal_ = clock_.steady();
  resign("the member's own Lease is gone: others take the shards over");
}

bool Sharding::is_led_by_one() const {
  const auto stored = leases_.get(options_.lease);
  return stored && is_held(*stored->object, stored->since, clock_.steady(), options_.duration);
}

std::vector<std::string> Sharding::members() {
  std::vector<std::string> all{identity_};
  const auto now = clock_.steady();
  for (const auto& stored : leases_.list(options_.lease.name_space)) {
    const Json& lease = *stored.object;
    const std::string holder = holder_of(lease);
    if (!kube::key_of(lease).name.starts_with(member_prefix()) || holder == identity_) continue;
    // Were this process not the last of its pod after all, its successor would be let be.
    const bool ended = joined_ == 1 && is_predecessor(holder, options_.predecessors);
    if (ended || !is_held(lease, stored.since, now, options_.duration)) {
      const auto removed = api_.remove(kube::kLeases, lease);
      if (removed) {
        spdlog::warn("sharding: member {} is gone", holder);
        leases_.erase(kube::key_of(lease), now);
        continue;
      }
      (void)go_on(removed.error());
    }
    all.push_back(holder);
  }
  return all;
}

bool Sharding::settle(int shard, const std::vector<std::string>& members) {
  const auto stored = leases_.get(shard_key(shard));
  const Json lease = stored ? *stored->object : named(shard_key(shard));
  const std::string holder = holder_of(lease);
  const bool ours = owner_of(shard, members) == identity_;
  if (const auto term = term_of(shard)) {
    if (holder == identity_ && lease_number(lease, "leaseTransitions", -1) == *term) {
      return ours && !is_leaving(shard) ? true : leave(shard, lease);
    }
    lose(shard, "its Lease was changed by another");
  }
  if (!ours) return holder == identity_ ? give_up(lease) : true;
  // Whoever holds a shard was a member first, and the store has what came first.
  const bool taken = !holder.empty() && holder != identity_ && leases_.contains(member_key(holder));
  return taken || claim(shard, lease, stored.has_value());
}

bool Sharding::claim(int shard, const Json& before, bool exists) {
  Json claim = before;
  claim["metadata"]["labels"][kShardLabel] = fmt::format("{:02}", shard);
  Json spec = spec_of(before);
  spec["holderIdentity"] = identity_;
  spec["acquireTime"] = base::format_micros(clock_.wall());
  spec["leaseTransitions"] = lease_number(before, "leaseTransitions", -1) + 1;
  claim["spec"] = std::move(spec);
  auto written = exists ? api_.update(kube::kLeases, before, claim) : api_.create(kube::kLeases, claim);
  if (!written) return go_on(written.error());
  const auto term = lease_number(*written, "leaseTransitions", 0);
  leases_.put(*std::move(written), clock_.steady());
  const bool others = !holder_of(before).empty() && holder_of(before) != identity_;
  take(shard, term, others ? kHolderGone : kFree);
  return true;
}

// It is given up by the step after its last round has ended.
bool Sharding::leave(int shard, const Json& lease) {
  if (!end_rounds(shard)) return true;
  lose(shard, "another member is to have it");
  return give_up(lease);
}

bool Sharding::give_up(const Json& lease) {
  Json free = lease;
  free["spec"]["holderIdentity"] = "";
  auto written = api_.update(kube::kLeases, lease, free);
  if (!written) return go_on(written.error());
  leases_.put(*std::move(written), clock_.steady());
  return true;
}

void Sharding::release() {
  resign("this process ends");
  tell();
  if (!lease_) return;
  const auto removed = api_.remove(kube::kLeases, *lease_);
  if (!removed) spdlog::warn("sharding: the shards were not released: {}", removed.error().message);
  lease_.reset();
}

// Of members only the end: they renew all the time, and the next step sees a new one soon enough.
void Sharding::changed(const Key& lease) {
  if (!lease.name.starts_with(member_prefix()) || !leases_.contains(lease)) poke();
}

}  // namespace weir::lead
