// Istio: VirtualServices divide traffic over the subsets of a DestinationRule.
#pragma once

#include "operator/routing/provider.h"

namespace weir::routing {

// Objects come back as they came but for weight tables of VirtualServices and subsets of one DestinationRule;
// nothing is noted in them: what a destination looked like before it was divided is in Target::records.
class IstioRouter final : public Router {
 public:
  [[nodiscard]] strategies::Abilities abilities() const override;
  [[nodiscard]] strategies::RouterWords words() const override;
  [[nodiscard]] std::span<const kube::Resource> makes() const override;
  [[nodiscard]] std::span<const kube::Resource> routes() const override;
  [[nodiscard]] bool needs(const Json& route, const kube::Resource& kind, const Json& made) const override;
  [[nodiscard]] std::vector<ObjectName> recorded(
      const std::vector<strategies::RouteRecord>& records) const override;
  [[nodiscard]] Objects gather(const Target& target, const kube::Stores& stores) const override;
  [[nodiscard]] Reading read(const Target& target, const Objects& objects) const override;
  [[nodiscard]] Writes prepare(const Target& target, const Objects& objects) const override;
  // Divides what can be divided, so that a rollback is never held up by one route that cannot; refuses only
  // if there is nothing else. What may not go on is in Reading::refusals. Writes the rule too where a subset
  // that a promotion moved has to return to stable's version.
  [[nodiscard]] Writes route(const Target& target, const Objects& objects,
                             const strategies::Traffic& traffic) const override;
  [[nodiscard]] Writes restore(const Target& target, const Objects& objects, bool promoted) const override;
  [[nodiscard]] Writes move_pinned(const Target& target, const Objects& objects) const override;
  [[nodiscard]] Writes clean_up(const Target& target, const Objects& objects, bool promoted) const override;
};

}  // namespace weir::routing
