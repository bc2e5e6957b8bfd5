// Istio: VirtualServices divide traffic over the subsets of a DestinationRule.
#pragma once

#include "operator/routing/provider.h"

namespace weir::routing {

// Stateless, so that any thread may use it. Objects come back as they came but for weight tables of
// VirtualServices and subsets of one DestinationRule; nothing is noted in them: what a destination looked
// like before it was divided is in Target::records, which the caller keeps from Reading's `found` before it
// writes.
class IstioProvider final : public Provider {
 public:
  [[nodiscard]] Reading read(const Target& target, const Objects& objects) const override;
  // Divides what can be divided, so that a rollback is never held up by one route that cannot; refuses only
  // if there is nothing else. What may not go on is in Reading::refusals. Writes the rule too where a subset
  // that a promotion moved has to return to stable's version.
  [[nodiscard]] Result<std::vector<Write>> route(const Target& target, const Objects& objects,
                                                 strategies::Weight weight) const override;
  [[nodiscard]] Result<std::vector<Write>> restore(const Target& target, const Objects& objects,
                                                   bool promoted) const override;
  [[nodiscard]] Result<std::vector<Write>> ensure_subsets(const Target& target,
                                                          const Objects& objects) const override;
  [[nodiscard]] Result<std::vector<Write>> move_pinned_subsets(const Target& target,
                                                               const Objects& objects) const override;
  [[nodiscard]] Result<std::vector<Write>> remove_subsets(const Target& target, const Objects& objects,
                                                          bool promoted) const override;
};

}  // namespace weir::routing
