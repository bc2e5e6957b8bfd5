#include "operator/reconcile/standing.h"

#include <algorithm>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "operator/base/json.h"
#include "operator/base/time.h"
#include "operator/canary/workload.h"
#include "operator/kube/object.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/finished.h"
#include "operator/reconcile/interest.h"
#include "operator/reconcile/observe.h"
#include "operator/reconcile/selector.h"
#include "operator/reconcile/services.h"
#include "operator/reconcile/trim.h"
#include "strategies/standing.h"

namespace weir::reconcile {
namespace {

using base::text;
using strategies::LeadsTo;
using strategies::TimePoint;

// By this the last of several promotions is found.
using Promotion = std::pair<TimePoint, std::string>;

bool is_promoted(const Json& canary) {
  return text(canary, {"status", "phase"}) == to_string(strategies::Phase::Succeeded);
}

Promotion promotion_of(const Json& canary) {
  const auto ended = base::parse_time(text(canary, {"status", "lastTransitionTime"}));
  return {ended.value_or(TimePoint{}), kube::metadata_text(canary, "name")};
}

Promotion promotion_of(const canary::Canary& release) {
  return {release.status.last_transition_time.value_or(TimePoint{}), release.name};
}

bool has_unfinished(const kube::Key& service, const kube::Stores& stores) {
  const auto any = [&](const std::string& term) { return !stores.canaries.keys_with(term).empty(); };
  return any(begun_on(service.name, service.name_space)) ||
         any(waiting_for(service.name, service.name_space));
}

bool was_promoted_after(const Json& other, const canary::Canary& release) {
  return is_promoted(other) && kube::metadata_text(other, "uid") != release.uid &&
         promotion_of(other) > promotion_of(release);
}

// Name of the Canary that was promoted to the Service after this one; empty: there is none any more.
std::string successor_of(const canary::Canary& release, const kube::Key& service,
                         const kube::Stores& stores) {
  // Names that come later are often those of later releases.
  const auto keys = stores.canaries.keys_with(released_on(service.name, service.name_space));
  for (const auto& key : std::views::reverse(keys)) {
    const auto other = stores.canaries.get(key);
    if (other && service_of(*other->object) == service && was_promoted_after(*other->object, release))
      return key.name;
  }
  return {};
}

// Whether the Service would lead to ready pods of the candidate if the version were in its selector.
bool would_answer(const PromotedService& found, const strategies::Identity& identity) {
  const auto& candidate = found.workload;
  if (!candidate || candidate->ready < 1) return false;
  auto keys = selector_of(found.service);
  keys.erase(identity.version_label);
  return matches(keys, template_labels(found.candidate));
}

bool has_version(const Json& deployment, const strategies::Identity& identity) {
  return text(template_labels(deployment), {identity.version_label.c_str()}) == identity.candidate_version;
}

LeadsTo leads_to(const PromotedService& found, const std::string& promoted, int ready) {
  const auto& standing = found.standing;
  if (standing.selected == promoted) {
    const bool has_it = found.workload && found.workload->version == promoted;
    return has_it || ready > 0 ? LeadsTo::Candidate : LeadsTo::Nobody;
  }
  // Without the version every version is selected, and no selector is to blame where none is ready.
  if (standing.selected.empty() && (standing.candidate_ready || ready == 0)) return LeadsTo::Candidate;
  return ready > 0 ? LeadsTo::Others : LeadsTo::Nobody;
}

// Ready endpoints of the Service; where there are none, `age` becomes that of this at most.
int count_ready(const kube::Key& service, const kube::Stores& stores, base::Clock::Steady now,
                strategies::Milliseconds& age) {
  std::vector<Json> slices;
  auto youngest = age;
  for (const auto& stored :
       stores.endpoint_slices.list_with(slices_behind(service.name, service.name_space))) {
    slices.push_back(*stored.object);
    youngest = std::min(youngest, age_of(stored, now));
  }
  const int ready = count_endpoints(slices, {.traffic = service.name}).all;
  if (ready == 0) age = youngest;
  return ready;
}

PromotedService look_at(const canary::Canary& release, const strategies::Identity& identity,
                        const kube::Stored& service, const kube::Stores& stores, base::Clock::Steady now) {
  PromotedService found;
  found.service = *service.object;
  auto& standing = found.standing;
  if (const auto stored = stores.deployments.get({release.name_space, release.status.target})) {
    found.candidate = *stored->object;
    found.workload =
        canary::read_deployment(found.candidate, identity.version_label, identity.candidate_version);
  }
  standing.selected = text(found.service, {"spec", "selector", identity.version_label.c_str()});
  standing.changed_by = text(last_write(found.service), {"manager"});
  standing.candidate_ready = would_answer(found, identity);
  standing.age = age_of(service, now);
  const int ready = count_ready({release.name_space, identity.service}, stores, now, standing.age);
  standing.leads_to = leads_to(found, identity.candidate_version, ready);
  return found;
}

}  // namespace

bool takes_over(const Json& other, const canary::Canary& release) {
  if (kube::metadata_text(other, "uid") == release.uid) return false;
  return !is_over(other) || was_promoted_after(other, release);
}

std::optional<kube::Key> last_promoted(const kube::Key& service, const kube::Stores& stores) {
  if (has_unfinished(service, stores)) return std::nullopt;
  std::optional<Promotion> last;
  for (const auto& stored : stores.canaries.list_with(standing_on(service.name, service.name_space))) {
    const auto& canary = *stored.object;
    if (service_of(canary) != service) continue;
    auto promotion = promotion_of(canary);
    if (!last || promotion > *last) last = std::move(promotion);
  }
  if (!last) return std::nullopt;
  return kube::Key{service.name_space, last->second};
}

std::optional<PromotedService> find_standing(const canary::Canary& release, const kube::Stores& stores,
                                             base::Clock::Steady now) {
  const auto& identity = release.status.identity;
  const bool stands = release.status.phase == strategies::Phase::Succeeded && !release.deleting;
  if (!stands || !identity || identity->service != release.spec.service.name || begins_anew(release))
    return std::nullopt;
  if (!release.status.successor.empty()) return std::nullopt;
  const kube::Key key{release.name_space, identity->service};
  if (auto successor = successor_of(release, key, stores); !successor.empty()) {
    PromotedService left;
    left.standing = {.leads_to = LeadsTo::Others, .successor = std::move(successor)};
    return left;
  }
  const auto service = stores.services.get(key);
  if (!service) return std::nullopt;
  const bool as_left = text(*service->object, {"spec", "selector", identity->version_label.c_str()}) ==
                       identity->candidate_version;
  const auto candidate = stores.deployments.get({release.name_space, release.status.target});
  const bool all_as_left = as_left && (!candidate || has_version(*candidate->object, *identity));
  if (all_as_left && strategies::said_of_service(release.status) == nullptr) return std::nullopt;
  if (has_unfinished(key, stores)) return std::nullopt;
  return look_at(release, *identity, *service, stores, now);
}

}  // namespace weir::reconcile
