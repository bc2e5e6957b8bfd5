#include "operator/lead/sharding.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "operator/base/time.h"
#include "operator/kube/object.h"
#include "operator/lead/lease_record.h"

namespace weir::lead {
namespace {

using std::chrono::milliseconds;

constexpr const char* kFree = "nobody had it";
constexpr const char* kHolderGone = "its holder is no member any more";
constexpr const char* kNotRenewed = "this member's own Lease was not renewed in time";

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
                   std::function<void(const std::vector<Change>&)> on_changes)
    : api_(api),
      clock_(clock),
      leases_(leases),
      options_(std::move(options)),
      on_changes_(std::move(on_changes)),
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

void Sharding::tell() {
  const auto changes = std::exchange(untold_, {});
  if (!changes.empty()) on_changes_(changes);
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
  bool valid = false;
  {
    const std::lock_guard lock(mutex_);
    valid = is_valid();
  }
  if (!valid) lose_all(kNotRenewed);
  return valid;
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
  auto written = api_.create(kube::kLeases, lease);
  if (!written) return spdlog::warn("sharding: {}", written.error().message);
  spdlog::info("sharding: member {}", identity_);
  renewed(*std::move(written), now);
}

void Sharding::renew(const Json& known, base::Clock::Steady now) {
  const auto renewal = [this](const Json& lease) {
    Json renewed = lease;
    renewed["spec"]["renewTime"] = base::format_micros(clock_.wall());
    return api_.update(kube::kLeases, lease, renewed);
  };
  auto written = renewal(known);
  if (!written && written.error().code == kube::Code::Conflict) {
    // A renewal of our own whose answer was lost, or somebody's label.
    auto found = api_.get(kube::kLeases, member_key(identity_));
    if (found && holder_of(*found) != identity_) return expelled();
    written = found ? renewal(*found) : std::move(found);
  }
  if (written) return renewed(*std::move(written), now);
  if (written.error().code == kube::Code::NotFound) return expelled();
  spdlog::warn("sharding: {}", written.error().message);
}

// It counts from when it was asked for: others count from when they see it, which is later. If it came too
// late, rounds may have been refused meanwhile, and the shards are taken anew.
void Sharding::renewed(Json lease, base::Clock::Steady asked_at) {
  bool lapsed = false;
  {
    const std::lock_guard lock(mutex_);
    lapsed = is_lapsed();
  }
  if (lapsed) lose_all(kNotRenewed);
  lease_ = lease;
  leases_.put(std::move(lease), clock_.steady());
  const std::lock_guard lock(mutex_);
  renewed_at_ = asked_at;
}

void Sharding::expelled() {
  leases_.erase(member_key(identity_));
  lease_.reset();
  next_renewal_ = clock_.steady();
  {
    const std::lock_guard lock(mutex_);
    renewed_at_.reset();
  }
  lose_all("the member's own Lease is gone: others take the shards over");
}

bool Sharding::is_lapsed() const {
  return renewed_at_ && clock_.steady() >= *renewed_at_ + options_.renew_deadline;
}

bool Sharding::is_valid() const { return renewed_at_ && !is_lapsed(); }

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
        leases_.erase(kube::key_of(lease));
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
  const auto& slot = slots_.at(static_cast<std::size_t>(shard));  // only this thread writes its term
  if (slot.term) {
    if (holder == identity_ && lease_number(lease, "leaseTransitions", -1) == *slot.term) {
      return ours && !slot.leaving ? true : leave(shard, lease);
    }
    lose(shard, "its Lease was changed by another");
  }
  if (!ours) return holder == identity_ ? give_up(lease) : true;
  // Whoever holds a shard was a member first, and the store has what came first.
  const bool taken = !holder.empty() && holder != identity_ && leases_.contains(member_key(holder));
  return taken || take(shard, lease, stored.has_value());
}

bool Sharding::take(int shard, const Json& before, bool exists) {
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
  {
    const std::lock_guard lock(mutex_);
    auto& slot = slots_.at(static_cast<std::size_t>(shard));
    slot.term = term;
    slot.leaving = false;
  }
  const bool others = !holder_of(before).empty() && holder_of(before) != identity_;
  untold_.push_back({.shard = shard, .held = true, .term = term, .why = others ? kHolderGone : kFree});
  return true;
}

// From the moment it is leaving no round begins; it is given up by the step after the last one has ended.
bool Sharding::leave(int shard, const Json& lease) {
  {
    const std::lock_guard lock(mutex_);
    auto& slot = slots_.at(static_cast<std::size_t>(shard));
    slot.leaving = true;
    if (slot.rounds > 0) return true;
  }
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

void Sharding::lose(int shard, const char* why) {
  std::optional<std::int64_t> term;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = slots_.at(static_cast<std::size_t>(shard));
    term = std::exchange(slot.term, std::nullopt);
    slot.leaving = false;
  }
  if (!term) return;
  untold_.push_back({.shard = shard, .held = false, .term = *term, .why = why});
}

void Sharding::lose_all(const char* why) {
  for (int shard = 0; shard < kShards; ++shard) lose(shard, why);
}

void Sharding::release() {
  {
    const std::lock_guard lock(mutex_);
    renewed_at_.reset();
  }
  lose_all("this process ends");
  tell();
  if (!lease_) return;
  const auto removed = api_.remove(kube::kLeases, *lease_);
  if (!removed) spdlog::warn("sharding: the shards were not released: {}", removed.error().message);
  lease_.reset();
}

std::optional<Lead> Sharding::leads(const Key& service) const {
  const std::lock_guard lock(mutex_);
  const auto& slot = slots_.at(static_cast<std::size_t>(shard_of(service)));
  if (!slot.term || !is_valid()) return std::nullopt;
  return Lead{.term = *slot.term, .renewed_at = renewed_at_};
}

std::shared_ptr<void> Sharding::begin_round(const Key& service) {
  const int shard = shard_of(service);
  const std::lock_guard lock(mutex_);
  auto& slot = slots_.at(static_cast<std::size_t>(shard));
  if (!slot.term || slot.leaving || !is_valid()) return nullptr;
  ++slot.rounds;
  return {static_cast<void*>(this), [this, shard](void*) { end_round(shard); }};
}

void Sharding::end_round(int shard) {
  {
    const std::lock_guard lock(mutex_);
    auto& slot = slots_.at(static_cast<std::size_t>(shard));
    if (--slot.rounds > 0 || !slot.leaving) return;
  }
  poke();
}

Sharding::Count Sharding::count() const {
  const std::lock_guard lock(mutex_);
  Count count;
  for (const auto& slot : slots_) {
    if (slot.term) ++(slot.leaving ? count.leaving : count.held);
  }
  return count;
}

// Of members only the end: they renew all the time, and the next step sees a new one soon enough.
void Sharding::changed(const Key& lease) {
  if (!lease.name.starts_with(member_prefix()) || !leases_.contains(lease)) poke();
}

void Sharding::poke() {
  const std::lock_guard lock(mutex_);
  poke_ = true;
  poked_.notify_all();
}

bool Sharding::wait(milliseconds longest, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  poked_.wait_for(lock, stop, longest, [this] { return poke_; });
  poke_ = false;
  return !stop.stop_requested();
}

ShardingThread::ShardingThread(Sharding& sharding)
    : thread_([&sharding](const std::stop_token& stop) {
        while (sharding.wait(sharding.step(), stop)) {
        }
        sharding.release();
      }) {}

}  // namespace weir::lead
