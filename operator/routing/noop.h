// A router that divides nothing: to try a release out where there is no mesh and no gateway, and the smallest
// example of a router. The weight is noted on the Service, in annotation weir.dev/noop-weight; requests
// follow the Service's selector alone, which moves at the promotion.
#pragma once

#include "operator/routing/provider.h"

namespace weir::routing {

class NoopRouter final : public Router {
 public:
  [[nodiscard]] strategies::Abilities abilities() const override {
    return {.needs_foundation = false, .selects_both = false, .divides = false};
  }
  [[nodiscard]] strategies::RouterWords words() const override { return {}; }
  [[nodiscard]] std::span<const kube::Resource> makes() const override { return {}; }
  [[nodiscard]] std::span<const kube::Resource> routes() const override { return {}; }
  [[nodiscard]] bool needs(const Json& /*route*/, const kube::Resource& /*kind*/,
                           const Json& /*made*/) const override {
    return false;
  }
  [[nodiscard]] std::vector<ObjectName> recorded(
      const std::vector<strategies::RouteRecord>& /*records*/) const override {
    return {};
  }
  [[nodiscard]] Objects gather(const Target& target, const kube::Stores& stores) const override;
  [[nodiscard]] Reading read(const Target& target, const Objects& objects) const override;
  [[nodiscard]] Writes prepare(const Target& /*target*/, const Objects& /*objects*/) const override {
    return {};
  }
  [[nodiscard]] Writes route(const Target& target, const Objects& objects,
                             const strategies::Traffic& traffic) const override;
  [[nodiscard]] Writes restore(const Target& target, const Objects& objects, bool promoted) const override;
  [[nodiscard]] Writes move_pinned(const Target& /*target*/, const Objects& /*objects*/) const override {
    return {};
  }
  [[nodiscard]] Writes clean_up(const Target& /*target*/, const Objects& /*objects*/,
                                bool /*promoted*/) const override {
    return {};
  }
};

}  // namespace weir::routing
