#include "operator/routing/ownership.h"

#include <algorithm>
#include <array>

#include "operator/base/json.h"
#include "operator/kube/resource.h"

namespace weir::routing {
namespace {

constexpr const char* kCanary = "weir.dev/canary";
constexpr const char* kUid = "weir.dev/canary-uid";
constexpr const char* kService = "weir.dev/service";
constexpr const char* kName = "weir.dev/made-as";
constexpr std::array kAnnotations{kCanary, kUid, kService, kName};
constexpr std::size_t kLongestName = 253;  // of any object

std::string annotation(const Json& object, const char* name) {
  return base::text(object, {"metadata", "annotations", name});
}

bool names_canary(const Json& owner) {
  const auto version = base::text(owner, {"apiVersion"});
  return base::text(owner, {"kind"}) == kube::kCanaries.kind &&
         version.substr(0, version.find('/')) == kube::kCanaries.group;
}

// What a release makes is labelled so; an object of somebody's that is to be collected with the Canary is
// not.
bool is_labelled(const Json& object) {
  return base::text(object, {"metadata", "labels", kManagedBy}) == kWeir;
}

bool is_plausible(const Maker& maker) {
  return std::ranges::all_of(std::array{&maker.canary, &maker.uid, &maker.service},
                             [](const auto* part) { return !part->empty() && part->size() <= kLongestName; });
}

const Json::array_t& owners_of(const Json& object) {
  static const Json::array_t kNone;
  const auto& owners = base::field(object, {"metadata", "ownerReferences"});
  return owners.is_array() ? owners.get_ref<const Json::array_t&>() : kNone;
}

template <typename Which>
void erase_owners(Json& object, const Which& which) {
  if (owners_of(object).empty()) return;
  auto& metadata = object["metadata"];
  auto& owners = metadata["ownerReferences"];
  std::erase_if(owners.get_ref<Json::array_t&>(), which);
  if (owners.empty()) metadata.erase("ownerReferences");
}

}  // namespace

void sign(Json& object, const Maker& maker) {
  object["metadata"]["labels"][kManagedBy] = kWeir;
  auto& annotations = object["metadata"]["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  annotations[kCanary] = maker.canary;
  annotations[kUid] = maker.uid;
  annotations[kService] = maker.service;
  annotations[kName] = base::name_of(object);
}

std::optional<Maker> maker_of(const Json& object) {
  Maker maker{.canary = annotation(object, kCanary),
              .uid = annotation(object, kUid),
              .service = annotation(object, kService)};
  if (!is_labelled(object)) return std::nullopt;
  const auto name = base::name_of(object);
  if (is_plausible(maker) && annotation(object, kName) == name && name != maker.service) return maker;
  for (const auto& owner : owners_of(object)) {
    if (names_canary(owner))
      return Maker{.canary = base::text(owner, {"name"}), .uid = base::text(owner, {"uid"}), .service = {}};
  }
  return std::nullopt;
}

bool is_made_by(const Json& object, std::string_view uid) {
  const auto maker = maker_of(object);
  return maker && maker->uid == uid;
}

bool has_owner(const Json& object, std::string_view uid) {
  return std::ranges::any_of(owners_of(object), [&](const Json& owner) {
    return names_canary(owner) && base::text(owner, {"uid"}) == uid;
  });
}

Json adopted(const Json& object, const Maker& maker) {
  Json after = object;
  sign(after, maker);
  erase_owners(after, [&](const Json& owner) { return base::text(owner, {"uid"}) == maker.uid; });
  return after;
}

void strip_signature(Json& object) {
  erase_owners(object, names_canary);
  if (!base::field(object, {"metadata", "annotations"}).is_object()) return;
  auto& metadata = object["metadata"];
  for (const auto* name : kAnnotations) metadata["annotations"].erase(name);
  if (metadata["annotations"].empty()) metadata.erase("annotations");
}

}  // namespace weir::routing
