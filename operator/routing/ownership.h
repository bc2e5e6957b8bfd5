// Who made an object: annotations name the release. An ownerReference would let the garbage collector take
// the object while routes lead to it, as it does when the Canary is deleted in the foreground; so there is
// none, and what a release made is taken away by the operator alone.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace weir::routing {

using Json = nlohmann::json;

// The label of all that releases make: for people, and for what an older operator made. What is signed is
// known without it, since a policy of the cluster may set it for all.
inline constexpr const char* kManagedBy = "app.kubernetes.io/managed-by";
inline constexpr const char* kWeir = "weir";

// A release that makes objects in its namespace.
struct Maker {
  std::string canary;   // its name
  std::string uid;      // the Canary's
  std::string service;  // that is released; empty: an older operator made the object, which did not say
  friend bool operator==(const Maker&, const Maker&) = default;
};

// Labels and annotates an object that the release makes; it has its name already.
void sign(Json& object, const Maker& maker);

// Of an object that a release made, by its annotations, or by the label and the ownerReference that older
// operators left. An object that bears the name of the Service that is released is nobody's: it is what
// clients call. So is a copy under another name or in another namespace, whose annotations came along.
[[nodiscard]] std::optional<Maker> maker_of(const Json& object);
[[nodiscard]] bool is_made_by(const Json& object, std::string_view uid);
// What of the signature of an object that was made is not as it was in what the API server has kept, as on a
// policy's word: which annotation, and its values. Empty: all is, or it was not signed.
[[nodiscard]] std::string lost_signature(const Json& made, const Json& kept);

// Whether the object was made by a release of the maker's Service, and a part of its signature is gone, as on
// a policy's word: nobody knows whose it is, and no running release has use for it. Nothing that is left may
// speak of another Service, or of another object, as it does of a copy.
[[nodiscard]] bool is_half_signed(const Json& object, const Maker& maker);

// Whether an ownerReference names the Canary, as older operators left it.
[[nodiscard]] bool has_owner(const Json& object, std::string_view uid);
// The same object with the maker's annotations in place of the ownerReference to it.
[[nodiscard]] Json adopted(const Json& object, const Maker& maker);

// Takes signature and ownerReferences off: for showing the object where there is no Canary yet.
void strip_signature(Json& object);

}  // namespace weir::routing
