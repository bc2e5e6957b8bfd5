#include "test/simulation/people.h"

#include <utility>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "strategies/plan.h"

namespace weir::simulation {
namespace {

constexpr const char* kTool = "gitops";
constexpr Millis kLookAgain{500};
constexpr Millis kTimeToLive{2'000};
constexpr const char* kForeign = "elsewhere";  // a namespace

Json* member(Json& object, const char* pointer) {
  const Json::json_pointer path(pointer);
  return object.contains(path) ? &object.at(path) : nullptr;
}

std::string full_host(const Scenario& scenario) {
  return scenario.service + "." + kNamespace + ".svc." + scenario.domain;
}

}  // namespace

People::People(Executor& executor, ApiServer& server, const Scenario& scenario)
    : executor_(executor), server_(server), scenario_(scenario) {}

Json People::find(const kube::Resource& resource, const std::string& name) {
  return server_.find(resource, {kNamespace, name});
}

void People::put(const kube::Resource& resource, const Json& object, const char* manager) {
  server_.put(resource, object, manager);
}

const std::map<Kind, People::Act> People::kActs{
    {Kind::CandidateScaled, [](People& p, const Fault& fault) { p.scale(kCandidate, fault.number); }},
    {Kind::StableScaled, [](People& p, const Fault& fault) { p.scale(kStable, fault.number); }},
    {Kind::CandidateDeleted,
     [](People& p, const Fault& fault) {
       p.remove_for_a_while(kube::kDeployments, kCandidate, fault.lasting, candidate_deployment(p.scenario_));
     }},
    {Kind::StableDeleted,
     [](People& p, const Fault& fault) {
       p.remove_for_a_while(kube::kDeployments, kStable, fault.lasting, stable_deployment(p.scenario_));
     }},
    {Kind::TemplateChanged, [](People& p, const Fault&) { p.change_template(nullptr); }},
    {Kind::TemplateChangedToBad, [](People& p, const Fault&) { p.change_template(kBadVariant); }},
    {Kind::CandidateRelabelled,
     [](People& p, const Fault& fault) {
       if (p.release_runs()) p.relabel(kCandidate, fault.number == 0 ? "v2b" : nullptr);
     }},
    {Kind::StableRelabelled, [](People& p, const Fault& fault) { p.relabel_stable(fault); }},
    {Kind::VersionLabelEdited,
     [](People& p, const Fault&) {
       if (p.release_runs()) p.edit_canary("/spec/service/versionLabel", "instance");
     }},
    {Kind::ModeEdited,
     [](People& p, const Fault&) {
       if (p.release_runs())
         p.edit_canary("/spec/service/mode", p.scenario_.dedicated ? "Placeholder" : "Dedicated");
     }},
    {Kind::WeightsEdited, [](People& p, const Fault& fault) { p.edit_weights(fault.number); }},
    {Kind::RoutesReverted,
     [](People& p, const Fault& fault) {
       p.revert_routes(Millis(fault.number), p.executor_.now() + fault.lasting);
     }},
    {Kind::RouteDeleted,
     [](People& p, const Fault& fault) {
       p.remove_for_a_while(kube::kVirtualServices, kApp, fault.lasting, virtual_service(p.scenario_));
     }},
    {Kind::RuleDeleted, [](People& p, const Fault& fault) { p.remove_rule(fault.lasting); }},
    {Kind::SelectorEdited, [](People& p, const Fault&) { p.put(kube::kServices, service(p.scenario_)); }},
    {Kind::ServiceDeleted, [](People& p, const Fault& fault) { p.remove_service(fault.lasting); }},
    {Kind::CanarySuspended, [](People& p, const Fault& fault) { p.suspend_canary(fault.lasting); }},
    {Kind::CanaryEdited,
     [](People& p, const Fault& fault) { p.edit_canary("/spec/analysis/threshold", fault.number); }},
    {Kind::CanaryDeleted, [](People& p, const Fault& fault) { p.delete_canary(fault); }},
    {Kind::CanaryForced, [](People& p, const Fault& fault) { p.force_canary_away(fault.lasting); }},
    {Kind::CanaryRemade,
     [](People& p, const Fault& fault) {
       p.mending_ = true;
       p.delete_canary(fault);
       p.remake_canary();
     }},
    {Kind::OwnServiceDeleted, [](People& p, const Fault& fault) { p.remove_own_service(fault.number); }},
    {Kind::TrafficServiceDeleted, [](People& p, const Fault&) { p.remove_own_services_of(""); }},
    {Kind::NamespaceDeleted, [](People& p, const Fault& fault) { p.delete_namespace(fault); }},
    {Kind::ManifestsReapplied,
     [](People& p, const Fault&) { p.put(kube::kServices, service(p.scenario_), kTool); }},
    {Kind::SuccessionForgotten,
     [](People& p, const Fault& fault) { p.make_successor(fault.number % 2 == 1); }},
    {Kind::RollbackRequested,
     [](People& p, const Fault&) { p.edit_canary("/metadata/annotations/weir.dev~1rollback", "asked for"); }},
    {Kind::ForeignRule, [](People& p, const Fault&) { p.write_foreign_rule(); }},
    {Kind::ForeignRoute,
     [](People& p, const Fault& fault) {
       const auto& of = p.scenario_;
       p.write_foreign_route(fault.number == 0 ? of.stable_version : of.candidate_version);
     }},
    {Kind::SecondCanary, [](People& p, const Fault& fault) { p.make_second(fault.number); }},
};

void People::act(const Fault& fault) {
  if (const auto found = kActs.find(fault.kind); found != kActs.end()) found->second(*this, fault);
}

void People::remove_own_service(int which) {
  remove_own_services_of(which == 0 ? scenario_.stable_version : scenario_.candidate_version);
}

// The one that all requests come by in Dedicated mode has none in its selector.
void People::remove_own_services_of(const std::string& version) {
  const auto made =
      server_.objects().select(kube::kServices, kNamespace, "app.kubernetes.io/managed-by=weir");
  if (!made) return;
  for (const auto& service : *made) {
    if (base::text(*service, {"spec", "selector", "version"}) == version)
      (void)server_.erase(kube::kServices, kube::key_of(*service));
  }
}

void People::touch_service() {
  auto found = find(kube::kServices, scenario_.service);
  if (found.is_null()) return;
  found["metadata"]["annotations"]["simulation/touched"] = "yes";
  put(kube::kServices, found);
}

void People::relabel_stable(const Fault& fault) {
  if (!release_runs()) return;
  relabel(kStable, fault.number == 0 ? "v1b" : nullptr);
  executor_.after(fault.lasting, [this] { relabel(kStable, scenario_.stable_version.c_str()); });
}

void People::suspend_canary(Millis duration) {
  edit_canary("/spec/suspend", true);
  executor_.after(duration, [this] { edit_canary("/spec/suspend", false); });
}

void People::scale(const char* name, int replicas) {
  auto found = find(kube::kDeployments, name);
  if (found.is_null()) return;
  found["spec"]["replicas"] = replicas;
  put(kube::kDeployments, found);
}

void People::remove_for_a_while(const kube::Resource& resource, const std::string& name, Millis duration,
                                Json again) {
  if (!server_.erase(resource, {kNamespace, name})) return;
  executor_.after(duration, [this, resource, name, again = std::move(again)] {
    if (find(resource, name).is_null()) put(resource, again);
  });
}

void People::change_template(const char* variant) {
  auto found = find(kube::kDeployments, kCandidate);
  if (found.is_null()) return;
  auto& annotations = found["spec"]["template"]["metadata"]["annotations"];
  annotations["simulation/revision"] = std::to_string(++revisions_);
  if (variant != nullptr) annotations["simulation/behaviour"] = variant;
  put(kube::kDeployments, found);
}

// Before it begins, and once it is over, what the labels say is another release's matter.
bool People::release_runs() {
  const auto phase =
      strategies::phase_from(base::text(find(kube::kCanaries, scenario_.canary), {"status", "phase"}));
  return phase && *phase != strategies::Phase::Pending && !strategies::is_final(*phase);
}

void People::relabel(const char* name, const char* version) {
  auto found = find(kube::kDeployments, name);
  if (found.is_null()) return;
  auto& labels = found["spec"]["template"]["metadata"]["labels"];
  labels.erase("version");
  if (version != nullptr) labels["version"] = version;
  put(kube::kDeployments, found);
}

void People::edit_weights(int candidate) {
  auto found = find(kube::kVirtualServices, kApp);
  auto* http = found.is_null() ? nullptr : member(found, "/spec/http");
  if (http == nullptr) return;
  for (auto& route : *http) {
    auto& destinations = route["route"];
    if (destinations.size() < 2 || !destinations[1]["destination"].contains("subset")) continue;
    destinations[0]["weight"] = 100 - candidate;
    destinations[1]["weight"] = candidate;
  }
  put(kube::kVirtualServices, found, "kubectl-edit");
}

void People::revert_routes(Millis every, Millis until) {
  if (executor_.now() > until) return;
  auto found = find(kube::kVirtualServices, kApp);
  if (!found.is_null()) {
    found["spec"] = virtual_service(scenario_)["spec"];
    put(kube::kVirtualServices, found, kTool);
  }
  executor_.after(every, [this, every, until] { revert_routes(every, until); });
}

void People::remove_rule(Millis duration) {
  const auto rules = server_.objects().list(kube::kDestinationRules, kNamespace, "");
  if (!rules) return;
  for (const auto& rule : *rules) (void)server_.erase(kube::kDestinationRules, kube::key_of(rule));
  if (!scenario_.own_rule) return;
  executor_.after(duration, [this] {
    if (find(kube::kDestinationRules, kApp).is_null())
      put(kube::kDestinationRules, destination_rule(scenario_));
  });
}

// Who makes the Service again does so for the version that it was for.
void People::remove_service(Millis duration) {
  const auto found = find(kube::kServices, scenario_.service);
  if (found.is_null()) return;
  auto again = service(scenario_);
  const auto& promoted = scenario_.candidate_version;
  if (base::text(found, {"spec", "selector", "version"}) == promoted)
    again["spec"]["selector"]["version"] = promoted;
  remove_for_a_while(kube::kServices, scenario_.service, duration, std::move(again));
}

void People::edit_canary(const char* pointer, const Json& value) {
  auto found = find(kube::kCanaries, scenario_.canary);
  if (found.is_null()) return;
  found[Json::json_pointer(pointer)] = value;
  put(kube::kCanaries, found);
}

void People::delete_canary(const Fault& fault) {
  (void)server_.erase(kube::kCanaries, {kNamespace, scenario_.canary},
                      static_cast<offline::Propagation>(fault.number));
}

// Nobody knows any more what the release had divided but the owner, whose routes must have reached every
// proxy before what they led to goes.
void People::force_canary_away(Millis until_mended) {
  auto found = find(kube::kCanaries, scenario_.canary);
  if (found.is_null()) return;
  mending_ = true;
  found["metadata"].erase("finalizers");
  put(kube::kCanaries, found);
  (void)server_.erase(kube::kCanaries, {kNamespace, scenario_.canary});
  executor_.after(until_mended, [this] { put(kube::kVirtualServices, virtual_service(scenario_)); });
  executor_.after(until_mended + scenario_.propagation_delay * 2, [this] {
    mending_ = false;
    auto again = service(scenario_);
    const auto now = find(kube::kServices, scenario_.service);
    const auto& promoted = scenario_.candidate_version;
    if (base::text(now, {"spec", "selector", "version"}) == promoted)
      again["spec"]["selector"]["version"] = promoted;
    put(kube::kServices, again);
    if (scenario_.own_rule) put(kube::kDestinationRules, destination_rule(scenario_));
  });
}

// As `kubectl replace --force` does, with the pods that the first one has taken away.
void People::remake_canary() {
  if (!find(kube::kCanaries, scenario_.canary).is_null())
    return executor_.after(kLookAgain, [this] { remake_canary(); });
  mending_ = false;
  scale(kCandidate, scenario_.candidate_pods);
  put(kube::kCanaries, canary(scenario_, scenario_.canary, kCandidate));
}

// As the namespace's controller does; pods and slices follow what they are of.
void People::delete_namespace(const Fault& fault) {
  Random order(static_cast<std::uint64_t>(fault.number), "namespace");
  server_.objects().end_namespace(kNamespace);
  for (const auto& kind : known_kinds()) {
    if (kind.resource == kube::kPods || kind.resource == kube::kEndpointSlices) continue;
    const auto objects = server_.objects().select(kind.resource, kNamespace, "");
    if (!objects) continue;
    for (const auto& object : *objects) {
      executor_.after(order.between(0ms, fault.lasting),
                      [this, resource = kind.resource, key = kube::key_of(*object)] {
                        (void)server_.erase(resource, key);
                      });
    }
  }
}

// Before the mesh's definitions are there nobody can. Clients of the simulation are of the release's
// namespace, and see neither.
void People::write_foreign_rule() {
  if (find(kube::kVirtualServices, kApp).is_null()) return;
  put(kube::kDestinationRules,
      {{"metadata", {{"name", "mine"}, {"namespace", kForeign}}},
       {"spec", {{"host", full_host(scenario_)}, {"exportTo", Json::array({"."})}}}});
}

void People::write_foreign_route(const std::string& subset) {
  if (find(kube::kVirtualServices, kApp).is_null()) return;
  const Json to_all{{"destination", {{"host", full_host(scenario_)}}}};
  const Json http{{"route", Json::array({to_all})},
                  {"mirror", {{"host", full_host(scenario_)}, {"subset", subset}}}};
  put(kube::kVirtualServices, {{"metadata", {{"name", "mine"}, {"namespace", kForeign}}},
                               {"spec",
                                {{"hosts", Json::array({full_host(scenario_)})},
                                 {"gateways", Json::array({"gw"})},
                                 {"http", Json::array({http})}}}});
}

void People::make_second(int how) {
  if (!find(kube::kCanaries, kSecondCanary).is_null()) return;
  const bool same_target = how == 2;
  if (!same_target) put(kube::kDeployments, deployment("v3", "v3", scenario_.candidate_pods, kGoodVariant));
  auto second = canary(scenario_, kSecondCanary, same_target ? kCandidate : std::string(kApp) + "-v3");
  if (how > 0) second["spec"]["supersede"] = true;
  put(kube::kCanaries, second);
}

void People::make_successor(bool goes_by_itself) {
  make_second(0);
  if (!goes_by_itself) return;
  auto second = find(kube::kCanaries, kSecondCanary);
  second["spec"]["ttlSecondsAfterFinished"] = kTimeToLive.count() / 1'000;
  put(kube::kCanaries, second);
}

void set_up_pods(Cluster& cluster, const Scenario& scenario) {
  cluster.set_behaviour(kStable, behaviour(Quality::Good));
  cluster.set_behaviour(kCandidate, behaviour(scenario.quality));
  cluster.set_behaviour(kCandidate, kBadVariant, behaviour(Quality::Failing));
  if (!scenario.restless) return;
  for (const auto* workload : {kStable, kCandidate}) cluster.stir(workload, kStirred);
}

void disturb_pods(Cluster& cluster, const Fault& fault) {
  if (fault.kind == Kind::CandidateUnready) cluster.disturb(kCandidate, fault.lasting, false);
  if (fault.kind == Kind::CandidateCrashes) cluster.disturb(kCandidate, fault.lasting, true);
  if (fault.kind == Kind::StableUnready) cluster.disturb(kStable, fault.lasting, false);
  if (fault.kind == Kind::CandidatePodKilled) cluster.kill_one(kCandidate);
  if (fault.kind == Kind::StablePodKilled) cluster.kill_one(kStable);
}

void disturb_proxies(Mesh& mesh, const Fault& fault, const std::string& phase) {
  if (fault.kind == Kind::ProxyStands) mesh.stand(fault.number, fault.lasting);
  if (fault.kind == Kind::ProxyRefusesRoutes) mesh.refuse_routes(fault.number, fault.lasting);
  // Once its old pods may be gone nobody can help it.
  if (fault.kind == Kind::ProxyComesBackOld && (phase == "Progressing" || phase == "Promoting"))
    mesh.come_back_old(fault.number, fault.lasting);
  if (fault.kind == Kind::CandidateEjected) mesh.eject(kCandidate, fault.lasting);
}

}  // namespace weir::simulation
