#include "operator/reconcile/observe.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "operator/base/json.h"
#include "operator/canary/workload.h"
#include "operator/kube/object.h"
#include "operator/lead/epoch.h"
#include "operator/reconcile/admission.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/interest.h"
#include "operator/reconcile/managed.h"
#include "operator/reconcile/metrics_request.h"
#include "operator/reconcile/rivals.h"
#include "operator/reconcile/selector.h"
#include "operator/reconcile/service_endpoints.h"
#include "operator/reconcile/services.h"
#include "operator/reconcile/standing.h"
#include "operator/reconcile/trim.h"
#include "operator/routing/registry.h"
#include "strategies/context.h"

namespace weir::reconcile {
namespace {

using strategies::kConflict;
using strategies::kProgressing;
using strategies::Milliseconds;
using strategies::Obstacle;
using strategies::Phase;
using strategies::Selects;

class Observer {
 public:
  Observer(Snapshot& snapshot, const kube::Stores& stores, const routing::Router& router,
           base::Clock::Steady now, const Means& means)
      : snapshot_(snapshot), stores_(stores), router_(router), now_(now), means_(means) {}

  void run() {
    auto& seen = snapshot_.observed;
    seen.generation = snapshot_.canary.generation;
    seen.has_finalizer = snapshot_.canary.has_finalizer;
    seen.deleting = snapshot_.canary.deleting;
    seen.rollback_requested = snapshot_.canary.rollback_requested;
    seen.departures = snapshot_.canary.departures;
    // What is over rests: only what it left behind concerns it, and the Service that it was promoted to.
    if (strategies::is_final(snapshot_.canary.status.phase)) {
      snapshot_.managed.push_back(
          {kube::kCanaries, std::make_shared<const Json>(snapshot_.object), false, false});
      find_leftovers();
      find_standing();
      return;
    }
    seen.abilities = router_.abilities();
    seen.words = router_.words();
    seen.cluster_domain = means_.cluster_domain;
    find_rivals();
    find_service();
    find_candidate();
    find_stable();
    find_own_services();
    const auto reading = find_routes();
    find_others();
    find_templates();
    snapshot_.managed = managed_objects(snapshot_, stores_, reading, router_);
    seen.marked = std::ranges::any_of(snapshot_.managed, [](const ManagedObject& one) {
      return one.of_user && lead::is_claimed(*one.object);
    });
  }

 private:
  [[nodiscard]] const std::string& name_space() const { return snapshot_.canary.name_space; }
  [[nodiscard]] const strategies::Spec& spec() const { return snapshot_.canary.spec; }
  [[nodiscard]] bool is_pending() const { return snapshot_.canary.status.phase == Phase::Pending; }

  void refuse(std::string_view condition, std::string reason, std::string message) {
    snapshot_.observed.obstacles.push_back({std::string(condition), std::move(reason), std::move(message)});
  }

  void find_leftovers() {
    for (auto& made : made_by(snapshot_.canary.uid, name_space(), stores_)) {
      const bool led_to = is_led_to(made, stores_);
      const bool unused = means_.unused == nullptr ? !led_to : means_.unused->note(made, led_to, now_);
      if (unused) {
        snapshot_.leftovers.push_back(std::move(made));
      } else {
        snapshot_.observed.leftovers_wait = true;
      }
    }
    snapshot_.observed.leftovers = !snapshot_.leftovers.empty();
  }

  // What was promoted is what the record says, whatever the spec has become.
  void find_standing() {
    auto found = reconcile::find_standing(snapshot_.canary, stores_, now_);
    const auto& identity = snapshot_.canary.status.identity;
    if (!found || !identity) return;
    snapshot_.canary.spec.service.version_label = identity->version_label;
    snapshot_.target.candidate_version = identity->candidate_version;
    snapshot_.service = std::move(found->service);
    snapshot_.candidate = std::move(found->candidate);
    snapshot_.observed.standing = std::move(found->standing);
  }

  void find_rivals() {
    auto rivals = reconcile::find_rivals(snapshot_.canary, stores_);
    if (rivals.waits_for) snapshot_.observed.obstacles.push_back(*std::move(rivals.waits_for));
    snapshot_.observed.candidate_is_anothers = rivals.shares_target;
    auto& requested = snapshot_.observed.rollback_requested;
    // What is promoted already is no longer in the way.
    if (rivals.superseded_by.empty() || !requested.empty()) return;
    if (snapshot_.canary.status.phase != Phase::Finalizing)
      requested = "superseded by Canary " + rivals.superseded_by;
  }

  void find_service() {
    const auto stored = stores_.services.get({name_space(), spec().service.name});
    if (!stored) {
      return refuse(kProgressing, "ServiceNotFound",
                    "Service " + spec().service.name + " (spec.service.name) does not exist in namespace " +
                        name_space());
    }
    snapshot_.service = *stored->object;
    snapshot_.observed.service = strategies::ServiceState{
        .age = age_of(*stored, now_), .changed_by = base::text(last_write(snapshot_.service), {"manager"})};
    if (!is_pending()) return;
    add(cannot_divide(snapshot_.service, spec().service.version_label, router_.abilities().selects_both));
  }

  void add(std::optional<Obstacle> obstacle) {
    if (obstacle) snapshot_.observed.obstacles.push_back(*std::move(obstacle));
  }

  std::optional<strategies::Workload> read(const std::string& name, Json& deployment,
                                           std::string strategies::Identity::* recorded) {
    const auto stored = stores_.deployments.get({name_space(), name});
    if (!stored) return std::nullopt;
    deployment = *stored->object;
    const auto& identity = snapshot_.canary.status.identity;
    auto workload = canary::read_deployment(deployment, spec().service.version_label,
                                            identity ? (*identity).*recorded : std::string());
    if (workload.ready < workload.replicas && !waits_for_others())
      workload.pod_problem = canary::pod_problem(pods_of(deployment));
    return workload;
  }

  // Before it begins a release that is held up by something else than its pods need not know what ails them.
  [[nodiscard]] bool waits_for_others() const {
    return is_pending() && (spec().suspend || !snapshot_.observed.obstacles.empty());
  }

  [[nodiscard]] std::vector<Json> pods_of(const Json& deployment) const {
    const Json::json_pointer path("/spec/selector/matchLabels");
    if (!deployment.contains(path)) return {};
    // Deployments of both versions may select by what their pods have in common.
    const auto& label = spec().service.version_label;
    const auto version = canary::read_deployment(deployment, label).version;
    std::string text = version.empty() ? "" : label + "=" + version;
    for (const auto& [key, value] : deployment.at(path).items()) {
      if (key == label) continue;
      if (!text.empty()) text += ',';
      text += key + "=" + value.get<std::string>();
    }
    return means_.list_pods(name_space(), text);
  }

  void find_candidate() {
    // A release that has begun goes on with the workload it began with, whatever the spec says now.
    const auto& name = is_pending() ? spec().target.name : snapshot_.canary.status.target;
    snapshot_.observed.candidate = read(name, snapshot_.candidate, &strategies::Identity::candidate_version);
    if (!snapshot_.observed.candidate) {
      refuse(kProgressing, "TargetNotFound",
             "Deployment " + name + " (spec.targetRef.name) does not exist in namespace " + name_space());
    }
  }

  void find_stable() {
    const auto& known = snapshot_.canary.status.stable.name;
    std::string name;
    if (!is_pending() && !known.empty()) {
      name = known;
    } else if (const auto& given = spec().stable_ref) {
      name = given->name;
    } else {
      name = selected_workload();
    }
    if (name.empty()) return;
    snapshot_.observed.stable = read(name, snapshot_.stable, &strategies::Identity::stable_version);
    if (!snapshot_.observed.stable) {
      refuse(kProgressing, "StableNotFound",
             "the stable Deployment " + name + " does not exist in namespace " + name_space());
    } else if (is_pending() && spec().stable_ref && !snapshot_.service.is_null()) {
      add(not_selected(snapshot_.service, snapshot_.stable));
    }
  }

  // Who else has to do with the pods: what is chosen by them, and whom the widened selector would choose.
  void find_others() {
    auto& seen = snapshot_.observed;
    if (snapshot_.service.is_null() || snapshot_.stable.is_null() || snapshot_.candidate.is_null()) return;
    seen.stable_only_services = services_of_only(snapshot_.stable, snapshot_.candidate, stores_);
    std::erase_if(seen.stable_only_services, [&](const std::string& name) { return is_of_release(name); });
    if (is_pending()) warn_of_other_services();
    const bool widens =
        seen.abilities.selects_both && spec().service.mode == strategies::ServiceMode::Placeholder;
    if (!widens) return;
    const auto bystanders = find_bystanders(snapshot_.service, spec().service.version_label, snapshot_.stable,
                                            snapshot_.candidate, !is_pending(), stores_);
    if (is_pending() && !bystanders.strangers.empty())
      add(strangers_selected(snapshot_.service, bystanders.strangers));
    auto others = bystanders.versions;
    if (!is_pending()) others.insert(others.end(), bystanders.strangers.begin(), bystanders.strangers.end());
    if (!others.empty()) seen.not_isolated.push_back(versions_selected(snapshot_.service, others));
  }

  // The Service itself, and those that the release makes.
  [[nodiscard]] bool is_of_release(const std::string& name) const {
    const auto& wanted = snapshot_.wanted_services;
    return name == spec().service.name || std::ranges::any_of(wanted, [&](const Json& service) {
             return kube::metadata_text(service, "name") == name;
           });
  }

  void warn_of_other_services() {
    auto& seen = snapshot_.observed;
    if (!seen.stable || !seen.candidate || seen.stable_only_services.empty() ||
        spec().stable.after_promotion == strategies::AfterPromotion::Keep)
      return;
    std::string names;
    for (const auto& name : seen.stable_only_services) names += (names.empty() ? "" : ", ") + name;
    const auto& stable = seen.stable->name;
    seen.warnings.push_back(
        {"OtherServices", "Service " + names + " selects pods of " + stable + " and none of " +
                              seen.candidate->name + ": " + stable +
                              " keeps its pods after the promotion, unless the selector matches " +
                              seen.candidate->name + "'s by then"});
  }

  // The one workload, other than the target, whose pods the Service selects.
  std::string selected_workload() {
    if (snapshot_.service.is_null() || snapshot_.candidate.is_null()) return {};
    auto names = selected_workloads(snapshot_.service, name_space(), stores_.deployments);
    const auto& target = spec().target.name;
    const bool selects_target = std::erase(names, target) > 0;
    if (names.size() == 1) return names.front();
    if (selects_target && names.empty()) {
      refuse(
          kProgressing, "TargetIsStable",
          "Service " + spec().service.name + " selects " + target + " already: there is nothing to release");
    } else if (names.empty()) {
      refuse(kProgressing, "StableNotFound",
             "the selector of Service " + spec().service.name +
                 " matches the pods of no Deployment: set spec.stableRef");
    } else {
      std::string list;
      for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
      refuse(kProgressing, "StableAmbiguous",
             "the selector of Service " + spec().service.name + " matches the pods of several Deployments (" +
                 list + "): set spec.stableRef");
    }
    return {};
  }

  void find_own_services() {
    auto& seen = snapshot_.observed;
    const auto& status = snapshot_.canary.status;
    const auto version = [&](const std::optional<strategies::Workload>& workload,
                             const strategies::VersionStatus& known,
                             std::string strategies::Identity::* recorded) {
      if (status.identity) return (*status.identity).*recorded;
      return workload ? workload->version : known.version;
    };
    const auto stable = version(seen.stable, status.stable, &strategies::Identity::stable_version);
    const auto candidate =
        version(seen.candidate, status.candidate, &strategies::Identity::candidate_version);
    name_versions(stable, candidate);
    if (!seen.service || stable.empty() || candidate.empty()) return;
    auto& service = *seen.service;
    service.selects = selects(snapshot_.service, spec().service.version_label, stable, candidate);
    if (service.selects == Selects::Other) {
      refuse(kProgressing, "SelectorMismatch",
             "the selector of Service " + spec().service.name + " has " + spec().service.version_label + "=" +
                 selector_of(snapshot_.service).value(spec().service.version_label, "") + ": accepted are " +
                 stable + " and " + candidate);
    }
    check_selector(template_labels(snapshot_.candidate));
    snapshot_.wanted_services = wanted_services(snapshot_.canary, snapshot_.service, stable, candidate);
    seen.version_services = true;
    for (const auto& wanted : snapshot_.wanted_services) inspect(wanted, service);
    count();
  }

  void name_versions(const std::string& stable, const std::string& candidate) {
    auto& target = snapshot_.target;
    auto names = service_names(spec(), stable, candidate);
    target.stable_version = stable;
    target.candidate_version = candidate;
    target.traffic_host = std::move(names.traffic);
    if (stable.empty() || candidate.empty()) return;
    target.stable_service = std::move(names.stable);
    target.candidate_service = std::move(names.candidate);
  }

  void check_selector(const Json& labels) {
    if (snapshot_.candidate.is_null()) return;
    auto keys = selector_of(snapshot_.service);
    keys.erase(spec().service.version_label);
    if (matches(keys, labels)) return;
    refuse(kProgressing, "SelectorMismatch",
           "the pods of " + spec().target.name + " lack labels of Service " + spec().service.name +
               "'s selector " + keys.dump() + ": it would never select them");
  }

  void inspect(const Json& wanted, strategies::ServiceState& service) {
    auto& seen = snapshot_.observed;
    const auto name = kube::metadata_text(wanted, "name");
    const auto stored = stores_.services.get({name_space(), name});
    if (!stored) {
      seen.version_services = false;
    } else if (!routing::is_made_by(*stored->object, snapshot_.canary.uid)) {
      seen.version_services = false;
      const auto other = routing::maker_of(*stored->object);
      refuse(kConflict, "NameTaken",
             "Service " + name +
                 (other ? " was made by another release, of Canary " + other->canary +
                              ": this one waits until it is gone; if that Canary is gone, it goes once no "
                              "route leads to it"
                        : " exists and is not this release's: it is not touched; rename it or the version"));
    } else {
      const bool led_to = is_led_to({kube::kServices, stored->object, false, true}, stores_);
      seen.any_version_services = seen.any_version_services || !led_to;
      snapshot_.existing_services.push_back(*stored->object);
      if (!is_as_wanted(*stored->object, wanted)) seen.version_services = false;
      // The newest change of what receives traffic counts.
      if (name == snapshot_.target.traffic_host) service.age = std::min(service.age, age_of(*stored, now_));
    }
  }

  void count() {
    const TrafficServices services{.traffic = snapshot_.target.traffic_host,
                                   .stable = snapshot_.target.stable_service,
                                   .candidate = snapshot_.target.candidate_service,
                                   .selects_both = router_.abilities().selects_both};
    const bool dedicated = spec().service.mode == strategies::ServiceMode::Dedicated;
    note_endpoints(services, dedicated, {name_space(), now_}, stores_, snapshot_.observed);
  }

  routing::Router::Reading find_routes() {
    auto& target = snapshot_.target;
    target.name_space = name_space();
    target.service = spec().service.name;
    target.version_label = spec().service.version_label;
    const auto& identity = snapshot_.canary.status.identity;
    const bool recorded = identity && !identity->cluster_domain.empty();
    target.cluster_domain = recorded ? identity->cluster_domain : means_.cluster_domain;
    target.settings = Json::parse(spec().routing.settings, nullptr, /*allow_exceptions=*/false);
    target.records = snapshot_.canary.status.routes;
    target.maker = maker(snapshot_.canary);
    target.stable_labels = template_labels(snapshot_.stable);
    target.candidate_labels = template_labels(snapshot_.candidate);
    if (target.stable_version.empty() || target.candidate_version.empty()) return {};
    snapshot_.objects = router_.gather(target, stores_);
    auto reading = router_.read(target, snapshot_.objects);
    auto& seen = snapshot_.observed;
    for (auto& refusal : reading.refusals) {
      seen.obstacles.push_back(
          {std::move(refusal.condition), std::move(refusal.reason), std::move(refusal.message)});
    }
    seen.not_isolated = std::move(reading.not_isolated);
    seen.warnings = std::move(reading.warnings);
    find_fixed(reading);
    if (is_pending() && !seen.abilities.divides) {
      if (auto warning = nothing_to_judge(snapshot_.canary)) seen.warnings.push_back(*std::move(warning));
    }
    seen.routes = reading.routes;
    seen.foundation = reading.foundation;
    if (seen.routes) date_routes(reading.route_objects, *seen.routes);
    if (seen.foundation && reading.foundation_object) {
      if (const auto stored = find(*reading.foundation_object)) seen.foundation->age = age_of(*stored, now_);
    }
    return reading;
  }

  // Routes that would lead nowhere after the promotion: it waits for them, unless stable keeps its pods.
  void find_fixed(routing::Router::Reading& reading) {
    auto& seen = snapshot_.observed;
    const bool keeps = spec().stable.after_promotion == strategies::AfterPromotion::Keep;
    for (auto& one : reading.fixed_to_stable) {
      if (keeps) {
        seen.warnings.push_back({one.reason, one.message});
      } else {
        add(leads_to_stable(one));
      }
      seen.fixed_to_stable.push_back(std::move(one.message));
    }
    seen.fixed_to_candidate = std::move(reading.fixed_to_candidate);
  }

  [[nodiscard]] std::optional<kube::Stored> find(const routing::ObjectName& object) const {
    const auto* store = stores_.of(object.kind);
    return store == nullptr ? std::nullopt : store->get({name_space(), object.name});
  }

  void date_routes(const std::vector<routing::ObjectName>& objects, strategies::RouteState& routes) const {
    routes.age = Milliseconds::max();
    for (const auto& object : objects) {
      const auto stored = find(object);
      if (!stored) continue;
      const auto age = age_of(*stored, now_);
      if (age > routes.age) continue;
      routes.age = age;
      routes.changed_by = base::text(last_write(*stored->object), {"manager"});
    }
  }

  void find_templates() {
    if (snapshot_.canary.status.phase > Phase::Progressing) return;
    for (const auto& metric : snapshot_.canary.metrics) {
      auto obstacle =
          obstacle_to(metric, name_space(), stores_.metric_templates, means_.cross_namespace_templates);
      if (obstacle) snapshot_.observed.obstacles.push_back(*std::move(obstacle));
    }
  }

  Snapshot& snapshot_;
  const kube::Stores& stores_;
  const routing::Router& router_;
  base::Clock::Steady now_;
  const Means& means_;
};

}  // namespace

Milliseconds age_of(const kube::Stored& stored, base::Clock::Steady now) {
  return std::max(std::chrono::duration_cast<Milliseconds>(now - stored.since), Milliseconds{0});
}

Snapshot observe(const canary::Canary& canary, const Json& object, const kube::Stores& stores,
                 base::Clock::Steady now, const Means& means) {
  Snapshot snapshot{
      .canary = canary, .object = object, .router = &routing::router_named(canary.spec.routing.provider)};
  Observer(snapshot, stores, *snapshot.router, now, means).run();
  return snapshot;
}

}  // namespace weir::reconcile
