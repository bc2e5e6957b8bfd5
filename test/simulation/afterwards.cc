#include "test/simulation/afterwards.h"

#include <spdlog/fmt/fmt.h>

#include "operator/base/json.h"

namespace weir::simulation {
namespace {

using base::text;

Json promoted(const Json& canary) {
  for (const auto& condition : member(canary, "/status/conditions")) {
    if (text(condition, {"type"}) == "Promoted") return condition;
  }
  return {};
}

bool has_ready_endpoints(ApiServer& server, const std::string& service) {
  const auto slices =
      server.objects().list(kube::kEndpointSlices, kNamespace, "kubernetes.io/service-name=" + service);
  if (!slices) return false;
  for (const auto& slice : *slices) {
    for (const auto& endpoint : member(slice, "/endpoints")) {
      if (member(endpoint, "/conditions/ready") == true) return true;
    }
  }
  return false;
}

bool has_version(const Json& deployment, const Scenario& scenario) {
  return text(deployment, {"spec", "template", "metadata", "labels", "version"}) ==
         scenario.candidate_version;
}

bool candidate_is_ready(ApiServer& server, const Scenario& scenario) {
  const auto deployment = server.find(kube::kDeployments, {kNamespace, kCandidate});
  return has_version(deployment, scenario) && base::integer(deployment, {"status", "readyReplicas"}) > 0;
}

}  // namespace

bool is_relabelled(ApiServer& server, const Scenario& scenario) {
  const auto deployment = server.find(kube::kDeployments, {kNamespace, kCandidate});
  return !deployment.is_null() && !has_version(deployment, scenario);
}

std::optional<std::string> unsaid(ApiServer& server, const Scenario& scenario) {
  const auto canary = server.find(kube::kCanaries, {kNamespace, scenario.canary});
  const auto service = server.find(kube::kServices, {kNamespace, scenario.service});
  if (service.is_null()) return std::nullopt;
  const auto condition = promoted(canary);
  const auto said = text(condition, {"status"}) + " " + text(condition, {"reason"});
  const auto selected = text(service, {"spec", "selector", "version"});
  const bool restored = selected == scenario.candidate_version;
  const bool leads_to_some = has_ready_endpoints(server, scenario.service);
  const bool leads_to_others = !restored && leads_to_some;
  const bool departed = restored && !leads_to_some && is_relabelled(server, scenario);
  const bool as_left = restored && !departed;
  const std::string expected = as_left           ? "True Promoted"
                               : leads_to_others ? "True Superseded"
                                                 : "False Undone";
  const auto sentence = text(condition, {"message"});
  if (said != expected || (!as_left && !sentence.contains("version=" + selected))) {
    return fmt::format("Service {} selects {}, and Promoted is {} ({}), not {}", scenario.service, selected,
                       said, sentence, expected);
  }
  if (!restored && !leads_to_others && scenario.guards && candidate_is_ready(server, scenario)) {
    return fmt::format("Service {} selects {}, without a ready pod, and the guard has not put it back",
                       scenario.service, selected);
  }
  return std::nullopt;
}

std::optional<std::string> taken_back(ApiServer& server, const Scenario& scenario, const std::string& later) {
  const auto deployment = server.find(kube::kDeployments, {kNamespace, later});
  const auto version = text(deployment, {"spec", "template", "metadata", "labels", "version"});
  const auto service = server.find(kube::kServices, {kNamespace, scenario.service});
  const auto selected = text(service, {"spec", "selector", "version"});
  const auto condition = promoted(server.find(kube::kCanaries, {kNamespace, scenario.canary}));
  const auto said = text(condition, {"status"});
  const auto sentence = text(condition, {"message"});
  if (selected == version && said == "True" && !sentence.contains("=" + version)) return std::nullopt;
  return fmt::format(
      "after {} was promoted and its Canary went, Service {} selects {}, and Promoted is {} ({})", later,
      scenario.service, selected, said, sentence);
}

}  // namespace weir::simulation
