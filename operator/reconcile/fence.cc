#include "operator/reconcile/fence.h"

#include <algorithm>
#include <string>

#include "operator/kube/object.h"
#include "operator/reconcile/epoch.h"

namespace weir::reconcile {
namespace {

using kube::Code;
using kube::Error;
using strategies::Phase;

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
    case Code::TooManyRequests:
    case Code::Gone:
      return false;
  }
  return true;
}

// Whether a leader in this phase, which status says before it acts, may have been writing to the object.
bool is_written_in(Phase phase, const Part& part) {
  const bool early = phase == Phase::Initializing || phase == Phase::Progressing;
  return !early || !part.late;
}

}  // namespace

Fence::Id Fence::id_of(const kube::Resource& resource, const Json& object) {
  return {resource.plural, kube::key_of(object)};
}

bool Fence::overtaken(const kube::Key& release, const Scene& scene, const Lead& lead) {
  std::int64_t latest = term_of_status(scene.object);
  for (const auto& part : scene.parts) latest = std::max(latest, term_of_claim(*part.object));
  const std::lock_guard lock(mutex_);
  if (latest <= lead.term) return false;
  Known& known = known_[release];
  if (latest <= known.accepted || !lead.renewed_at) return false;
  if (!known.overtaken_since) known.overtaken_since = lead.renewed_at;
  if (*lead.renewed_at == *known.overtaken_since) return true;
  known.accepted = latest;
  known.overtaken_since.reset();
  return false;
}

std::vector<Part> Fence::due(const kube::Key& release, const Scene& scene, std::int64_t term) {
  const auto phase = scene.canary.status.phase;
  const std::lock_guard lock(mutex_);
  if (strategies::is_final(phase)) known_.erase(release);
  if (strategies::is_final(phase) || phase == Phase::Pending) return {};
  Known& known = known_[release];
  if (known.term != term) {
    known.term = term;
    known.taken_over_in = phase;
    known.written.clear();
  }
  // Until the Canary is claimed what is read of it may be old.
  if (known.taken_over_in && !known.written.contains(id_of(kube::kCanaries, scene.object))) {
    known.taken_over_in = phase;
  }
  std::vector<Part> due;
  for (const auto& part : scene.parts) {
    if (must_claim(known, part)) due.push_back(part);
  }
  return due;
}

bool Fence::must_claim(Known& known, const Part& part) {
  const auto id = id_of(part.resource, *part.object);
  const bool taken_over = known.taken_over_in && is_written_in(*known.taken_over_in, part);
  if (taken_over && !known.written.contains(id)) return true;
  const auto open = known.open.find(id);
  if (open == known.open.end()) return false;
  // A newer object: the write was carried out, or never will be.
  const auto now = kube::numeric_version(*part.object);
  const auto& sent = open->second;
  if (!now || !sent || *now <= *sent) return true;
  known.open.erase(open);
  return false;
}

void Fence::began(const kube::Key& release, std::int64_t term) {
  const std::lock_guard lock(mutex_);
  auto& known = known_[release];
  known.term = term;
  known.taken_over_in.reset();
}

void Fence::carried_out(const kube::Key& release, const kube::Resource& resource, const Json& object) {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(release);
  if (known == known_.end()) return;
  known->second.open.erase(id_of(resource, object));
  if (known->second.taken_over_in) known->second.written.insert(id_of(resource, object));
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

kube::Result<Json> FencedApi::noted(const kube::Resource& resource, const Json& before,
                                    kube::Result<Json> answer) {
  if (!answer) {
    if (is_open(answer.error().code)) fence_.unanswered(release_, resource, before);
  } else if (version_of(*answer) != version_of(before)) {  // else there was nothing to send
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
  if (auto error = deposed(resource, object)) return std::unexpected(*std::move(error));
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
  auto answer = api_.remove(resource, object);
  if (!answer && is_open(answer.error().code)) fence_.unanswered(release_, resource, object);
  return answer;
}

}  // namespace weir::reconcile
