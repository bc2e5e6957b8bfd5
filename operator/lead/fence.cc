#include "operator/lead/fence.h"

#include <algorithm>
#include <string>

#include "operator/kube/object.h"
#include "operator/lead/epoch.h"

namespace weir::lead {
namespace {

using kube::Code;
using kube::Error;

std::string version_of(const Json& object) { return kube::metadata_text(object, "resourceVersion"); }

// Whether the write may have been carried out, or may still be.
bool is_open(Code code) {
  switch (code) {
    case Code::Unavailable:
    case Code::Timeout:
    case Code::BadAnswer:
    case Code::Cancelled:
      return true;
    case Code::NotFound:
    case Code::Conflict:
    case Code::AlreadyExists:
    case Code::Invalid:
    case Code::Forbidden:
    case Code::Terminating:
    case Code::TooManyRequests:
    case Code::Gone:
      return false;
  }
  return true;
}

bool may_have_written(WrittenTo written_to, const ManagedObject& managed) {
  return written_to != WrittenTo::EarlyObjects || !managed.late;
}

}  // namespace

Fence::Id Fence::id_of(const kube::Resource& resource, const Json& object) {
  return {resource.plural, kube::key_of(object)};
}

bool Fence::overtaken(const kube::Key& release, const Reading& reading, const Leadership& lead) {
  std::int64_t latest = term_of_status(reading.canary);
  for (const auto& one : reading.objects) latest = std::max(latest, term_of_claim(*one.object));
  const std::lock_guard lock(mutex_);
  if (latest <= lead.term) {
    if (const auto known = known_.find(release); known != known_.end()) known->second.overtaken_since.reset();
    return false;
  }
  Known& known = known_[release];
  if (latest <= known.accepted || !lead.renewed_at) return false;
  if (!known.overtaken_since) known.overtaken_since = lead.renewed_at;
  if (*lead.renewed_at == *known.overtaken_since) return true;
  known.accepted = latest;
  known.overtaken_since.reset();
  return false;
}

bool Fence::is_later(const kube::Key& release, std::int64_t latest, std::int64_t term) {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(release);
  return latest > std::max(term, known == known_.end() ? 0 : known->second.accepted);
}

std::vector<ManagedObject> Fence::due(const kube::Key& release, const Reading& reading, std::int64_t term) {
  const auto written_to = reading.written_to;
  const std::lock_guard lock(mutex_);
  if (written_to == WrittenTo::NothingAnyMore) known_.erase(release);
  if (written_to == WrittenTo::NothingAnyMore || written_to == WrittenTo::Nothing) return {};
  Known& known = known_[release];
  if (known.term != term) {
    known.term = term;
    known.taken_over = written_to;
    known.written.clear();
  }
  // Until the Canary is claimed what is read of it may be old.
  if (known.taken_over && !known.written.contains(id_of(kube::kCanaries, reading.canary))) {
    known.taken_over = written_to;
  }
  std::vector<ManagedObject> due;
  for (const auto& managed : reading.objects) {
    if (must_claim(known, managed)) due.push_back(managed);
  }
  std::ranges::stable_partition(
      due, [](const ManagedObject& managed) { return managed.resource == kube::kCanaries; });
  return due;
}

bool Fence::must_claim(Known& known, const ManagedObject& managed) {
  const auto id = id_of(managed.resource, *managed.object);
  const bool taken_over = known.taken_over && may_have_written(*known.taken_over, managed);
  if (taken_over && !known.written.contains(id)) return true;
  const auto open = known.open.find(id);
  if (open == known.open.end()) return false;
  // A newer object: the write was carried out, or never will be.
  const auto now = kube::numeric_version(*managed.object);
  const auto& sent = open->second;
  if (!now || !sent || *now <= *sent) return true;
  known.open.erase(open);
  return false;
}

void Fence::began(const kube::Key& release, std::int64_t term) {
  const std::lock_guard lock(mutex_);
  auto& known = known_[release];
  known.term = term;
  known.taken_over.reset();
}

void Fence::carried_out(const kube::Key& release, const kube::Resource& resource, const Json& object) {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(release);
  if (known == known_.end()) return;
  known->second.open.erase(id_of(resource, object));
  if (known->second.taken_over) known->second.written.insert(id_of(resource, object));
}

void Fence::unanswered(const kube::Key& release, const kube::Resource& resource, const Json& object) {
  const std::lock_guard lock(mutex_);
  const auto version = kube::numeric_version(object);
  const auto [open, first] = known_[release].open.try_emplace(id_of(resource, object), version);
  if (first) return;
  // A claim from an older object than the write says nothing of the write.
  auto& sent = open->second;
  sent = sent && version ? std::optional(std::max(*sent, *version)) : std::nullopt;
}

void Fence::forget(const kube::Key& release) {
  const std::lock_guard lock(mutex_);
  known_.erase(release);
}

std::optional<Error> FencedApi::deposed(const kube::Resource& resource, const Json& object) const {
  if (const auto lead = fence_.lead(service_); lead && lead->term == term_) return std::nullopt;
  return Error{.code = Code::Cancelled,
               .message = std::string(resource.kind) + " " + kube::to_string(kube::key_of(object)) +
                          " is not written: this process does not lead any more"};
}

std::optional<Error> FencedApi::overtaken(const kube::Resource& resource, const Json& object) {
  const auto lead = fence_.lead(service_);
  if (!lead || !lead->renewed_at) return std::nullopt;
  const auto canary = api_.get(kube::kCanaries, release_);
  if (!canary) return canary.error();
  if (!fence_.is_later(release_, std::max(term_of_claim(*canary), term_of_status(*canary)), term_))
    return std::nullopt;
  return Error{.code = Code::Cancelled,
               .message = std::string(resource.kind) + " " + kube::to_string(kube::key_of(object)) +
                          " is not made: another operator has taken Canary " + kube::to_string(release_) +
                          " over"};
}

kube::Result<Json> FencedApi::noted(const kube::Resource& resource, const Json& before,
                                    kube::Result<Json> answer) {
  const bool nothing_to_send = answer && version_of(*answer) == version_of(before);
  sent_ = sent_ || !nothing_to_send;
  if (!answer) {
    if (is_open(answer.error().code)) fence_.unanswered(release_, resource, before);
  } else if (!nothing_to_send) {
    fence_.carried_out(release_, resource, before);
  }
  return answer;
}

kube::Result<Json> FencedApi::get(const kube::Resource& resource, const kube::Key& key) {
  return api_.get(resource, key);
}

kube::Result<std::vector<Json>> FencedApi::list(const kube::Resource& resource, std::string_view name_space,
                                                std::string_view label_selector) {
  return api_.list(resource, name_space, label_selector);
}

kube::Result<Json> FencedApi::create(const kube::Resource& resource, const Json& object) {
  if (auto error = overtaken(resource, object)) return std::unexpected(*std::move(error));
  if (auto error = deposed(resource, object)) return std::unexpected(*std::move(error));
  sent_ = true;
  auto answer = api_.create(resource, object);
  if (answer) fence_.carried_out(release_, resource, *answer);
  return answer;
}

kube::Result<Json> FencedApi::update(const kube::Resource& resource, const Json& before, const Json& after) {
  if (auto error = deposed(resource, before)) return std::unexpected(*std::move(error));
  return noted(resource, before, api_.update(resource, before, after));
}

kube::Result<Json> FencedApi::update_status(const kube::Resource& resource, const Json& before,
                                            const Json& after) {
  if (auto error = deposed(resource, before)) return std::unexpected(*std::move(error));
  return noted(resource, before, api_.update_status(resource, before, after));
}

kube::Result<void> FencedApi::remove(const kube::Resource& resource, const Json& object) {
  if (auto error = deposed(resource, object)) return std::unexpected(*std::move(error));
  sent_ = true;
  auto answer = api_.remove(resource, object);
  if (!answer && is_open(answer.error().code)) fence_.unanswered(release_, resource, object);
  return answer;
}

}  // namespace weir::lead
