// Which DestinationRule applies to the Service, which one carries the subsets of the release, and what its
// subsets are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operator/routing/provider.h"

namespace weir::routing {

// Istio's root namespace: rules in it apply where no nearer one does.
inline constexpr std::string_view kRootNamespace = "istio-system";

// The rules that matter to one release. Pointers into Objects; null: there is none.
struct Rules {
  const Json* own = nullptr;      // the owner's, for exactly the Service's host, in its namespace
  const Json* made = nullptr;     // the operator's, for the traffic host
  const Json* applied = nullptr;  // the one that applied to the Service before the release
  std::vector<Refusal> refusals;
  std::string api_version;  // of a rule that is made: as the server has the objects that were read

  // The one whose subsets the divided routes name.
  [[nodiscard]] const Json* traffic(const Target& target) const;
};

[[nodiscard]] bool dedicated(const Target& target);
[[nodiscard]] std::string made_name(const Target& target);
[[nodiscard]] Rules find_rules(const Target& target, const Objects& objects);

// An entry of spec.subsets by name; null where there is none, or no rule.
[[nodiscard]] const Json* find_subset(const Json* rule, std::string_view name);
// Names of the subsets whose labels are exactly {version label: version}, in their order.
[[nodiscard]] std::vector<std::string> subsets_of(const Target& target, const Json* rule,
                                                  const std::string& version);
[[nodiscard]] bool selects(const Target& target, const Json* subset, const std::string& version);
// Whether the records say that the operator adds this subset to this rule.
[[nodiscard]] bool recorded_as_added(const Target& target, const Json* rule, std::string_view subset);

// Form of the records of added subsets: object, key, and `original` of those that brought spec.subsets along.
[[nodiscard]] std::string rule_object(const Json& rule);
// Name of the rule that a record speaks of; empty for the record of a route.
[[nodiscard]] std::string_view rule_of(const strategies::RouteRecord& record);
inline constexpr std::string_view kSubsetKey = "subset/";
inline constexpr std::string_view kSubsetsAbsent = "absent";

}  // namespace weir::routing
