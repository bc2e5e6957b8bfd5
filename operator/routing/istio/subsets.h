// The subsets of one DestinationRule, read once: each of many routes asks for one of many.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "operator/routing/provider.h"

namespace weir::routing {

class Subsets {
 public:
  // `rule` may be null: it has none. Borrows the rule, and of the target only while it is made.
  Subsets(const Target& target, const Json* rule);

  // The entry of spec.subsets, the first of two of one name; null: there is none.
  [[nodiscard]] const Json* find(std::string_view name) const;
  // Names of those whose labels are exactly {version label: version}, in their order.
  [[nodiscard]] const std::vector<std::string>& of_version(const std::string& version) const;
  // Whether the records say that the operator adds this subset to the rule.
  [[nodiscard]] bool recorded_as_added(std::string_view name) const;

 private:
  std::map<std::string, const Json*, std::less<>> by_name_;
  std::map<std::string, std::vector<std::string>> by_version_;
  std::set<std::string, std::less<>> added_;
};

// Whether the subset's labels are exactly {version label: version}. Null: no.
[[nodiscard]] bool selects(const Target& target, const Json* subset, const std::string& version);

// Form of the records of added subsets: object, key, and `original` of those that brought spec.subsets along.
[[nodiscard]] std::string rule_object(const Json& rule);
// Name of the rule that a record speaks of; empty for the record of a route.
[[nodiscard]] std::string_view rule_of(const strategies::RouteRecord& record);
inline constexpr std::string_view kSubsetKey = "subset/";
inline constexpr std::string_view kSubsetsAbsent = "absent";

}  // namespace weir::routing
