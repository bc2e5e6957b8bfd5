#include "operator/lead/shards.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "operator/base/time.h"
#include "operator/kube/object.h"

namespace weir::lead {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kNothingToDo{3'600'000};

constexpr const char* kEnds = "this process ends";
constexpr const char* kFree = "nobody had it";
constexpr const char* kHolderGone = "its holder is no member any more";

// Somebody else has the object, or has changed it: the store will say so.
bool is_overtaken(kube::Code code) {
  return code == kube::Code::Conflict || code == kube::Code::AlreadyExists || code == kube::Code::NotFound;
}

// Says whether the next request is worth a try. What did not exist has not gone: its namespace isn't there.
bool go_on(const kube::Error& error, bool existed = true) {
  if (is_overtaken(error.code) && (existed || error.code != kube::Code::NotFound)) return true;
  spdlog::warn("leases: {}", error.message);
  return false;
}

Json named(const Key& key) { return {{"metadata", {{"name", key.name}, {"namespace", key.name_space}}}}; }

}  // namespace

Shards::Shards(const base::Clock& clock, OnChanges on_changes)
    : Holdings(clock, 1, std::nullopt, std::move(on_changes)),
      api_(nullptr),
      clock_(clock),
      leases_(nullptr) {}

Shards::Shards(Api& api, const base::Clock& clock, Store& leases, LeaseOptions options, OnChanges on_changes)
    : Holdings(clock, options.shards, options.renew_deadline, std::move(on_changes)),
      api_(&api),
      clock_(clock),
      leases_(&leases),
      options_(std::move(options)),
      next_renewal_(clock.steady()) {}

Key Shards::shard_key(int shard) const {
  if (has_one_shard()) return options_.lease;
  return {options_.lease.name_space, fmt::format("{}-shard-{:02}", options_.lease.name, shard)};
}

Key Shards::own_key() const { return has_one_shard() ? shard_key(0) : member_key(identity_); }

std::string Shards::member_prefix() const { return options_.lease.name + "-member-"; }

Key Shards::member_key(const std::string& identity) const {
  return {options_.lease.name_space, member_prefix() + hash_name(identity)};
}

milliseconds Shards::step() {
  if (api_ != nullptr) {
    bring_to_owners();
  } else if (!term_of(0)) {
    take(0, 0, "there is no other operator");
  }
  tell();
  return api_ == nullptr ? kNothingToDo : until_next_step();
}

void Shards::bring_to_owners() {
  if (!is_member() || !leases_->synced()) return;
  if (is_led_by_one()) return lose_all("a single leader holds the releases");
  const auto all = members();
  for (int shard = 0; shard < options_.shards; ++shard) {
    // Each shard may cost a request: none of them may keep the next renewal waiting.
    if (!is_member() || !settle(shard, all)) return;
  }
}

// Until the next renewal, or until a member or a single leader expires if nothing changes.
milliseconds Shards::until_next_step() const {
  const auto now = clock_.steady();
  auto until = next_renewal_;
  for (const auto& stored : leases_->list(options_.lease.name_space)) {
    if (holder_of(*stored.object).empty()) continue;
    const auto expiry = expiry_of(*stored.object, stored.since, options_.duration);
    if (expiry > now) until = std::min(until, expiry);
  }
  return std::max(std::chrono::ceil<milliseconds>(until - now), milliseconds(0));
}

bool Shards::is_member() {
  const auto now = clock_.steady();
  if (now >= next_renewal_) {
    next_renewal_ = now + options_.retry_period;
    lease_ ? renew(*lease_, now) : join(now);
  }
  lose_if_lapsed();
  return valid();
}

bool Shards::look() {
  auto found = api_->get(kube::kLeases, options_.lease);
  if (!found && found.error().code != kube::Code::NotFound) return go_on(found.error());
  std::vector<Json> all;
  if (found) all.push_back(*std::move(found));
  leases_->replace(std::move(all), clock_.steady());
  return true;
}

// Of several, a new member is another one, even in the same process: what the last one held is free.
void Shards::join(base::Clock::Steady now) {
  if (has_one_shard() && !look()) return;
  identity_ = options_.identity + (has_one_shard() || tried_ == 0 ? "" : "-" + std::to_string(tried_));
  ++tried_;
  const auto stored = leases_->get(own_key());
  if (stored && is_held_by_another(*stored, now)) return;
  const Json before = stored ? *stored->object : named(own_key());
  Json own = before;
  if (!has_one_shard()) own["metadata"]["labels"][kMemberLabel] = options_.lease.name;
  Json spec = spec_of(before);
  const std::string wall = base::format_micros(clock_.wall());
  spec["holderIdentity"] = identity_;
  spec["leaseDurationSeconds"] = options_.duration.count();
  spec["acquireTime"] = wall;
  spec["renewTime"] = wall;
  own["spec"] = std::move(spec);
  auto answer = stored ? api_->update(kube::kLeases, before, own) : api_->create(kube::kLeases, own);
  if (!answer) return (void)go_on(answer.error(), stored.has_value());
  spdlog::info("leases: {} has Lease {}", identity_, kube::to_string(own_key()));
  written(*std::move(answer), now);
}

bool Shards::is_held_by_another(const kube::Stored& own, base::Clock::Steady now) const {
  const auto holder = holder_of(*own.object);
  return holder != identity_ && !has_ended(holder) && is_held(*own.object, own.since, now, options_.duration);
}

bool Shards::has_ended(const std::string& holder) const {
  return joined_ == (lease_ ? 1 : 0) && is_predecessor(holder, options_.predecessors);
}

void Shards::renew(const Json& known, base::Clock::Steady now) {
  const auto renewal = [this](const Json& lease) {
    Json next = lease;
    next["spec"]["renewTime"] = base::format_micros(clock_.wall());
    next["spec"]["leaseDurationSeconds"] = options_.duration.count();  // whatever somebody has made of it
    return api_->update(kube::kLeases, lease, next);
  };
  auto renewed = renewal(known);
  if (!renewed && renewed.error().code == kube::Code::Conflict) {
    // A renewal of our own whose answer was lost, or somebody's label.
    auto found = api_->get(kube::kLeases, own_key());
    if (found && holder_of(*found) != identity_) return expelled("another operator holds its Lease");
    renewed = found ? renewal(*found) : std::move(found);
  }
  if (renewed) return written(*std::move(renewed), now);
  if (renewed.error().code == kube::Code::NotFound) return expelled("its Lease is gone");
  spdlog::warn("leases: {}", renewed.error().message);
}

void Shards::written(Json lease, base::Clock::Steady asked_at) {
  renewed(asked_at);
  if (!lease_) ++joined_;
  lease_ = lease;
  know(std::move(lease));
}

void Shards::know(Json lease) {
  if (!has_one_shard()) {
    leases_->put(std::move(lease), clock_.steady());
    return;
  }
  // It is all there is to know: no watch brings the rest, or an older one after the server was restored.
  lease_ = lease;
  leases_->replace({std::move(lease)}, clock_.steady());
}

// The time that is left of a lease which another has taken over is not ours: a process that stood still with
// its clock would go on beside its successor.
void Shards::expelled(const char* why) {
  leases_->erase(own_key(), clock_.steady());
  lease_.reset();
  next_renewal_ = clock_.steady();
  resign(why);
}

bool Shards::is_led_by_one() const {
  if (has_one_shard()) return false;
  const auto stored = leases_->get(options_.lease);
  return stored && is_held(*stored->object, stored->since, clock_.steady(), options_.duration);
}

std::vector<std::string> Shards::members() {
  std::vector<std::string> all{identity_};
  const auto now = clock_.steady();
  for (const auto& stored : leases_->list(options_.lease.name_space)) {
    const Json& lease = *stored.object;
    const std::string holder = holder_of(lease);
    if (!kube::key_of(lease).name.starts_with(member_prefix()) || holder == identity_) continue;
    if (has_ended(holder) || !is_held(lease, stored.since, now, options_.duration)) {
      const auto removed = api_->remove(kube::kLeases, lease);
      if (removed) {
        spdlog::warn("leases: member {} is gone", holder);
        leases_->erase(kube::key_of(lease), now);
        continue;
      }
      (void)go_on(removed.error());
    }
    all.push_back(holder);
  }
  return all;
}

bool Shards::settle(int shard, const std::vector<std::string>& members) {
  const auto stored = leases_->get(shard_key(shard));
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
  const bool taken = !holder.empty() && holder != identity_ && leases_->contains(member_key(holder));
  return taken || claim(shard, lease, stored.has_value());
}

bool Shards::claim(int shard, const Json& before, bool exists) {
  Json claim = before;
  if (!has_one_shard()) claim["metadata"]["labels"][kShardLabel] = fmt::format("{:02}", shard);
  Json spec = spec_of(before);
  spec["holderIdentity"] = identity_;
  spec["acquireTime"] = base::format_micros(clock_.wall());
  spec["leaseTransitions"] = lease_number(before, "leaseTransitions", -1) + 1;
  claim["spec"] = std::move(spec);
  auto written = exists ? api_->update(kube::kLeases, before, claim) : api_->create(kube::kLeases, claim);
  if (!written) return go_on(written.error(), exists);
  const auto term = lease_number(*written, "leaseTransitions", 0);
  know(*std::move(written));
  const bool others = !holder_of(before).empty() && holder_of(before) != identity_;
  take(shard, term, others ? kHolderGone : kFree);
  return true;
}

// It is given up by the step after its last round has ended.
bool Shards::leave(int shard, const Json& lease) {
  if (!end_rounds(shard)) return true;
  lose(shard, "another member is to have it");
  return give_up(lease);
}

bool Shards::give_up(const Json& lease) {
  Json free = lease;
  free["spec"]["holderIdentity"] = "";
  auto written = api_->update(kube::kLeases, lease, free);
  if (!written) return go_on(written.error());
  know(*std::move(written));
  return true;
}

kube::Result<void> Shards::give_back(const Json& lease) {
  if (!has_one_shard()) return api_->remove(kube::kLeases, lease);
  // It stays, since its transitions go on.
  Json free = lease;
  free["spec"]["holderIdentity"] = "";
  free["spec"]["leaseDurationSeconds"] = 1;
  free["spec"]["renewTime"] = base::format_micros(clock_.wall());
  const auto written = api_->update(kube::kLeases, lease, free);
  if (!written) return std::unexpected(written.error());
  return {};
}

void Shards::release() {
  resign(kEnds);
  tell();
  if (!lease_) return;
  const auto done = give_back(*lease_);
  if (!done) spdlog::warn("leases: the shards were not released: {}", done.error().message);
  lease_.reset();
}

// Of members only the end: they renew all the time, and the next step sees a new one soon enough.
void Shards::changed(const Key& lease) {
  if (!lease.name.starts_with(member_prefix()) || !leases_->contains(lease)) poke();
}

ShardsThread::ShardsThread(Shards& shards)
    : thread_([&shards](const std::stop_token& stop) {
        while (shards.wait(shards.step(), stop)) {
        }
        shards.release();
      }) {}

}  // namespace weir::lead
