#include "test/simulation/cluster.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <tuple>
#include <utility>

#include "operator/base/time.h"
#include "operator/canary/workload.h"
#include "operator/kube/object.h"

namespace weir::simulation {
namespace {

constexpr std::string_view kManager = "kube-controller-manager";
constexpr std::string_view kKubelet = "kubelet";
constexpr const char* kVariant = "simulation/behaviour";
constexpr const char* kServiceLabel = "kubernetes.io/service-name";

// From a change to what a controller does about it.
constexpr Millis kDeploymentFastest{10};
constexpr Millis kDeploymentSlowest{150};
constexpr Millis kEndpointsFastest{10};
constexpr Millis kEndpointsSlowest{200};
constexpr Millis kCollected{500};
// How much sooner or later than its Behaviour says a pod starts, in per cent.
constexpr std::int64_t kStartSpread = 20;
// For how long a pod that is stirred is not ready.
constexpr Millis kMoment{400};
// Pods above `replicas` while a template is replaced.
constexpr int kSurge = 1;

std::string address_of(int number) {
  return fmt::format("10.{}.{}.{}", 8 + number / 62'500, number / 250 % 250, number % 250 + 1);
}

}  // namespace

Cluster::Cluster(Executor& executor, ApiServer& server, std::uint64_t seed)
    : executor_(executor), server_(server), random_(seed, "cluster") {
  server_.on_change([this](const Change& change) { take(change); });
}

void Cluster::set_behaviour(const std::string& workload, const std::string& variant, Behaviour behaviour) {
  behaviours_.insert_or_assign({workload, variant}, behaviour);
}

const Behaviour& Cluster::behaviour(const Pod& pod) const {
  static const Behaviour kGood;
  auto found = behaviours_.find({pod.workload, pod.variant});
  if (found == behaviours_.end()) found = behaviours_.find({pod.workload, ""});
  return found == behaviours_.end() ? kGood : found->second;
}

void Cluster::disturb(const std::string& workload, Millis duration, bool crash) {
  const Millis end = executor_.now() + duration;
  for (auto& [name, pod] : pods_) {
    const bool disturbed = pod.disturbed_until > executor_.now();
    if (pod.workload != workload || (!pod.ready && !disturbed) || pod.terminating) continue;
    pod.ready = false;
    pod.running = pod.running && !crash;
    pod.crashing = !pod.running;
    pod.disturbed_until = std::max(pod.disturbed_until, end);
    show(pod);
    executor_.at(pod.disturbed_until, [this, name] { recover(name); });
  }
}

void Cluster::stir(const std::string& workload, Millis every) { stir_next(workload, every, 0); }

// The one with the next number above `after`, or the first. A last pod stays: a version that nobody serves is
// another fault.
void Cluster::stir_next(const std::string& workload, Millis every, int after) {
  Pod* next = nullptr;
  int ready = 0;
  for (auto& [name, pod] : pods_) {
    if (pod.workload != workload || !pod.ready) continue;
    ++ready;
    const auto turn = [after](const Pod& one) { return std::pair(one.number <= after, one.number); };
    if (next == nullptr || turn(pod) < turn(*next)) next = &pod;
  }
  if (ready > 1) {
    after = next->number;
    next->ready = false;
    next->disturbed_until = executor_.now() + kMoment;
    show(*next);
    executor_.at(next->disturbed_until, [this, name = next->name] { recover(name); });
  }
  executor_.after(every, [this, workload, every, after] { stir_next(workload, every, after); });
}

void Cluster::kill_one(const std::string& workload) {
  std::vector<std::string> alive;
  for (const auto& [name, pod] : pods_) {
    if (pod.workload == workload && !pod.terminating) alive.push_back(name);
  }
  if (alive.empty()) return;
  const std::string name = random_.pick(alive);
  terminate(pods_.at(name));
  remove(name);
}

const Pod* Cluster::at(const std::string& address) const {
  const auto name = pod_names_.find(address);
  if (name == pod_names_.end()) return nullptr;
  const Pod& pod = pods_.at(name->second);
  return pod.running ? &pod : nullptr;
}

std::vector<const Pod*> Cluster::pods_of(const std::string& workload) const {
  std::vector<const Pod*> found;
  for (const auto& [name, pod] : pods_) {
    if (pod.workload == workload) found.push_back(&pod);
  }
  return found;
}

int Cluster::ready_pods(const std::string& workload) const {
  return static_cast<int>(std::ranges::count(pods_of(workload), true, &Pod::ready));
}

void Cluster::take(const Change& change) {
  if (change.resource == kube::kDeployments) take_deployment(change);
  if (change.resource == kube::kServices) take_service(change);
  if (change.resource == kube::kEndpointSlices && change.after.is_null()) take_lost_slice(change.before);
  collect(change);
}

// As the garbage collector does: what names a Canary as its owner that is not there goes.
void Cluster::collect(const Change& change) {
  if (!change.before.is_null() || change.after.is_null()) return;
  for (const auto& owner : change.after["metadata"].value("ownerReferences", Json::array())) {
    if (owner.value("kind", "") != kube::kCanaries.kind) continue;
    const auto found = server_.find(
        kube::kCanaries, {kube::metadata_text(change.after, "namespace"), owner.value("name", "")});
    if (!found.is_null() && kube::metadata_text(found, "uid") == owner.value("uid", "")) continue;
    executor_.after(kCollected, [this, resource = change.resource, key = kube::key_of(change.after)] {
      (void)server_.erase(resource, key);
    });
  }
}

void Cluster::take_deployment(const Change& change) {
  const bool gone = change.after.is_null();
  const kube::Key key = kube::key_of(gone ? change.before : change.after);
  if (gone) {
    deployments_.erase(key);
    return wake_deployment(key);
  }
  // The controller need not act on a status, which is its own.
  const bool same =
      !change.before.is_null() &&
      member(change.before, "/metadata/uid") == member(change.after, "/metadata/uid") &&
      member(change.before, "/metadata/generation") == member(change.after, "/metadata/generation");
  if (same && deployments_.contains(key)) return;
  const Json& replicas = member(change.after, "/spec/replicas");
  const Json& pod_template = member(change.after, "/spec/template");
  const Labels annotations = labels_of(member(pod_template, "/metadata/annotations"));
  const auto variant = annotations.find(kVariant);
  deployments_.insert_or_assign(key,
                                Deployment{.uid = kube::metadata_text(change.after, "uid"),
                                           .replicas = replicas.is_number_integer() ? replicas.get<int>() : 1,
                                           .template_hash = canary::template_hash(pod_template),
                                           .variant = variant == annotations.end() ? "" : variant->second,
                                           .labels = labels_of(member(pod_template, "/metadata/labels"))});
  wake_deployment(key);
}

void Cluster::take_service(const Change& change) {
  const bool gone = change.after.is_null();
  const kube::Key key = kube::key_of(gone ? change.before : change.after);
  if (gone) {
    services_.erase(key);
  } else {
    services_.insert_or_assign(key, labels_of(member(change.after, "/spec/selector")));
  }
  wake_service(key);
}

// Somebody deleted it: the controller makes another one.
void Cluster::take_lost_slice(const Json& slice) {
  const Labels labels = labels_of(member(slice, "/metadata/labels"));
  const auto name = labels.find(kServiceLabel);
  if (name == labels.end()) return;
  const kube::Key service{kube::key_of(slice).name_space, name->second};
  const auto known = slices_.find(service);
  if (known == slices_.end() || known->second.name != kube::key_of(slice).name) return;
  slices_.erase(known);
  wake_service(service);
}

void Cluster::wake_deployment(const kube::Key& key) {
  if (!woken_deployments_.insert(key).second) return;
  executor_.after(random_.between(kDeploymentFastest, kDeploymentSlowest), [this, key] {
    woken_deployments_.erase(key);
    sync_deployment(key);
  });
}

void Cluster::sync_deployment(const kube::Key& key) {
  const auto found = deployments_.find(key);
  const std::string owner = found == deployments_.end() ? "" : found->second.uid;
  // A Deployment that is made anew does not adopt what its predecessor has left.
  for (Pod* pod : active_pods(key)) {
    if (pod->owner != owner) terminate(*pod);
  }
  if (found == deployments_.end()) return;
  roll(key, found->second);
  write_status(key, found->second);
}

std::vector<Pod*> Cluster::active_pods(const kube::Key& key) {
  std::vector<Pod*> active;
  for (auto& [name, pod] : pods_) {
    if (pod.workload == key.name && pod.name_space == key.name_space && !pod.terminating) {
      active.push_back(&pod);
    }
  }
  return active;
}

void Cluster::roll(const kube::Key& key, const Deployment& wanted) {
  std::vector<Pod*> pods = active_pods(key);
  // What goes first: pods of an older template, then those that are not ready, then the youngest.
  std::ranges::sort(pods, std::less<>(), [&](const Pod* pod) {
    return std::tuple(pod->template_hash == wanted.template_hash, pod->ready, -pod->number);
  });
  const auto all = static_cast<int>(pods.size());
  const auto updated = static_cast<int>(
      std::ranges::count(pods, wanted.template_hash, [](const Pod* pod) { return pod->template_hash; }));
  auto ready = static_cast<int>(std::ranges::count(pods, true, [](const Pod* pod) { return pod->ready; }));

  int surplus = updated - wanted.replicas;  // of the newest template
  for (Pod* pod : pods) {
    const bool old = pod->template_hash != wanted.template_hash;
    const bool needed = old ? pod->ready && ready <= wanted.replicas : surplus <= 0;
    if (needed) continue;
    if (!old) --surplus;
    if (pod->ready) --ready;
    terminate(*pod);
  }
  const int room = wanted.replicas + (updated < all ? kSurge : 0) - all;
  for (int i = std::min(wanted.replicas - updated, room); i > 0; --i) make_pod(key, wanted);
}

void Cluster::write_status(const kube::Key& key, const Deployment& wanted) {
  Json object = server_.find(kube::kDeployments, key);
  if (object.is_null()) return;
  const std::vector<Pod*> pods = active_pods(key);
  const Json& before = member(object, "/status");
  Json status =
      deployment_status(before, member(object, "/metadata/generation"), wanted.replicas, wanted.template_hash,
                        {pods.begin(), pods.end()}, base::format_seconds(ClusterClock(executor_).wall()));
  if (status == before) return;
  object["status"] = std::move(status);
  server_.objects().put(kube::kDeployments, std::move(object), kManager);
}

void Cluster::make_pod(const kube::Key& key, const Deployment& wanted) {
  const int number = ++made_;
  Pod pod{.name = key.name + "-" + wanted.template_hash.substr(0, 8) + "-" + suffix(),
          .name_space = key.name_space,
          .address = address_of(number),
          .workload = key.name,
          .variant = wanted.variant,
          .labels = wanted.labels,
          .template_hash = wanted.template_hash,
          .owner = wanted.uid,
          .number = number};
  if (const auto version = pod.labels.find("version"); version != pod.labels.end()) {
    pod.version = version->second;
  }
  const Millis start_time = behaviour(pod).start;
  const Millis spread = start_time * kStartSpread / 100;
  executor_.after(random_.between(start_time - spread, start_time + spread),
                  [this, name = pod.name] { start(name); });
  pod_names_.emplace(pod.address, pod.name);
  const std::string name = pod.name;
  show(pods_.emplace(name, std::move(pod)).first->second);
}

void Cluster::start(const std::string& name) {
  const auto found = pods_.find(name);
  if (found == pods_.end() || found->second.terminating) return;
  Pod& pod = found->second;
  pod.started = true;
  pod.crashing = behaviour(pod).never_ready;
  pod.running = pod.ready = !pod.crashing;
  show(pod);
}

void Cluster::terminate(Pod& pod) {
  pod.terminating = true;
  pod.ready = false;
  server_.erase(kube::kPods, {pod.name_space, pod.name});
  wake_all_of(pod);
  executor_.after(kGrace, [this, name = pod.name] { remove(name); });
}

void Cluster::remove(const std::string& name) {
  const auto found = pods_.find(name);
  if (found == pods_.end()) return;
  const Pod pod = std::move(pods_.extract(found).mapped());
  pod_names_.erase(pod.address);
  const Json released{{"metadata", {{"finalizers", nullptr}}}};
  (void)server_.objects().patch(kube::kPods, {pod.name_space, pod.name}, released, offline::Subresource::None,
                                kKubelet);
  wake_all_of(pod);
}

void Cluster::recover(const std::string& name) {
  const auto found = pods_.find(name);
  if (found == pods_.end()) return;
  Pod& pod = found->second;
  if (pod.terminating || pod.ready || pod.disturbed_until > executor_.now()) return;
  pod.crashing = false;
  pod.running = pod.ready = true;
  show(pod);
}

void Cluster::show(const Pod& pod) {
  server_.objects().put(kube::kPods, pod_object(pod), kKubelet);
  wake_all_of(pod);
}

void Cluster::wake_all_of(const Pod& pod) {
  wake_deployment({pod.name_space, pod.workload});
  for (const auto& [service, selector] : services_) {
    if (service.name_space == pod.name_space && matches(selector, pod.labels)) wake_service(service);
  }
}

void Cluster::wake_service(const kube::Key& key) {
  if (!woken_services_.insert(key).second) return;
  executor_.after(random_.between(kEndpointsFastest, kEndpointsSlowest), [this, key] {
    woken_services_.erase(key);
    sync_service(key);
  });
}

void Cluster::sync_service(const kube::Key& key) {
  const auto service = services_.find(key);
  const auto slice = slices_.find(key);
  if (service == services_.end()) {
    if (slice == slices_.end()) return;
    const kube::Key name{key.name_space, slice->second.name};
    slices_.erase(slice);
    server_.erase(kube::kEndpointSlices, name);
    return;
  }
  if (service->second.empty()) return;  // endpoints of a Service without a selector are its owner's
  Json endpoints = Json::array();
  for (const auto& [name, pod] : pods_) {
    const bool selected = pod.name_space == key.name_space && matches(service->second, pod.labels);
    if (selected && pod.started) endpoints.push_back(endpoint(pod));
  }
  if (slice != slices_.end() && slice->second.endpoints == endpoints) return;
  const std::string name = slice == slices_.end() ? key.name + "-" + suffix() : slice->second.name;
  slices_.insert_or_assign(key, Slice{name, endpoints});
  server_.objects().put(kube::kEndpointSlices, slice_object(key, name, endpoints), kManager);
}

// Five characters, of those that Kubernetes uses.
std::string Cluster::suffix() {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string text;
  for (int i = 0; i < 5; ++i) {
    text += kAlphabet[static_cast<std::size_t>(random_.between(0, std::ssize(kAlphabet) - 1))];
  }
  return text;
}

}  // namespace weir::simulation
