#include "operator/reconcile/finished.h"

#include <algorithm>

#include "operator/base/json.h"
#include "operator/kube/object.h"

namespace weir::reconcile {
namespace {

using base::field;
using base::members;
using base::text;

}  // namespace

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
  release.status = canary::status_from(field(finished, {"status"}));
  return release;
}

bool begins_anew(const canary::Canary& release) {
  return !release.deleting && release.spec.target.name != release.status.target;
}

}  // namespace weir::reconcile
