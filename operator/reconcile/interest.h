// Which releases a change of an object concerns, and how the caches find the objects of a release.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operator/kube/store.h"

namespace weir::reconcile {

// How the reconciler's caches keep each kind: trimmed (trim.h), and found by the terms below.
[[nodiscard]] kube::Form form_of(const kube::Resource& resource);

// Canaries whose release is not over; those of them that have begun, and that are being taken back.
inline constexpr std::string_view kUnfinished = "unfinished";
inline constexpr std::string_view kBegun = "begun";
inline constexpr std::string_view kRollingBack = "rolling back";

// Canaries whose release is not over, by their Service; of these those that wait to begin, those that have
// begun, and those that supersede the others.
[[nodiscard]] std::string releases_of(std::string_view service, std::string_view name_space);
[[nodiscard]] std::string waiting_for(std::string_view service, std::string_view name_space);
[[nodiscard]] std::string begun_on(std::string_view service, std::string_view name_space);
[[nodiscard]] std::string superseding_on(std::string_view service, std::string_view name_space);
// Services and DestinationRules, by the uid of an owner.
[[nodiscard]] std::string owned_by(std::string_view uid);
// EndpointSlices, by their Service.
[[nodiscard]] std::string slices_behind(std::string_view service, std::string_view name_space);
// Deployments that may have all labels of this selector: whoever asks compares the rest. Empty: of an empty
// selector, which selects nothing.
[[nodiscard]] std::string labelled_as(const kube::Json& selector, std::string_view name_space);

// Keys of the Canaries that must look again after `change` of an object of kind `resource`. A Canary's own
// change also concerns the others of its Service, if it bears on which of them goes first. Releases that are
// over are concerned only by themselves, and by what they own: that should be gone.
[[nodiscard]] std::vector<kube::Key> concerned(const kube::Stores& stores, const kube::Resource& resource,
                                               const kube::Change& change);

}  // namespace weir::reconcile
