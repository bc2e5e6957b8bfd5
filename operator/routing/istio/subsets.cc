#include "operator/routing/istio/subsets.h"

#include <optional>

#include "operator/base/json.h"

namespace weir::routing {
namespace {

constexpr std::string_view kRuleObject = "DestinationRule/";

// The version that the labels name and nothing else; empty optional: they name no version, or more.
std::optional<std::string> version_alone(const Target& target, const Json& subset) {
  const auto& labels = base::field(subset, {"labels"});
  const auto& version = base::field(labels, {target.version_label.c_str()});
  if (!version.is_string() || labels.size() != 1) return std::nullopt;
  return version.get<std::string>();
}

}  // namespace

Subsets::Subsets(const Target& target, const Json* rule) {
  if (rule == nullptr) return;
  const auto object = rule_object(*rule);
  for (const auto& record : target.records) {
    if (record.object == object && record.key.starts_with(kSubsetKey))
      added_.insert(record.key.substr(kSubsetKey.size()));
  }
  const auto& subsets = base::field(*rule, {"spec", "subsets"});
  if (!subsets.is_array()) return;
  for (const auto& subset : subsets) {
    auto name = base::text(subset, {"name"});
    by_name_.try_emplace(name, &subset);
    // What has no name cannot be routed to.
    if (name.empty()) continue;
    if (auto version = version_alone(target, subset))
      by_version_[*std::move(version)].push_back(std::move(name));
  }
}

const Json* Subsets::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

const std::vector<std::string>& Subsets::of_version(const std::string& version) const {
  static const std::vector<std::string> kNone;
  const auto found = by_version_.find(version);
  return found == by_version_.end() ? kNone : found->second;
}

bool Subsets::recorded_as_added(std::string_view name) const { return added_.contains(name); }

bool selects(const Target& target, const Json* subset, const std::string& version) {
  return subset != nullptr && version_alone(target, *subset) == version;
}

std::string rule_object(const Json& rule) { return std::string(kRuleObject) + base::name_of(rule); }

std::string_view rule_of(const strategies::RouteRecord& record) {
  const std::string_view object = record.object;
  return object.starts_with(kRuleObject) ? object.substr(kRuleObject.size()) : std::string_view();
}

}  // namespace weir::routing
