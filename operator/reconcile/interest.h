// Which releases a change of an object concerns, and how the caches find the objects of a release.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operator/kube/store.h"
#include "operator/routing/kinds.h"
#include "operator/routing/terms.h"

namespace weir::reconcile {

using kube::Json;

// Canaries whose release is not over; those of them that have begun, and that are being taken back.
inline constexpr std::string_view kUnfinished = routing::kEveryRelease;
inline constexpr std::string_view kBegun = "begun";
inline constexpr std::string_view kRollingBack = "rolling back";

// Canaries whose release is not over, by their Service; of these those that wait to begin, those that have
// begun, and those that supersede the others.
[[nodiscard]] std::string releases_of(std::string_view service, std::string_view name_space);
[[nodiscard]] std::string waiting_for(std::string_view service, std::string_view name_space);
[[nodiscard]] std::string begun_on(std::string_view service, std::string_view name_space);
[[nodiscard]] std::string superseding_on(std::string_view service, std::string_view name_space);
// Canaries, by their Service, whether their release is over or not.
[[nodiscard]] std::string released_on(std::string_view service, std::string_view name_space);
// Of those whose release is over, the ones that say that the Service no longer leads to what they promoted.
[[nodiscard]] std::string departed_on(std::string_view service, std::string_view name_space);
// Those that were promoted and have no successor yet, as far as they have noted.
[[nodiscard]] std::string standing_on(std::string_view service, std::string_view name_space);
// What releases made, and of it what one made that is known by its Canary's uid; the Canary itself, too.
inline constexpr std::string_view kMade = "made";
[[nodiscard]] std::string of_canary(std::string_view uid);
// What releases of a Service made.
[[nodiscard]] std::string made_for(std::string_view service, std::string_view name_space);
// EndpointSlices, by their Service.
[[nodiscard]] std::string slices_behind(std::string_view service, std::string_view name_space);
// Deployments that may have all labels of this selector: whoever asks compares the rest. Empty: of an empty
// selector, which selects nothing.
[[nodiscard]] std::string labelled_as(const Json& selector, std::string_view name_space);

// By what the objects of each kind are found.
[[nodiscard]] std::vector<std::string> terms_of_canary(const Json& canary);
[[nodiscard]] std::vector<std::string> terms_of_deployment(const Json& deployment);
[[nodiscard]] std::vector<std::string> terms_of_service(const Json& service);
[[nodiscard]] std::vector<std::string> terms_of_slice(const Json& slice);
// Adds those of the release that made the object.
void add_maker(std::vector<std::string>& terms, const Json& object);

// Whom a change of an object of each kind concerns (kinds.h).
[[nodiscard]] std::vector<kube::Key> concerned_by_canary(const kube::Stores& stores,
                                                         const kube::Change& change);
[[nodiscard]] std::vector<kube::Key> concerned_by_template(const kube::Stores& stores,
                                                           const kube::Change& change);
[[nodiscard]] std::vector<kube::Key> concerned_by_deployment(const kube::Stores& stores,
                                                             const kube::Change& change);
[[nodiscard]] std::vector<kube::Key> concerned_by_service(const kube::Stores& stores,
                                                          const kube::Change& change);
[[nodiscard]] std::vector<kube::Key> concerned_by_slice(const kube::Stores& stores,
                                                        const kube::Change& change);
[[nodiscard]] std::vector<kube::Key> concerned_by_routing(const routing::Kind& kind,
                                                          const kube::Stores& stores,
                                                          const kube::Change& change);

}  // namespace weir::reconcile
