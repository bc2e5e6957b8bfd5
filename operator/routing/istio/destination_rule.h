// The edits of the DestinationRule whose subsets the divided routes name.
#pragma once

#include "operator/routing/istio/names.h"

namespace weir::routing {

// Where subsets stand; empty: there is no rule for the traffic host yet, and none of the owner's will be
// changed.
[[nodiscard]] std::optional<strategies::Foundation> subset_state(const Target& target, const Rules& rules,
                                                                 const SubsetNames& names);

// What keeps the subsets from being made.
[[nodiscard]] std::vector<Refusal> subset_refusals(const Target& target, const Rules& rules,
                                                   const SubsetNames& names);

// Adds what is missing, at the end of spec.subsets, or makes a rule with what applied until then. A subset
// that takes the part of one that the owner pinned carries its policies.
[[nodiscard]] std::vector<Write> added_subsets(const Target& target, const Rules& rules,
                                               const SubsetNames& names);

// Gives the owner's pinned subsets the candidate's labels (`promoted`), or stable's back. Their routes must
// carry nothing through them at that time.
[[nodiscard]] std::vector<Write> moved_subsets(const Target& target, const Rules& rules,
                                               const SubsetNames& names, bool promoted);

// Takes away exactly what was added: recorded subsets, and the rule that was made. Of a pinned subset that is
// named as its version is, and the one added beside it, the promoted version's stays. What is kept
// (SubsetNames::keep) stays in any case.
[[nodiscard]] std::vector<Write> removed_subsets(const Target& target, const Rules& rules,
                                                 const SubsetNames& names, bool promoted);

}  // namespace weir::routing
