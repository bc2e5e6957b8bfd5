// Which DestinationRule applies to the Service, and which one carries the subsets of the release.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "operator/routing/istio/subsets.h"

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

  // Those of one of the rules above; of null there are none. Lives as long as this.
  [[nodiscard]] const Subsets& subsets(const Json* rule) const { return subsets_.at(rule); }
  // Reads the subsets of the rules above, once these are found.
  void read_subsets(const Target& target);

 private:
  std::map<const Json*, Subsets> subsets_;
};

[[nodiscard]] bool dedicated(const Target& target);
[[nodiscard]] std::string made_name(const Target& target);
[[nodiscard]] Rules find_rules(const Target& target, const Objects& objects);

}  // namespace weir::routing
