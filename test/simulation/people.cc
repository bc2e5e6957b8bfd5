#include "test/simulation/people.h"

#include <utility>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "strategies/plan.h"

namespace weir::simulation {
namespace {

constexpr const char* kTool = "gitops";

Json* member(Json& object, const char* pointer) {
  const Json::json_pointer path(pointer);
  return object.contains(path) ? &object.at(path) : nullptr;
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

void People::act(const Fault& fault) {
  switch (fault.kind) {
    case Kind::CandidateScaled:
      return scale(kCandidate, fault.number);
    case Kind::StableScaled:
      return scale(kStable, fault.number);
    case Kind::CandidateDeleted:
      return remove_for_a_while(kube::kDeployments, kCandidate, fault.lasting,
                                deployment("v2", scenario_.candidate_pods, "candidate"));
    case Kind::StableDeleted:
      return remove_for_a_while(kube::kDeployments, kStable, fault.lasting,
                                deployment("v1", scenario_.stable_pods, "stable"));
    case Kind::TemplateChanged:
      return change_template(nullptr);
    case Kind::TemplateChangedToBad:
      return change_template(kBadVariant);
    case Kind::CandidateRelabelled:
      if (release_runs()) relabel(kCandidate, fault.number == 0 ? "v2b" : nullptr);
      return;
    case Kind::StableRelabelled:
      if (!release_runs()) return;
      relabel(kStable, fault.number == 0 ? "v1b" : nullptr);
      return executor_.after(fault.lasting, [this] { relabel(kStable, "v1"); });
    case Kind::VersionLabelEdited:
      if (release_runs()) edit_canary("/spec/service/versionLabel", "instance");
      return;
    case Kind::ModeEdited:
      if (release_runs())
        edit_canary("/spec/service/mode", scenario_.dedicated ? "Placeholder" : "Dedicated");
      return;
    case Kind::WeightsEdited:
      return edit_weights(fault.number);
    case Kind::RoutesReverted:
      return revert_routes(Millis(fault.number), executor_.now() + fault.lasting);
    case Kind::RouteDeleted:
      return remove_for_a_while(kube::kVirtualServices, kService, fault.lasting, virtual_service(scenario_));
    case Kind::RuleDeleted:
      return remove_rule(fault.lasting);
    case Kind::SelectorEdited:
      return put(kube::kServices, service());
    case Kind::ServiceDeleted:
      return remove_service(fault.lasting);
    case Kind::CanarySuspended:
      edit_canary("/spec/suspend", true);
      return executor_.after(fault.lasting, [this] { edit_canary("/spec/suspend", false); });
    case Kind::CanaryEdited:
      return edit_canary("/spec/analysis/threshold", fault.number);
    case Kind::CanaryDeleted:
      (void)server_.erase(kube::kCanaries, {kNamespace, kCanary});
      return;
    case Kind::RollbackRequested:
      return edit_canary("/metadata/annotations/weir.dev~1rollback", "asked for");
    case Kind::SecondCanary:
      return make_second(fault.number);
    case Kind::KillBeforeWrite:
    case Kind::KillAfterWrite:
    case Kind::Kill:
    case Kind::Freeze:
    case Kind::Suspend:
    case Kind::WallJump:
    case Kind::ServerErrors:
    case Kind::Resets:
    case Kind::LateWrites:
    case Kind::Throttling:
    case Kind::Forbidden:
    case Kind::SlowServer:
    case Kind::WatchesBreak:
    case Kind::WatchesGone:
    case Kind::StaleCaches:
    case Kind::PrometheusDown:
    case Kind::PrometheusSlow:
    case Kind::PrometheusNotANumber:
    case Kind::PrometheusEmpty:
    case Kind::PrometheusPartial:
    case Kind::PrometheusMalformed:
    case Kind::PrometheusHuge:
    case Kind::CutOff:
    case Kind::MemberLeaseDeleted:
    case Kind::ReplicaStands:
    case Kind::PrometheusRejects:
    case Kind::CandidateUnready:
    case Kind::CandidateCrashes:
    case Kind::StableUnready:
    case Kind::CandidatePodKilled:
    case Kind::StablePodKilled:
      return;  // not by people
  }
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
  const auto phase = strategies::phase_from(base::text(find(kube::kCanaries, kCanary), {"status", "phase"}));
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
  auto found = find(kube::kVirtualServices, kService);
  auto* http = found.is_null() ? nullptr : member(found, "/spec/http");
  if (http == nullptr) return;
  for (auto& route : *http) {
    auto& destinations = route["route"];
    if (destinations.size() != 2 || !destinations[1]["destination"].contains("subset")) continue;
    destinations[0]["weight"] = 100 - candidate;
    destinations[1]["weight"] = candidate;
  }
  put(kube::kVirtualServices, found, "kubectl-edit");
}

void People::revert_routes(Millis every, Millis until) {
  if (executor_.now() > until) return;
  auto found = find(kube::kVirtualServices, kService);
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
    if (find(kube::kDestinationRules, kService).is_null())
      put(kube::kDestinationRules, destination_rule(scenario_));
  });
}

// Who makes the Service again does so for the version that it was for.
void People::remove_service(Millis duration) {
  const auto found = find(kube::kServices, kService);
  if (found.is_null()) return;
  auto again = service();
  if (base::text(found, {"spec", "selector", "version"}) == "v2") again["spec"]["selector"]["version"] = "v2";
  remove_for_a_while(kube::kServices, kService, duration, std::move(again));
}

void People::edit_canary(const char* pointer, const Json& value) {
  auto found = find(kube::kCanaries, kCanary);
  if (found.is_null()) return;
  found[Json::json_pointer(pointer)] = value;
  put(kube::kCanaries, found);
}

void People::make_second(int how) {
  if (!find(kube::kCanaries, kSecondCanary).is_null()) return;
  const bool same_target = how == 2;
  if (!same_target) put(kube::kDeployments, deployment("v3", scenario_.candidate_pods, kGoodVariant));
  auto second = canary(scenario_, kSecondCanary, same_target ? kCandidate : std::string(kService) + "-v3");
  if (how > 0) second["spec"]["supersede"] = true;
  put(kube::kCanaries, second);
}

}  // namespace weir::simulation
