#include "operator/reconcile/trim.h"

#include <string>
#include <string_view>
#include <utility>

#include "operator/base/json.h"
#include "operator/canary/workload.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/finished.h"
#include "operator/reconcile/services.h"
#include "strategies/plan.h"

namespace weir::reconcile {
namespace {

using base::field;
using base::members;
using base::text;

constexpr std::string_view kOwnAnnotations = "weir.dev/";

// Of others' annotations one stays, without its value: an edit must see that there are some.
void trim_annotations(Json& metadata) {
  const auto annotations = metadata.find("annotations");
  if (annotations == metadata.end() || !annotations->is_object()) return;
  Json kept = Json::object();
  bool others = false;
  for (const auto& [name, value] : annotations->items()) {
    if (name.starts_with(kOwnAnnotations)) {
      kept[name] = value;
    } else if (!std::exchange(others, true)) {
      kept[name] = "";
    }
  }
  *annotations = std::move(kept);
}

void trim_label(Json& metadata, const std::string& kept) {
  const auto value = text(metadata, {"labels", kept.c_str()});
  metadata.erase("labels");
  if (!value.empty()) metadata["labels"][kept] = value;
}

Json trimmed_deployment_status(const Json& status) {
  Json kept = members(status, {"observedGeneration", "readyReplicas", "replicas", "updatedReplicas"});
  const auto& conditions = field(status, {"conditions"});
  if (!conditions.is_array()) return kept;
  for (const auto& condition : conditions) {
    if (text(condition, {"type"}) == "Available")
      kept["conditions"] = Json::array({members(condition, {"type", "status"})});
  }
  return kept;
}

}  // namespace

Json last_write(const Json& object) {
  const auto& entries = field(object, {"metadata", "managedFields"});
  if (!entries.is_array()) return {};
  const Json* last = nullptr;
  for (const auto& entry : entries) {
    if (!text(entry, {"subresource"}).empty()) continue;
    const auto time = text(entry, {"time"});
    const auto newest = last == nullptr ? std::string() : text(*last, {"time"});
    const bool ours = last != nullptr && text(*last, {"manager"}) == strategies::kFieldManager;
    if (time > newest || (time == newest && (last == nullptr || ours))) last = &entry;
  }
  return last == nullptr ? Json() : members(*last, {"manager", "time"});
}

void trim_metadata(Json& object, bool keep_last_write) {
  if (!object.is_object()) return;
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return;
  auto last = keep_last_write ? last_write(object) : Json();
  metadata->erase("managedFields");
  if (!last.is_null()) (*metadata)["managedFields"] = Json::array({std::move(last)});
  trim_annotations(*metadata);
}

void trim_canary(Json& object) {
  if (is_over(object)) object = finished_form_of(object);
}

void trim_deployment(Json& object) {
  Json spec = members(field(object, {"spec"}), {"replicas", "selector"});
  spec["template"] = canary::template_digest(field(object, {"spec", "template"}));
  object["spec"] = std::move(spec);
  object["status"] = trimmed_deployment_status(field(object, {"status"}));
  for (const auto* unread : {"labels", "ownerReferences"}) object["metadata"].erase(unread);
}

void trim_service(Json& object) {
  Json spec = members(field(object, {"spec"}), {"ports", "selector", "ipFamilies", "ipFamilyPolicy"});
  // Of what sets a Service apart, and no others have.
  if (text(object, {"spec", "type"}) == "ExternalName") spec["type"] = "ExternalName";
  if (text(object, {"spec", "clusterIP"}) == "None") spec["clusterIP"] = "None";
  object["spec"] = std::move(spec);
  object.erase("status");
  trim_label(object["metadata"], routing::kManagedBy);
}

void trim_slice(Json& object) {
  Json endpoints = Json::array();
  const auto& all = field(object, {"endpoints"});
  if (all.is_array()) {
    for (const auto& endpoint : all) endpoints.push_back(trimmed_endpoint(endpoint));
  }
  object["endpoints"] = std::move(endpoints);
  object.erase("ports");
  trim_label(object["metadata"], kServiceLabel);
  for (const auto* unread : {"annotations", "generateName", "ownerReferences"})
    object["metadata"].erase(unread);
}

}  // namespace weir::reconcile
