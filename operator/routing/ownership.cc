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

// A copy has another, by its name or by its namespace.
std::string full_name(const Json& object) { return base::namespace_of(object) + "/" + base::name_of(object); }

bool names_canary(const Json& owner) {
  const auto version = base::text(owner, {"apiVersion"});
  return base::text(owner, {"kind"}) == kube::kCanaries.kind &&
         version.substr(0, version.find('/')) == kube::kCanaries.group;
}

// What a release makes is labelled so, and a policy may have its own say on that; an object of somebody's
// that is to be collected with the Canary is not.
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
  annotations[kName] = full_name(object);
}

std::optional<Maker> maker_of(const Json& object) {
  Maker maker{.canary = annotation(object, kCanary),
              .uid = annotation(object, kUid),
              .service = annotation(object, kService)};
  const bool is_its_own = annotation(object, kName) == full_name(object);
  if (is_plausible(maker) && is_its_own && base::name_of(object) != maker.service) return maker;
  if (!is_labelled(object)) return std::nullopt;
  for (const auto& owner : owners_of(object)) {
    if (names_canary(owner))
      return Maker{.canary = base::text(owner, {"name"}), .uid = base::text(owner, {"uid"}), .service = {}};
  }
  return std::nullopt;
}

std::string lost_signature(const Json& made, const Json& kept) {
  if (!maker_of(made)) return {};
  const auto* const lost = std::ranges::find_if(
      kAnnotations, [&](const char* name) { return annotation(kept, name) != annotation(made, name); });
  if (lost == kAnnotations.end()) return {};
  return "annotation " + std::string(*lost) + " is \"" + annotation(kept, *lost) + "\" and not \"" +
         annotation(made, *lost) + "\"";
}

bool is_half_signed(const Json& object, const Maker& maker) {
  if (maker_of(object) || base::name_of(object) == maker.service) return false;
  const auto name = annotation(object, kName);
  const auto service = annotation(object, kService);
  if (!name.empty() && name != full_name(object)) return false;
  if (!service.empty() && service != maker.service) return false;
  if (annotation(object, kUid) == maker.uid) return true;
  return !name.empty() && (!service.empty() || annotation(object, kCanary) == maker.canary);
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
