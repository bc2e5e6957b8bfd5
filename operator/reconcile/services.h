// The Services that a release makes: one for each version, and in Dedicated mode the one that receives
// traffic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operator/canary/canary.h"
#include "operator/kube/api.h"
#include "operator/routing/ownership.h"

namespace weir::reconcile {

using kube::Json;

// The Service that a Canary, read or not, is about.
[[nodiscard]] kube::Key service_of(const Json& canary);

// Names of the Services of a release. Each is a DNS label, and no two are the same.
struct ServiceNames {
  std::string stable, candidate;  // the versions' own: "checkout-v2"
  std::string traffic;  // behind which both versions are selected: the Service itself, or "checkout-weir"
};
// The version in lower case, with dashes for what a name may not hold. Where two names would be the same, or
// one too long, a hash tells them apart: "checkout-v1-0-0f1e2d3c".
[[nodiscard]] ServiceNames service_names(const strategies::Spec& spec, const std::string& stable_version,
                                         const std::string& candidate_version);

// Dedicated mode's own Service: "checkout-weir".
[[nodiscard]] std::string dedicated_service_name(const std::string& service);

// Value of the label weir.dev/canary of what a release makes: the Canary's name, which may be longer than a
// label's value, or its beginning with a hash.
[[nodiscard]] std::string canary_label(const std::string& canary);

// The release as its objects name it; nothing else tells whose they are.
[[nodiscard]] routing::Maker maker(const canary::Canary& canary);

// What the release's Services should be, from the Service that clients call. They keep its ports and every
// key of its selector but the version's.
[[nodiscard]] std::vector<Json> wanted_services(const canary::Canary& canary, const Json& service,
                                                const std::string& stable_version,
                                                const std::string& candidate_version);

// Whether an existing Service is what it should be.
[[nodiscard]] bool is_as_wanted(const Json& existing, const Json& wanted);

}  // namespace weir::reconcile
