#include "operator/kube/patch.h"

#include <array>

#include "operator/kube/object.h"

namespace weir::kube {
namespace {

constexpr std::array<std::string_view, 7> kServersOwn{"resourceVersion",
                                                      "generation",
                                                      "uid",
                                                      "managedFields",
                                                      "creationTimestamp",
                                                      "deletionTimestamp",
                                                      "deletionGracePeriodSeconds"};

Json writers_part(const Json& object) {
  Json part = object;
  part.erase("status");
  if (const auto metadata = part.find("metadata"); metadata != part.end() && metadata->is_object()) {
    for (const auto field : kServersOwn) metadata->erase(std::string(field));
  }
  return part;
}

Json status_part(const Json& object) {
  Json part = Json::object();
  if (const auto status = object.find("status"); status != object.end()) part["status"] = *status;
  return part;
}

}  // namespace

Json object_patch(const Json& before, const Json& after) {
  return Json::diff(writers_part(before), writers_part(after));
}

Json status_patch(const Json& before, const Json& after) {
  return Json::diff(status_part(before), status_part(after));
}

Json with_precondition(const Json& patch, const Json& before) {
  Json guarded = Json::array();
  guarded.push_back({{"op", "replace"},
                     {"path", "/metadata/resourceVersion"},
                     {"value", metadata_text(before, "resourceVersion")}});
  guarded.insert(guarded.end(), patch.begin(), patch.end());
  return guarded;
}

}  // namespace weir::kube
