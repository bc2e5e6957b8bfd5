#include "operator/reconcile/finished.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "strategies/context.h"
#include "strategies/standing.h"

namespace weir::reconcile {
namespace {

using base::field;
using base::members;
using base::text;

// Of a promotion what its Service is compared with, and what is said of that already.
void keep_standing(const Json& canary, Json& kept) {
  const auto& status = field(canary, {"status"});
  if (text(status, {"phase"}) != to_string(strategies::Phase::Succeeded)) return;
  auto identity = members(field(status, {"identity"}), {"service", "versionLabel", "candidateVersion"});
  if (!identity.empty()) kept["status"]["identity"] = std::move(identity);
  kept["status"].update(members(status, {"successor"}));
  if (field(canary, {"spec", "guardAfterPromotion"}) == true) kept["spec"]["guardAfterPromotion"] = true;
  if (const auto* said = said_of_service(canary)) kept["status"]["conditions"] = Json::array({*said});
}

// A part of it would be worse than none.
std::optional<strategies::Identity> identity_of(const Json& finished) {
  const auto& kept = field(finished, {"status", "identity"});
  strategies::Identity identity{.service = text(kept, {"service"}),
                                .version_label = text(kept, {"versionLabel"}),
                                .candidate_version = text(kept, {"candidateVersion"})};
  const bool whole =
      !identity.service.empty() && !identity.version_label.empty() && !identity.candidate_version.empty();
  return whole ? std::optional(std::move(identity)) : std::nullopt;
}

}  // namespace

const Json* said_of_service(const Json& canary) {
  const auto& conditions = field(canary, {"status", "conditions"});
  if (!conditions.is_array()) return nullptr;
  const auto found = std::ranges::find_if(conditions, [](const Json& condition) {
    return text(condition, {"type"}) == strategies::kPromoted &&
           strategies::speaks_of_service(text(condition, {"reason"}));
  });
  return found == conditions.end() ? nullptr : &*found;
}

bool is_over(const Json& canary) {
  const auto phase = strategies::phase_from(text(canary, {"status", "phase"}));
  return phase && strategies::is_final(*phase);
}

Json finished_form_of(const Json& canary) {
  const auto& spec = field(canary, {"spec"});
  const auto& status = field(canary, {"status"});
  Json kept{{"metadata", field(canary, {"metadata"})},
            {"spec",
             {{"targetRef", {{"name", text(spec, {"targetRef", "name"})}}},
              {"service", {{"name", text(spec, {"service", "name"})}}}}},
            {"status", {{"stable", {{"name", text(status, {"stable", "name"})}}}}}};
  kept["metadata"].erase("labels");
  kept["spec"].update(members(spec, {"ttlSecondsAfterFinished"}));
  kept["status"].update(
      members(status, {"phase", "target", "canaryWeight", "startedAt", "lastTransitionTime"}));
  keep_standing(canary, kept);
  return kept;
}

canary::Canary read_finished(const Json& finished) {
  const auto key = kube::key_of(finished);
  canary::Canary release{.name_space = key.name_space,
                         .name = key.name,
                         .uid = kube::metadata_text(finished, "uid"),
                         .deleting = !kube::metadata_text(finished, "deletionTimestamp").empty()};
  const auto& finalizers = field(finished, {"metadata", "finalizers"});
  release.has_finalizer =
      finalizers.is_array() && std::ranges::any_of(finalizers, [](const Json& finalizer) {
        return finalizer.is_string() && finalizer.get_ref<const std::string&>() == canary::kFinalizer;
      });
  if (const auto& annotations = field(finished, {"metadata", "annotations"}); annotations.is_object()) {
    if (annotations.contains(canary::kRollbackAnnotation)) release.rollback_requested = "asked for";
  }
  release.spec.target.name = text(finished, {"spec", "targetRef", "name"});
  release.spec.service.name = text(finished, {"spec", "service", "name"});
  const auto& ttl = field(finished, {"spec", "ttlSecondsAfterFinished"});
  if (ttl.is_number_integer())
    release.spec.ttl_after_finished = std::chrono::seconds(ttl.get<std::int64_t>());
  release.spec.guard_after_promotion = field(finished, {"spec", "guardAfterPromotion"}) == true;
  release.status = canary::status_from(field(finished, {"status"}));
  release.status.identity = identity_of(finished);
  return release;
}

bool begins_anew(const canary::Canary& release) {
  return !release.deleting && release.spec.target.name != release.status.target;
}

}  // namespace weir::reconcile
