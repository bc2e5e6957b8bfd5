#include "operator/lead/holdings.h"

#include <utility>

namespace weir::lead {
namespace {

constexpr const char* kNotRenewed = "this process' Lease was not renewed in time";

}  // namespace

Holdings::Holdings(const base::Clock& clock, int shards, std::optional<std::chrono::seconds> renew_deadline,
                   OnChanges on_changes)
    : clock_(clock),
      renew_deadline_(renew_deadline),
      on_changes_(std::move(on_changes)),
      slots_(static_cast<std::size_t>(shards)) {}

bool Holdings::is_valid() const {
  if (!renew_deadline_) return true;
  return renewed_at_ && clock_.steady() < *renewed_at_ + *renew_deadline_;
}

bool Holdings::valid() const {
  const std::lock_guard lock(mutex_);
  return is_valid();
}

void Holdings::lose_if_lapsed() {
  if (!valid()) lose_all(kNotRenewed);
}

void Holdings::renewed(base::Clock::Steady asked_at) {
  lose_if_lapsed();
  const std::lock_guard lock(mutex_);
  renewed_at_ = asked_at;
}

void Holdings::resign(const char* why) {
  {
    const std::lock_guard lock(mutex_);
    renewed_at_.reset();
  }
  lose_all(why);
}

std::optional<std::int64_t> Holdings::term_of(int shard) const {
  const std::lock_guard lock(mutex_);
  return slot(shard).term;
}

bool Holdings::is_leaving(int shard) const {
  const std::lock_guard lock(mutex_);
  return slot(shard).leaving;
}

void Holdings::take(int shard, std::int64_t term, const char* why) {
  {
    const std::lock_guard lock(mutex_);
    slot(shard).term = term;
    slot(shard).leaving = false;
  }
  untold_.push_back({.shard = shard, .held = true, .term = term, .why = why});
}

bool Holdings::end_rounds(int shard) {
  const std::lock_guard lock(mutex_);
  slot(shard).leaving = true;
  return slot(shard).rounds == 0;
}

void Holdings::lose(int shard, const char* why) {
  std::optional<std::int64_t> term;
  {
    const std::lock_guard lock(mutex_);
    term = std::exchange(slot(shard).term, std::nullopt);
    slot(shard).leaving = false;
  }
  if (term) untold_.push_back({.shard = shard, .held = false, .term = *term, .why = why});
}

void Holdings::lose_all(const char* why) {
  for (int shard = 0; shard < static_cast<int>(slots_.size()); ++shard) lose(shard, why);
}

void Holdings::tell() {
  const auto changes = std::exchange(untold_, {});
  if (!changes.empty()) on_changes_(changes);
}

int Holdings::shard_of(const Key& service) const {
  return lead::shard_of(service, static_cast<int>(slots_.size()));
}

std::optional<Leadership> Holdings::leads(const Key& service) const {
  const std::lock_guard lock(mutex_);
  const auto& of_service = slot(shard_of(service));
  if (!of_service.term || !is_valid()) return std::nullopt;
  return Leadership{.term = *of_service.term, .renewed_at = renewed_at_};
}

std::shared_ptr<void> Holdings::begin_round(const Key& service) {
  const int shard = shard_of(service);
  const std::lock_guard lock(mutex_);
  auto& of_service = slot(shard);
  if (!of_service.term || of_service.leaving || !is_valid()) return nullptr;
  ++of_service.rounds;
  return {static_cast<void*>(this), [this, shard](void*) { end_round(shard); }};
}

void Holdings::end_round(int shard) {
  {
    const std::lock_guard lock(mutex_);
    if (--slot(shard).rounds > 0 || !slot(shard).leaving) return;
  }
  poke();
}

Holdings::Count Holdings::count() const {
  const std::lock_guard lock(mutex_);
  Count count;
  if (!is_valid()) return count;
  for (const auto& one : slots_) {
    if (one.term) ++(one.leaving ? count.leaving : count.held);
  }
  return count;
}

void Holdings::poke() {
  const std::lock_guard lock(mutex_);
  poke_ = true;
  poked_.notify_all();
}

bool Holdings::wait(std::chrono::milliseconds longest, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  poked_.wait_for(lock, stop, longest, [this] { return poke_; });
  poke_ = false;
  return !stop.stop_requested();
}

bool Holdings::take_poke() {
  const std::lock_guard lock(mutex_);
  return std::exchange(poke_, false);
}

}  // namespace weir::lead
