#include "operator/lead/election.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "operator/base/time.h"

namespace weir::lead {
namespace {

// How soon a leader reads the lease again after a renewal met somebody else's write.
constexpr std::chrono::milliseconds kLookAgain{50};

}  // namespace

Election::Election(Api& api, const base::Clock& clock, LeaseOptions options, OnChanges on_changes)
    : Shards(clock, 1, options.renew_deadline, std::move(on_changes)),
      api_(api),
      clock_(clock),
      options_(std::move(options)) {}

std::chrono::milliseconds Election::step() {
  const auto next = get_or_keep();
  lose_if_lapsed();
  tell();
  return next;
}

std::chrono::milliseconds Election::get_or_keep() {
  const auto asked_at = clock_.steady();
  const auto found = current();
  if (!found && found.error().code != kube::Code::NotFound) {
    spdlog::warn("leader election: {}", found.error().message);
    return options_.retry_period;
  }
  if (found) {
    observe(*found);
    if (held_by_another(*found)) {
      // The time that is left of a lease which another has taken over is not ours: a process that stood still
      // with its clock would go on beside its successor.
      resign("another operator holds the Lease");
      return options_.retry_period;
    }
  }
  const Json lease = found ? *found : Json();
  const auto written = found ? api_.update(kube::kLeases, lease, claimed(lease))
                             : api_.create(kube::kLeases, claimed(Json::object()));
  if (written) {
    won(*written, asked_at);
  } else {
    lease_.reset();  // what is known of it is no base for the next write
    // Somebody else has written to the lease that we believe to hold: to lead without it is worse than to ask
    // again.
    if (written.error().code == kube::Code::Conflict && leading()) return kLookAgain;
    if (written.error().code != kube::Code::Conflict && written.error().code != kube::Code::AlreadyExists) {
      spdlog::warn("leader election: {}", written.error().message);
    }
  }
  return options_.retry_period;
}

// A leader renews what it wrote last without reading it again: if somebody else wrote meanwhile, that is a
// conflict.
Result<Json> Election::current() {
  if (leading() && lease_) return *lease_;
  return api_.get(kube::kLeases, options_.lease);
}

void Election::observe(const Json& lease) {
  if (!lease_ || spec_of(*lease_) != spec_of(lease)) unchanged_since_ = clock_.steady();
  lease_ = lease;
}

bool Election::held_by_another(const Json& lease) const {
  const auto holder = holder_of(lease);
  if (holder == options_.identity) return false;
  // Were this process not the last of its pod after all, its successor would keep what it has taken.
  if (!has_led_ && is_predecessor(holder, options_.predecessors)) return false;
  return is_held(lease, unchanged_since_, clock_.steady(), options_.duration);
}

Json Election::claimed(const Json& lease) const {
  const std::string now = base::format_micros(clock_.wall());
  Json claim = lease;
  claim["metadata"]["name"] = options_.lease.name;
  claim["metadata"]["namespace"] = options_.lease.name_space;
  Json spec = spec_of(lease);
  spec["holderIdentity"] = options_.identity;
  spec["leaseDurationSeconds"] = options_.duration.count();
  spec["renewTime"] = now;
  // To lead again after a lapse is a new term too: writes of the last one may still be on their way.
  if (!leading() || !lease.contains("spec")) {
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = lease_number(lease, "leaseTransitions", -1) + 1;
  }
  claim["spec"] = std::move(spec);
  return claim;
}

void Election::won(const Json& lease, base::Clock::Steady asked_at) {
  observe(lease);
  has_led_ = true;
  renewed(asked_at);
  const auto term = lease_number(lease, "leaseTransitions", 0);
  if (term_of(0) == term) return;
  lose(0, "its Lease was changed by another");
  take(0, term, "its Lease was free");
}

void Election::release() {
  const bool led = leading();
  resign("this process ends");
  tell();
  if (!led || !lease_) return;
  Json released = *lease_;
  released["spec"]["holderIdentity"] = "";
  released["spec"]["leaseDurationSeconds"] = 1;
  released["spec"]["renewTime"] = base::format_micros(clock_.wall());
  const auto written = api_.update(kube::kLeases, *lease_, released);
  if (!written) spdlog::warn("leader election: the lease was not released: {}", written.error().message);
  lease_.reset();
}

}  // namespace weir::lead
