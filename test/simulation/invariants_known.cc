#include "test/simulation/invariants_known.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "operator/kube/object.h"
#include "test/simulation/invariants_routes.h"

namespace weir::simulation::checks {
namespace {

constexpr Millis kRemembered{60'000};

bool flag(const Json& object, const char* pointer) {
  const auto& value = member(object, pointer);
  return value.is_boolean() && value.get<bool>();
}

bool has_finalizer(const Json& canary) {
  const auto& finalizers = member(canary, "/metadata/finalizers");
  return finalizers.is_array() && std::ranges::find(finalizers, Json("weir.dev/traffic")) != finalizers.end();
}

bool passes_without_value(const Json& analysis) {
  const auto passes = [](const Json& where) {
    return text(where, "/onNoData") == "Pass" || text(where, "/onProviderError") == "Pass";
  };
  const auto& metrics = member(analysis, "/metrics");
  return passes(analysis) || (metrics.is_array() && std::ranges::any_of(metrics, passes));
}

void read_spec(const Json& canary, Release& release) {
  const auto& spec = member(canary, "/spec");
  release.service = text(spec, "/service/name");
  release.label = text(spec, "/service/versionLabel");
  if (release.label.empty()) release.label = "version";
  release.dedicated = text(spec, "/service/mode") == "Dedicated";
  release.suspended = flag(spec, "/suspend");
  release.skips_analysis = flag(spec, "/skipAnalysis");
  release.has_ttl = member(spec, "/ttlSecondsAfterFinished").is_number();
  release.guards = flag(spec, "/guardAfterPromotion");
  release.deletes_stable = text(spec, "/stable/afterPromotion") == "Delete";
  release.passes_without_value = passes_without_value(member(spec, "/analysis"));
  release.stable_subset = text(spec, "/routing/istio/subsets/stable");
  release.candidate_subset = text(spec, "/routing/istio/subsets/candidate");
  for (const auto& listed : member(spec, "/routing/istio/virtualServices")) {
    auto& routes = release.managed[text(listed, "/name")];
    for (const auto& route : member(listed, "/routes")) routes.insert(route.get<std::string>());
  }
  if (const auto interval = duration(text(spec, "/analysis/interval"))) release.interval = *interval;
  if (const auto delay = duration(text(spec, "/routing/propagationDelay"))) release.propagation = *delay;
}

void read_status(const Json& canary, Release& release) {
  const auto& status = member(canary, "/status");
  release.phase = text(status, "/phase");
  release.observed_generation = number(status, "/observedGeneration");
  release.weight = static_cast<int>(number(status, "/canaryWeight"));
  (void)std::sscanf(text(status, "/step").c_str(), "%d/%d", &release.step, &release.steps);
  release.checks_in_step = static_cast<int>(number(status, "/checksInStep"));
  release.failed_checks = static_cast<int>(number(status, "/failedChecks"));
  release.target = text(status, "/target");
  release.stable = text(status, "/stable/name");
  release.stable_version = text(status, "/stable/version");
  release.candidate_version = text(status, "/candidate/version");
  release.template_hash = text(status, "/candidate/templateHash");
  // What a release is it has recorded as it began, and it goes by that.
  const auto& identity = member(status, "/identity");
  if (!identity.is_object()) return;
  release.label = text(identity, "/versionLabel");
  release.dedicated = text(identity, "/mode") == "Dedicated";
  if (!release.over()) release.identity = identity.dump();
}

std::string label_at(const Labels& labels, const std::string& name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string() : found->second;
}

}  // namespace

std::string text(const Json& object, const char* pointer) {
  const auto& value = member(object, pointer);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t number(const Json& object, const char* pointer, std::int64_t otherwise) {
  const auto& value = member(object, pointer);
  return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
}

std::optional<Millis> duration(const std::string& text) {
  double total = 0;
  const char* at = text.data();
  const char* end = at + text.size();
  if (at == end) return std::nullopt;
  while (at != end) {
    double value = 0;
    const auto [unit, error] = std::from_chars(at, end, value);
    if (error != std::errc()) return std::nullopt;
    const std::string_view rest(unit, static_cast<std::size_t>(end - unit));
    if (rest.starts_with("ms")) {
      total += value;
      at = unit + 2;
      continue;
    }
    if (rest.starts_with('s')) {
      total += value * 1'000;
    } else if (rest.starts_with('m')) {
      total += value * 60'000;
    } else if (rest.starts_with('h')) {
      total += value * 3'600'000;
    } else {
      return std::nullopt;
    }
    at = unit + 1;
  }
  return Millis(static_cast<std::int64_t>(total));
}

std::optional<Millis> time_of(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  double second = 0;
  if (std::sscanf(text.c_str(), "%d-%u-%uT%d:%d:%lfZ", &year, &month, &day, &hour, &minute, &second) != 6)
    return std::nullopt;
  const std::chrono::sys_days date{std::chrono::year(year) / std::chrono::month(month) /
                                   std::chrono::day(day)};
  return std::chrono::duration_cast<Millis>(date.time_since_epoch()) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + Millis(static_cast<std::int64_t>(second * 1'000 + 0.5));
}

bool is_of_a_canary(const Json& object) {
  if (!text(object, "/metadata/annotations/weir.dev~1canary-uid").empty()) return true;
  const auto& owners = member(object, "/metadata/ownerReferences");
  return owners.is_array() &&
         std::ranges::any_of(owners, [](const Json& owner) { return text(owner, "/kind") == "Canary"; });
}

bool Release::active() const {
  if (phase == "RollingBack") return !template_hash.empty();
  return phase == "Initializing" || phase == "Progressing" || phase == "Promoting" || phase == "Finalizing";
}

Release read_release(const Json& canary) {
  Release release;
  release.key = kube::key_of(canary);
  release.uid = kube::metadata_text(canary, "uid");
  release.generation = number(canary, "/metadata/generation");
  release.has_finalizer = has_finalizer(canary);
  read_spec(canary, release);
  read_status(canary, release);
  return release;
}

// ---- Level ----

void Level::set(Millis at, int value) {
  if (!past_.empty() && past_.back().second == value) return;
  past_.emplace_back(at, value);
  while (past_.size() > 1 && past_[1].first < at - kRemembered) past_.pop_front();
}

int Level::highest(Millis since) const {
  int highest = now();
  for (std::size_t i = 0; i + 1 < past_.size(); ++i) {
    if (past_[i + 1].first >= since) highest = std::max(highest, past_[i].second);
  }
  return highest;
}

int Level::lowest(Millis since) const {
  int lowest = now();
  for (std::size_t i = 0; i + 1 < past_.size(); ++i) {
    if (past_[i + 1].first >= since) lowest = std::min(lowest, past_[i].second);
  }
  return lowest;
}

std::optional<Millis> Level::zero_since() const {
  if (now() > 0) return std::nullopt;
  return past_.empty() ? Millis(0) : past_.back().first;
}

// ---- Known ----

void Known::take(const Change& change) {
  const Json& object = change.after.is_null() ? change.before : change.after;
  if (kube::metadata_text(object, "namespace") != name_space_) return;
  const auto& kind = change.resource.kind;
  if (kind == kube::kCanaries.kind) take_canary(change);
  if (kind == kube::kVirtualServices.kind) take_edited(virtual_services_, change);
  if (kind == kube::kDestinationRules.kind) take_edited(rules_, change);
  if (kind == kube::kServices.kind) {
    take_edited(services_, change);
    find_traffic_service();
  }
  if (kind == kube::kDeployments.kind) take_deployment(change);
  if (kind == kube::kPods.kind) take_pod(change);
  if (kind == kube::kEndpointSlices.kind) take_slice(change);
}

void Known::take_canary(const Change& change) {
  const auto key = kube::key_of(change.after.is_null() ? change.before : change.after);
  if (change.after.is_null()) {
    gone_.push_back({read_release(change.before), change.at});
    canaries_.erase(key);
  } else {
    canaries_[key] = read_release(change.after);
  }
  const bool was_active = release_ && release_->active();
  choose_release();
  if (!was_active && release_ && release_->active()) began_at_ = change.at;
  if (was_active && release_->over()) settle();
}

void Known::choose_release() {
  for (const auto& [key, canary] : canaries_) {
    if (canary.service != service_) continue;
    const bool same = release_ && release_->uid == canary.uid;
    // The one that is active goes on to be the one meant until it is over.
    if (same || (canary.active() && (!release_ || !release_->active() || !canaries_.contains(release_->key))))
      release_ = canary;
  }
  find_traffic_service();
}

// Of what a release makes the one without a version.
void Known::find_traffic_service() {
  if (!release_) return;
  for (const auto& [name, edited] : services_) {
    const auto& selector = member(edited.object, "/spec/selector");
    const bool of_both = selector.is_object() && !selector.contains(release_->label);
    if (of_both && is_of_a_canary(edited.object)) made_traffic_ = name;
  }
  release_->made_traffic = made_traffic_;
}

std::string Known::version_called(const std::string& subset) const {
  const auto found = versions_.find(subset);
  return found == versions_.end() ? subset : found->second;
}

// What a release leaves is what the owner has from then on.
void Known::settle() {
  for (auto* all : {&virtual_services_, &rules_}) {
    std::erase_if(*all, [](const auto& entry) { return entry.second.object.is_null(); });
    for (auto& [name, edited] : *all) {
      edited.owners = edited.object;
      edited.as_given = true;
      edited.unclear = false;
    }
  }
}

void Known::take_edited(std::map<std::string, Edited>& all, const Change& change) {
  const Json& named = change.after.is_null() ? change.before : change.after;
  auto& edited = all[kube::metadata_text(named, "name")];
  const bool new_here = edited.owners.is_null();
  if (change.writer == 0 && !change.after.is_null()) {
    if (release() == nullptr || !release_->active()) {
      edited.owners = change.after;
      edited.as_given = true;
    } else {
      read_owners_edit(*this, change, edited);
    }
  } else if (new_here) {
    edited.owners = change.before.is_null() ? change.after : change.before;
  }
  edited.object = change.after;
  edited.changed_by = change.writer;
  edited.changed_at = change.at;
  for (const auto& subset : member(change.after, "/spec/subsets"))
    versions_[text(subset, "/name")] = label_at(labels_of(member(subset, "/labels")), label());
}

void Known::take_deployment(const Change& change) {
  const auto name = kube::metadata_text(change.after.is_null() ? change.before : change.after, "name");
  auto& workload = workloads_[name];
  workload.name = name;
  workload.ready.set(change.at, change.after.is_null()
                                    ? 0
                                    : static_cast<int>(number(change.after, "/status/readyReplicas")));
  workload.gone = change.after.is_null();
  if (workload.gone) return;
  const auto& pod_template = member(change.after, "/spec/template");
  if (pod_template == workload.pod_template) return;
  workload.template_before = std::exchange(workload.pod_template, pod_template);
  workload.template_since = change.at;
  workload.labels_before = std::move(workload.labels);
  workload.labels = labels_of(member(pod_template, "/metadata/labels"));
}

void Known::take_pod(const Change& change) {
  if (!change.before.is_null() || change.after.is_null()) return;
  pods_[kube::metadata_text(change.after, "name")] = labels_of(member(change.after, "/metadata/labels"));
}

void Known::take_slice(const Change& change) {
  const Json& named = change.after.is_null() ? change.before : change.after;
  auto& slice = slices_[kube::metadata_text(named, "name")];
  slice.service = text(named, "/metadata/labels/kubernetes.io~1service-name");
  slice.pods.clear();
  for (const auto& endpoint : member(change.after, "/endpoints")) {
    if (flag(endpoint, "/conditions/ready")) slice.pods.push_back(text(endpoint, "/targetRef/name"));
  }
  count_endpoints(slice.service, change.at);
}

void Known::count_endpoints(const std::string& service, Millis at) {
  std::map<std::string, int> counts;
  for (const auto& [name, slice] : slices_) {
    if (slice.service != service) continue;
    for (const auto& pod : slice.pods) {
      const auto found = pods_.find(pod);
      if (found != pods_.end()) ++counts[label_at(found->second, label())];
    }
  }
  auto& levels = endpoints_[service];
  for (const auto& [version, count] : counts) levels.try_emplace(version);
  for (auto& [version, level] : levels) level.set(at, counts[version]);
}

const std::string& Known::label() const {
  static const std::string kUsual = "version";
  return release_ ? release_->label : kUsual;
}

const Edited* Known::service_object() const {
  const auto found = services_.find(service_);
  return found == services_.end() || found->second.object.is_null() ? nullptr : &found->second;
}

const Workload* Known::workload(const std::string& name) const {
  const auto found = workloads_.find(name);
  return found == workloads_.end() ? nullptr : &found->second;
}

int Known::most_ready(const std::string& version, Millis since) const {
  int ready = 0;
  for (const auto& [name, workload] : workloads_) {
    // A reading may be older than a change of the labels, as it may be than one of the pods.
    const bool was = workload.template_since >= since && label_at(workload.labels_before, label()) == version;
    if (was || label_at(workload.labels, label()) == version) ready += workload.ready.highest(since);
  }
  return ready;
}

int Known::least_ready(const std::string& version, Millis since) const {
  int ready = 0;
  for (const auto& [name, workload] : workloads_) {
    if (label_at(workload.labels, label()) == version) ready += workload.ready.lowest(since);
  }
  return ready;
}

bool Known::has_no_workload(const std::string& version) const {
  return std::ranges::none_of(workloads_, [&](const auto& entry) {
    return !entry.second.gone && label_at(entry.second.labels, label()) == version;
  });
}

const Level& Known::endpoints(const std::string& service, const std::string& version) const {
  static const Level kNone;
  const auto found = endpoints_.find(service);
  if (found == endpoints_.end()) return kNone;
  const auto level = found->second.find(version);
  return level == found->second.end() ? kNone : level->second;
}

}  // namespace weir::simulation::checks
