#include "operator/routing/istio/settings.h"

#include "operator/base/json.h"

namespace weir::routing {

const Json::array_t& listed_virtual_services(const Target& target) {
  static const Json::array_t kNone;
  const auto& listed = base::field(target.settings, {"virtualServices"});
  return listed.is_array() ? listed.get_ref<const Json::array_t&>() : kNone;
}

std::string named_rule(const Target& target) { return base::text(target.settings, {"destinationRule"}); }
std::string stable_subset(const Target& target) { return base::text(target.settings, {"subsets", "stable"}); }
std::string candidate_subset(const Target& target) {
  return base::text(target.settings, {"subsets", "candidate"});
}

}  // namespace weir::routing
