// What tells a leader on an object that a later one was there.
//
// The mark of a claim: annotation weir.dev/epoch, a whole number that never falls while it is there.
//
// A claim changes nothing else. It moves the object's resourceVersion, so that every write which was sent
// before it and is still on its way fails with a conflict.
#pragma once

#include <cstdint>
#include <string_view>

#include "operator/kube/api.h"

namespace weir::lead {

using kube::Json;

inline constexpr std::string_view kEpochAnnotation = "weir.dev/epoch";

// Claims of one object that have room in one term.
inline constexpr std::int64_t kClaimsPerTerm = 1'000'000;

// The object with the epoch of a claim made in this term: the term's first, or one more than the epoch that
// it has, whichever is more. It always differs from `object`.
[[nodiscard]] Json claimed(const Json& object, std::int64_t term);
[[nodiscard]] bool is_claimed(const Json& object);
// The term of the last claim; 0 without one.
[[nodiscard]] std::int64_t term_of_claim(const Json& object);
// A Canary's status names the term of the elected leader that wrote it, in `leaderTerm`: nothing is claimed
// in Pending, and that status is all there is to see.
void sign_status(Json& canary, std::int64_t term);
// 0: nobody signed it.
[[nodiscard]] std::int64_t term_of_status(const Json& canary);
// The object as it was before its first claim.
[[nodiscard]] Json without_claim(const Json& object);

}  // namespace weir::lead
