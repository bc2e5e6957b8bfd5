#include "operator/routing/istio/names.h"

#include <algorithm>
#include <cctype>

#include "operator/base/json.h"
#include "operator/base/label.h"
#include "operator/routing/istio/rules.h"
#include "operator/routing/istio/settings.h"

namespace weir::routing {
namespace {

// By Istio's webhook: a DNS label, in which it takes capitals for letters too.
bool is_subset_name(std::string_view text) {
  const auto is_letter = [](char one) { return std::isalnum(static_cast<unsigned char>(one)) != 0; };
  return !text.empty() && text.size() <= base::kLongestLabel && is_letter(text.front()) &&
         is_letter(text.back()) &&
         std::ranges::all_of(text, [&](char one) { return one == '-' || is_letter(one); });
}

bool of_route(const strategies::RouteRecord& record) { return rule_of(record).empty(); }

const Json* rule_of_traffic(const Target& target, const Rules& rules) {
  const auto* rule = rules.traffic(target);
  return rule == nullptr && !dedicated(target) ? rules.applied : rule;
}

const Json* rule_of_owner(const Target& target, const Rules& rules) {
  const auto* rule = dedicated(target) ? rules.own : rules.traffic(target);
  return rule == nullptr ? rules.applied : rule;
}

}  // namespace

std::string subset_of_version(std::string_view version) {
  return is_subset_name(version) ? std::string(version) : base::with_hash(base::dashed(version), version);
}

bool has_route_records(const Target& target) { return std::ranges::any_of(target.records, of_route); }

SubsetNames::SubsetNames(const Target& target, const Rules& rules)
    : target_(target),
      traffic_(rules.subsets(rule_of_traffic(target, rules))),
      owner_(rules.subsets(rule_of_owner(target, rules))) {
  for (const auto& record : target.records) {
    if (!of_route(record)) continue;
    auto original = Json::parse(record.original, nullptr, /*allow_exceptions=*/false);
    if (!base::field(original, {"destination"}).is_object()) continue;
    const auto subset = base::text(original, {"destination", "subset"});
    if (!subset.empty()) originals_.insert(subset);
    records_.try_emplace({record.object, record.key}, std::move(original));
  }
  pinned_ = originals_;
  owner_candidates_ = owner_.of_version(target.candidate_version);
  std::erase_if(owner_candidates_, [&](const std::string& name) { return owner_.recorded_as_added(name); });
}

const Json& SubsetNames::original_of(const std::string& object, const std::string& key) const {
  static const Json kNone;
  const auto found = records_.find({object, key});
  return found == records_.end() ? kNone : found->second;
}

bool SubsetNames::means(const Subsets& subsets, std::string_view subset, const std::string& asked,
                        const std::string& version) const {
  if (subset.empty()) return false;
  if (const auto* defined = subsets.find(subset)) return selects(target_, defined, version);
  return subset == (asked.empty() ? subset_of_version(version) : asked);
}

bool SubsetNames::is_stable(std::string_view subset) const {
  // A subset that was moved to the candidate's version still stands for stable where it stood for it.
  return originals_.contains(std::string(subset)) ||
         means(traffic_, subset, stable_subset(target_), target_.stable_version);
}

bool SubsetNames::is_candidate(std::string_view subset) const {
  return means(traffic_, subset, candidate_subset(target_), target_.candidate_version);
}

bool SubsetNames::is_defined(std::string_view subset) const { return traffic_.find(subset) != nullptr; }

bool SubsetNames::owner_stable(std::string_view subset) const {
  return originals_.contains(std::string(subset)) ||
         means(owner_, subset, stable_subset(target_), target_.stable_version);
}

bool SubsetNames::owner_candidate(std::string_view subset) const {
  return means(owner_, subset, candidate_subset(target_), target_.candidate_version);
}

bool SubsetNames::added(std::string_view subset) const { return traffic_.recorded_as_added(subset); }

std::string SubsetNames::owner_candidate_subset() const {
  const auto found =
      std::ranges::find_if(owner_candidates_, [&](const auto& name) { return !pinned_.contains(name); });
  return found == owner_candidates_.end() ? std::string() : *found;
}

bool SubsetNames::moves(const std::string& subset) const {
  return pinned_.contains(subset) && subset != subset_of_version(target_.stable_version) &&
         owner_candidate_subset().empty();
}

std::string SubsetNames::replaced() const {
  const auto name = subset_of_version(target_.stable_version);
  const bool owners = pinned_.contains(name) && !owner_.recorded_as_added(name);
  return owners && owner_candidate_subset().empty() ? name : std::string();
}

std::string SubsetNames::promoted(const std::string& subset) const {
  auto owners = owner_candidate_subset();
  if (!owners.empty()) return owners;
  return subset == subset_of_version(target_.stable_version) ? candidate() : subset;
}

std::string SubsetNames::chosen(const std::string& asked, const std::string& version) const {
  if (!asked.empty() && !moves(asked)) return asked;
  auto usual = subset_of_version(version);
  if (selects(target_, traffic_.find(usual), version)) return usual;
  const auto& defined = traffic_.of_version(version);
  const auto fixed = std::ranges::find_if(defined, [&](const auto& name) { return !moves(name); });
  return fixed == defined.end() ? usual : *fixed;
}

std::string SubsetNames::stable() const { return chosen(stable_subset(target_), target_.stable_version); }
std::string SubsetNames::candidate() const {
  return chosen(candidate_subset(target_), target_.candidate_version);
}

std::string SubsetNames::usable(const std::string& name, const std::string& version) const {
  if (traffic_.find(name) != nullptr) return name;
  const auto& defined = traffic_.of_version(version);
  return defined.empty() ? name : defined.front();
}

std::string SubsetNames::usable_stable() const { return usable(stable(), target_.stable_version); }
std::string SubsetNames::usable_candidate() const { return usable(candidate(), target_.candidate_version); }

}  // namespace weir::routing
