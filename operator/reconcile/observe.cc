#include "operator/reconcile/observe.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "operator/base/json.h"
#include "operator/canary/workload.h"
#include "operator/kube/object.h"
#include "operator/lead/epoch.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/interest.h"
#include "operator/reconcile/record.h"
#include "operator/reconcile/services.h"
#include "operator/reconcile/trim.h"
#include "operator/routing/istio/mentions.h"
#include "operator/routing/istio/rules.h"

namespace weir::reconcile {
namespace {

using strategies::Milliseconds;
using strategies::Obstacle;
using strategies::Phase;
using strategies::Selects;

constexpr const char* kProgressing = "Progressing";
constexpr const char* kConflict = "Conflict";

Milliseconds age_of(const kube::Stored& stored, base::Clock::Steady now) {
  return std::max(std::chrono::duration_cast<Milliseconds>(now - stored.since), Milliseconds{0});
}

bool matches(const Json& selector, const Json& labels) {
  return std::ranges::all_of(
      selector.items(), [&](const auto& item) { return labels.value(item.key(), Json()) == item.value(); });
}

Json template_labels(const Json& deployment) {
  const Json::json_pointer path("/spec/template/metadata/labels");
  return deployment.contains(path) ? deployment.at(path) : Json::object();
}

class Observer {
 public:
  Observer(Scene& scene, const kube::Stores& stores, const routing::Provider& provider,
           base::Clock::Steady now, const Means& means)
      : scene_(scene), stores_(stores), provider_(provider), now_(now), means_(means) {}

  void run() {
    auto& seen = scene_.observed;
    seen.generation = scene_.canary.generation;
    seen.has_finalizer = scene_.canary.has_finalizer;
    seen.deleting = scene_.canary.deleting;
    seen.rollback_requested = scene_.canary.rollback_requested;
    // What is over rests: only what it left behind concerns it.
    if (strategies::is_final(scene_.canary.status.phase)) {
      scene_.parts.push_back({kube::kCanaries, std::make_shared<const Json>(scene_.object), false, false});
      return find_leftovers();
    }
    find_other_release();
    find_service();
    find_candidate();
    find_stable();
    find_own_services();
    find_routes();
    find_templates();
    find_parts();
  }

 private:
  [[nodiscard]] const std::string& name_space() const { return scene_.canary.name_space; }
  [[nodiscard]] const strategies::Spec& spec() const { return scene_.canary.spec; }
  [[nodiscard]] bool is_pending() const { return scene_.canary.status.phase == Phase::Pending; }

  void refuse(const char* condition, std::string reason, std::string message) {
    scene_.observed.obstacles.push_back({condition, std::move(reason), std::move(message)});
  }

  // The other releases of the Service that the term finds, until one of them settles the matter.
  bool any_release(const std::string& term, const std::function<bool(const canary::Canary&)>& settles) const {
    return std::ranges::any_of(stores_.canaries.keys_with(term), [&](const kube::Key& key) {
      if (key == kube::Key{name_space(), scene_.canary.name}) return false;
      const auto stored = stores_.canaries.get(key);
      if (!stored || is_over(*stored->object)) return false;
      const auto other = canary::parse(*stored->object);
      return other && other->spec.service.name == spec().service.name && settles(*other);
    });
  }

  // Of two releases of one Service the one that has begun goes first, then the older one, unless the newer
  // supersedes.
  void find_other_release() {
    const auto& mine = scene_.canary;
    const auto& service = spec().service.name;
    const auto older = [&](const canary::Canary& other) {
      return std::pair(other.created, other.name) < std::pair(mine.created, mine.name);
    };
    const auto yields = [&](const canary::Canary& newer) {
      if (older(newer)) return false;
      yield_to(newer);
      return true;
    };
    if (any_release(superseding_on(service, name_space()), yields) || !is_pending()) return;
    const auto waits = [&](const canary::Canary& other) {
      if (other.status.phase == Phase::Pending && (spec().supersede || !older(other))) return false;
      refuse(
          kConflict, "OtherRelease",
          "Canary " + other.name + " is releasing Service " + service + ": this one waits until it is over");
      return true;
    };
    (void)(any_release(begun_on(service, name_space()), waits) ||
           any_release(waiting_for(service, name_space()), waits));
  }

  // What is promoted already is no longer in the way.
  void yield_to(const canary::Canary& newer) {
    if (scene_.canary.status.phase == Phase::Finalizing || !scene_.observed.rollback_requested.empty())
      return;
    scene_.observed.rollback_requested = "superseded by Canary " + newer.name;
  }

  void find_service() {
    const auto stored = stores_.services.get({name_space(), spec().service.name});
    if (!stored) {
      return refuse(kProgressing, "ServiceNotFound",
                    "Service " + spec().service.name + " (spec.service.name) does not exist in namespace " +
                        name_space());
    }
    scene_.service = *stored->object;
    scene_.observed.service = strategies::ServiceState{
        .age = age_of(*stored, now_), .changed_by = base::text(last_write(scene_.service), {"manager"})};
  }

  [[nodiscard]] Json selector() const {
    return scene_.service.value("spec", Json::object()).value("selector", Json::object());
  }

  std::optional<strategies::Workload> read(const std::string& name, Json& deployment) {
    const auto stored = stores_.deployments.get({name_space(), name});
    if (!stored) return std::nullopt;
    deployment = *stored->object;
    auto workload = canary::read_deployment(deployment, spec().service.version_label);
    if (workload.ready < workload.replicas && !waits_for_others())
      workload.pod_problem = canary::pod_problem(pods_of(deployment));
    return workload;
  }

  // Before it begins a release that is held up by something else than its pods need not know what ails them.
  [[nodiscard]] bool waits_for_others() const {
    return is_pending() && (spec().suspend || !scene_.observed.obstacles.empty());
  }

  [[nodiscard]] std::vector<Json> pods_of(const Json& deployment) const {
    const Json::json_pointer path("/spec/selector/matchLabels");
    if (!deployment.contains(path)) return {};
    std::string text;
    for (const auto& [key, value] : deployment.at(path).items()) {
      if (!text.empty()) text += ',';
      text += key + "=" + value.get<std::string>();
    }
    return means_.list_pods(name_space(), text);
  }

  void find_candidate() {
    // A release that has begun goes on with the workload it began with, whatever the spec says now.
    const auto& name = is_pending() ? spec().target.name : scene_.canary.status.target;
    scene_.observed.candidate = read(name, scene_.candidate);
    if (!scene_.observed.candidate) {
      refuse(kProgressing, "TargetNotFound",
             "Deployment " + name + " (spec.targetRef.name) does not exist in namespace " + name_space());
    }
  }

  void find_stable() {
    const auto& known = scene_.canary.status.stable.name;
    std::string name;
    if (!is_pending() && !known.empty()) {
      name = known;
    } else if (const auto& given = spec().stable_ref) {
      name = given->name;
    } else {
      name = selected_workload();
    }
    if (name.empty()) return;
    scene_.observed.stable = read(name, scene_.stable);
    if (!scene_.observed.stable) {
      refuse(kProgressing, "StableNotFound",
             "the stable Deployment " + name + " does not exist in namespace " + name_space());
    }
  }

  // The one workload, other than the target, whose pods the Service selects.
  std::string selected_workload() {
    if (scene_.service.is_null() || scene_.candidate.is_null()) return {};
    const auto keys = selector();
    std::vector<std::string> names;
    for (const auto& stored : stores_.deployments.list_with(labelled_as(keys, name_space()))) {
      if (matches(keys, template_labels(*stored.object)))
        names.push_back(kube::metadata_text(*stored.object, "name"));
    }
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

  [[nodiscard]] Selects selects(const std::string& stable, const std::string& candidate) const {
    const auto keys = selector();
    const auto version = keys.find(spec().service.version_label);
    if (version == keys.end()) return Selects::Both;
    if (*version == stable) return Selects::Stable;
    return *version == candidate ? Selects::Candidate : Selects::Other;
  }

  void find_own_services() {
    auto& seen = scene_.observed;
    // Without the workloads the versions are known from status: cleaning up must not depend on them.
    const auto stable = seen.stable ? seen.stable->version : scene_.canary.status.stable.version;
    const auto candidate = seen.candidate ? seen.candidate->version : scene_.canary.status.candidate.version;
    scene_.target.stable_version = stable;
    scene_.target.candidate_version = candidate;
    if (!seen.service || stable.empty() || candidate.empty()) return;
    auto& service = *seen.service;
    service.selects = selects(stable, candidate);
    if (service.selects == Selects::Other) {
      refuse(kProgressing, "SelectorMismatch",
             "the selector of Service " + spec().service.name + " has " + spec().service.version_label + "=" +
                 selector().value(spec().service.version_label, "") + ": accepted are " + stable + " and " +
                 candidate);
    }
    check_selector(template_labels(scene_.candidate));
    scene_.wanted_services = wanted_services(scene_.canary, scene_.service, stable, candidate);
    seen.version_services = true;
    for (const auto& wanted : scene_.wanted_services) inspect(wanted, service);
    count(stable, candidate, service);
  }

  void check_selector(const Json& labels) {
    if (scene_.candidate.is_null()) return;
    auto keys = selector();
    keys.erase(spec().service.version_label);
    if (matches(keys, labels)) return;
    refuse(kProgressing, "SelectorMismatch",
           "the pods of " + spec().target.name + " lack labels of Service " + spec().service.name +
               "'s selector " + keys.dump() + ": it would never select them");
  }

  void inspect(const Json& wanted, strategies::ServiceState& service) {
    auto& seen = scene_.observed;
    const auto name = kube::metadata_text(wanted, "name");
    const auto stored = stores_.services.get({name_space(), name});
    if (!stored) {
      seen.version_services = false;
    } else if (!is_owned_by(*stored->object, scene_.canary.uid)) {
      seen.version_services = false;
      refuse(kConflict, "NameTaken",
             "Service " + name +
                 " exists and is not this release's: it is not touched; rename it or the version");
    } else {
      seen.any_version_services = true;
      scene_.existing_services.push_back(*stored->object);
      if (!is_as_wanted(*stored->object, wanted)) seen.version_services = false;
      // The newest change of what receives traffic counts.
      if (name == traffic_service_name(spec())) service.age = std::min(service.age, age_of(*stored, now_));
    }
  }

  void count(const std::string& stable, const std::string& candidate, strategies::ServiceState& service) {
    const auto traffic = traffic_service_name(spec());
    const auto of_stable = version_service_name(spec().service.name, stable);
    const auto of_candidate = version_service_name(spec().service.name, candidate);
    std::vector<Json> slices;
    service.endpoints_age = Milliseconds::max();
    for (const auto& name : {traffic, of_stable, of_candidate}) {
      for (const auto& stored : stores_.endpoint_slices.list_with(slices_behind(name, name_space()))) {
        slices.push_back(*stored.object);
        if (name == traffic) service.endpoints_age = std::min(service.endpoints_age, age_of(stored, now_));
      }
    }
    const auto counts = count_endpoints(slices, traffic, of_stable, of_candidate);
    service.stable_endpoints = counts.stable;
    service.candidate_endpoints = counts.candidate;
    if (scene_.observed.version_services) return;
    // Before the versions have Services of their own, the selector says whose the endpoints are.
    if (service.selects == Selects::Stable) service.stable_endpoints = counts.all;
    if (service.selects == Selects::Candidate) service.candidate_endpoints = counts.all;
  }

  void find_routes() {
    auto& seen = scene_.observed;
    auto& target = scene_.target;
    target.name_space = name_space();
    target.service = spec().service.name;
    target.traffic_host = traffic_service_name(spec());
    target.version_label = spec().service.version_label;
    target.routing = spec().routing;
    target.records = scene_.canary.status.routes;
    target.owner = owner_reference(scene_.canary);
    if (target.stable_version.empty() || target.candidate_version.empty()) return;
    scene_.objects = related_objects();
    auto reading = provider_.read(target, scene_.objects);
    for (auto& refusal : reading.refusals) {
      seen.obstacles.push_back(
          {std::move(refusal.condition), std::move(refusal.reason), std::move(refusal.message)});
    }
    seen.not_isolated = std::move(reading.not_isolated);
    seen.routes = std::move(reading.routes);
    seen.subsets = std::move(reading.subsets);
    written_routes_ = reading.virtual_services;
    written_rules_ = std::move(reading.destination_rules);
    if (seen.routes) date_routes(reading.virtual_services, *seen.routes);
    if (seen.subsets && !reading.destination_rule.empty()) {
      const auto stored = stores_.destination_rules.get({name_space(), reading.destination_rule});
      if (stored) seen.subsets->age = age_of(*stored, now_);
    }
  }

  using Found = std::map<kube::Key, std::shared_ptr<const Json>>;

  static void add(Found& found, const kube::Store& store, const std::string& term) {
    for (const auto& stored : store.list_with(term))
      found.emplace(kube::key_of(*stored.object), stored.object);
  }
  void add_named(Found& found, const kube::Store& store, const std::string& name) const {
    const auto stored = store.get({name_space(), name});
    if (stored) found.emplace(kube::key_of(*stored->object), stored->object);
  }

  // The routes and rules of the Service, and what else bears on them. Whatever the cluster has besides is of
  // no concern to the provider.
  [[nodiscard]] routing::Objects related_objects() const {
    const auto& target = scene_.target;
    Found routes;
    Found rules;
    for (const auto& host : {target.service, target.traffic_host}) {
      add(routes, stores_.virtual_services, routing::host_term(host, name_space()));
      add(rules, stores_.destination_rules, routing::host_term(host, name_space()));
    }
    for (const auto& listed : target.routing.virtual_services)
      add_named(routes, stores_.virtual_services, listed.name);
    for (const auto& record : target.records) add_named(routes, stores_.virtual_services, record.object);
    add_binding(routes);
    add(rules, stores_.destination_rules, std::string(routing::kWildcardRule));
    add_named(rules, stores_.destination_rules, routing::made_name(target));
    return {.virtual_services = copies(routes), .destination_rules = copies(rules)};
  }

  // Other VirtualServices for the same hosts, and the roots that delegate here.
  void add_binding(Found& routes) const {
    const auto own = routes;
    for (const auto& [key, object] : own) {
      if (key.name_space != name_space()) continue;
      add(routes, stores_.virtual_services, routing::delegate_term(key.name_space, key.name));
      for (const auto& term : routing::bound_host_terms(*object)) add(routes, stores_.virtual_services, term);
    }
  }

  static std::vector<Json> copies(const Found& found) {
    std::vector<Json> objects;
    objects.reserve(found.size());
    for (const auto& [key, object] : found) objects.push_back(*object);
    return objects;
  }

  void date_routes(const std::vector<std::string>& names, strategies::RouteState& routes) {
    routes.age = Milliseconds::max();
    for (const auto& name : names) {
      const auto stored = stores_.virtual_services.get({name_space(), name});
      if (!stored) continue;
      const auto age = age_of(*stored, now_);
      if (age > routes.age) continue;
      routes.age = age;
      routes.changed_by = base::text(last_write(*stored->object), {"manager"});
    }
  }

  void find_templates() {
    if (scene_.canary.status.phase > Phase::Progressing) return;
    for (const auto& metric : scene_.canary.metrics) {
      if (metric.template_name.empty()) continue;
      const auto& space = metric.template_namespace.empty() ? name_space() : metric.template_namespace;
      if (space != name_space() && !means_.cross_namespace_templates) {
        refuse(kProgressing, "CrossNamespaceReference",
               "metric " + metric.metric.name + " names a MetricTemplate of namespace " + space +
                   ": accepted are those of namespace " + name_space());
        continue;
      }
      if (stores_.metric_templates.contains({space, metric.template_name})) continue;
      refuse(kProgressing, "MetricTemplateNotFound",
             "MetricTemplate " + metric.template_name + " of metric " + metric.metric.name +
                 " does not exist in namespace " + space);
    }
  }

  void add_part(const kube::Resource& resource, const kube::Store& store, const std::string& name,
                bool of_user, bool late) {
    const bool known = std::ranges::any_of(scene_.parts, [&](const ManagedObject& part) {
      return part.resource == resource && kube::metadata_text(*part.object, "name") == name;
    });
    const auto stored = known ? std::nullopt : store.get({name_space(), name});
    if (stored) scene_.parts.push_back({resource, stored->object, of_user, late});
  }

  // A release that never left Pending has written to its own Canary, and to the candidate's replicas when it
  // is given up: everything else may be another release's.
  void find_parts() {
    const bool touched = !scene_.canary.status.candidate.template_hash.empty();
    if (touched) {
      for (const auto& name : written_routes_)
        add_part(kube::kVirtualServices, stores_.virtual_services, name, true, false);
      // Somebody may have taken the Service out of a VirtualService meanwhile. Records of rules name none.
      for (const auto& record : scene_.canary.status.routes)
        add_part(kube::kVirtualServices, stores_.virtual_services, record.object, true, false);
    }
    scene_.parts.push_back({kube::kCanaries, std::make_shared<const Json>(scene_.object), false, false});
    if (touched) {
      for (const auto& name : written_rules_)
        add_part(kube::kDestinationRules, stores_.destination_rules, name, true, false);
      add_part(kube::kServices, stores_.services, spec().service.name, true, false);
      for (const auto& service : scene_.existing_services)
        add_part(kube::kServices, stores_.services, kube::metadata_text(service, "name"), false, true);
      add_part(kube::kDeployments, stores_.deployments, kube::metadata_text(scene_.stable, "name"), true,
               true);
    }
    add_part(kube::kDeployments, stores_.deployments, kube::metadata_text(scene_.candidate, "name"), true,
             true);
    scene_.observed.marked = std::ranges::any_of(scene_.parts, [](const ManagedObject& part) {
      return part.of_user && lead::is_claimed(*part.object);
    });
  }

  // Creations that were carried out late leave objects of a release that is over.
  void find_leftovers() {
    const auto find = [&](const kube::Resource& resource, const kube::Store& store) {
      for (const auto& stored : store.list_with(owned_by(scene_.canary.uid))) {
        if (kube::metadata_text(*stored.object, "namespace") != name_space()) continue;
        if (!is_owned_by(*stored.object, scene_.canary.uid)) continue;
        if (!kube::metadata_text(*stored.object, "deletionTimestamp").empty()) continue;
        scene_.leftovers.push_back({resource, stored.object, false, true});
      }
    };
    find(kube::kServices, stores_.services);
    find(kube::kDestinationRules, stores_.destination_rules);
    scene_.observed.leftovers = !scene_.leftovers.empty();
  }

  Scene& scene_;
  const kube::Stores& stores_;
  const routing::Provider& provider_;
  base::Clock::Steady now_;
  const Means& means_;
  std::vector<std::string> written_routes_;  // names of VirtualServices
  std::vector<std::string> written_rules_;   // names of DestinationRules
};

}  // namespace

Scene observe(const canary::Canary& canary, const Json& object, const kube::Stores& stores,
              const routing::Provider& provider, base::Clock::Steady now, const Means& means) {
  Scene scene{.canary = canary, .object = object};
  Observer(scene, stores, provider, now, means).run();
  return scene;
}

}  // namespace weir::reconcile
