// The Services that a release makes: one for each version, and in Dedicated mode the one that receives
// traffic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operator/canary/canary.h"
#include "operator/kube/api.h"

namespace weir::reconcile {

using kube::Json;

// Marks every object that the operator makes, with value "weir".
inline constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";

// The Service that a Canary, read or not, is about.
[[nodiscard]] kube::Key service_of(const Json& canary);

// In place of a version in the name of Dedicated mode's own Service.
inline constexpr std::string_view kTrafficPart = "weir";

// A version label's value as part of an object's name: lower case, dashes for what a name may not hold.
[[nodiscard]] std::string name_part(std::string_view version);

// "checkout-v2".
[[nodiscard]] std::string version_service_name(const std::string& service, std::string_view version);

// The Service behind which both versions are selected during the release: the Service itself, or
// "checkout-weir".
[[nodiscard]] std::string traffic_service_name(const strategies::Spec& spec);

// An ownerReference that lets the Canary's deletion collect what it owns.
[[nodiscard]] Json owner_reference(const canary::Canary& canary);
[[nodiscard]] bool is_owned_by(const Json& object, const std::string& uid);
// Whether any release made it.
[[nodiscard]] bool is_made(const Json& object);

// What the release's Services should be, from the Service that clients call. They keep its ports and every
// key of its selector but the version's.
[[nodiscard]] std::vector<Json> wanted_services(const canary::Canary& canary, const Json& service,
                                                const std::string& stable_version,
                                                const std::string& candidate_version);

// Whether an existing Service is what it should be.
[[nodiscard]] bool is_as_wanted(const Json& existing, const Json& wanted);

}  // namespace weir::reconcile
