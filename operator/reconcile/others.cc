#include "operator/reconcile/others.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "operator/kube/object.h"
#include "operator/reconcile/admission.h"

namespace weir::reconcile {
namespace {

// The Service itself, and those that the release makes.
bool is_of_release(const std::string& name, const Source& source, const std::vector<Json>& own_services) {
  return name == source.spec().service.name || std::ranges::any_of(own_services, [&](const Json& service) {
           return kube::metadata_text(service, "name") == name;
         });
}

std::optional<strategies::Warning> keeps_pods(const Source& source, const std::vector<std::string>& services,
                                              const std::string& stable, const std::string& candidate) {
  if (services.empty() || source.spec().stable.after_promotion == strategies::AfterPromotion::Keep)
    return std::nullopt;
  std::string names;
  for (const auto& name : services) names += (names.empty() ? "" : ", ") + name;
  return strategies::Warning{"OtherServices", "Service " + names + " selects pods of " + stable +
                                                  " and none of " + candidate + ": " + stable +
                                                  " keeps its pods after the promotion, unless the selector "
                                                  "matches " +
                                                  candidate + "'s by then"};
}

}  // namespace

Others find_others(const Source& source, const Json& service, const FoundWorkload& stable,
                   const FoundWorkload& candidate, const std::vector<Json>& own_services) {
  Others found;
  if (service.is_null() || !stable.workload || !candidate.workload) return found;
  found.stable_only_services = services_of_only(stable.deployment, candidate.deployment, source.stores);
  std::erase_if(found.stable_only_services,
                [&](const std::string& name) { return is_of_release(name, source, own_services); });
  const bool pending = source.is_pending();
  if (pending) {
    if (auto warning =
            keeps_pods(source, found.stable_only_services, stable.workload->name, candidate.workload->name))
      found.warnings.push_back(*std::move(warning));
  }
  const bool widens = source.router.abilities().selects_both &&
                      source.spec().service.mode == strategies::ServiceMode::Placeholder;
  if (!widens) return found;
  const auto bystanders = find_bystanders(service, source.spec().service.version_label, stable.deployment,
                                          candidate.deployment, !pending, source.stores);
  if (pending && !bystanders.strangers.empty())
    found.obstacles.push_back(strangers_selected(service, bystanders.strangers));
  auto others = bystanders.versions;
  if (!pending) others.insert(others.end(), bystanders.strangers.begin(), bystanders.strangers.end());
  if (!others.empty()) found.not_isolated.push_back(versions_selected(service, others));
  return found;
}

}  // namespace weir::reconcile
