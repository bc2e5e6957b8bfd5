#include "operator/routing/istio/destination_rule.h"

#include <algorithm>
#include <utility>

#include "operator/base/json.h"
#include "operator/routing/istio/hosts.h"
#include "operator/routing/istio/label.h"

namespace weir::routing {
namespace {

using strategies::RouteRecord;

Write rule_write(const Json* before, Json after) {
  return {.kind = kube::kDestinationRules,
          .before = before == nullptr ? Json() : *before,
          .after = std::move(after)};
}

void append_if_changed(std::vector<Write>& writes, const Json* before, Json after) {
  if (*before != after) writes.push_back(rule_write(before, std::move(after)));
}

// The subset whose policies one that the release adds should have; null: none.
const Json* model_of(const Target& target, const Rules& rules, const SubsetNames& names,
                     const std::string& version) {
  const auto& subsets = rules.subsets(rules.own != nullptr ? rules.own : rules.applied);
  if (dedicated(target)) {
    const auto& same = subsets.of_version(version);
    if (!same.empty()) return subsets.find(same.front());
  }
  for (const auto& pinned : names.pinned()) {
    if (const auto* subset = subsets.find(pinned)) return subset;
  }
  // The pinned one was replaced by a promotion that is being taken back: its successor has what it had.
  if (!names.replaced().empty()) return subsets.find(names.candidate());
  return nullptr;
}

Json subset_for(const Target& target, const Rules& rules, const SubsetNames& names, const std::string& name,
                const std::string& version) {
  const auto* model = model_of(target, rules, names, version);
  Json subset = model == nullptr ? Json::object() : *model;
  subset["name"] = name;
  subset["labels"] = Json::object({{target.version_label, version}});
  return subset;
}

struct Wanted {
  std::string name;
  std::string version;
};

// Subsets that a rule needs for the release and does not have.
std::vector<Wanted> missing(const Target& target, const Subsets& subsets, std::vector<Wanted> wanted) {
  std::erase_if(wanted, [&](const Wanted& w) { return selects(target, subsets.find(w.name), w.version); });
  return wanted;
}

std::vector<Wanted> both(const Target& target, const SubsetNames& names) {
  return {{names.stable(), target.stable_version}, {names.candidate(), target.candidate_version}};
}

// What the owner's rule has to get. In Dedicated mode the divided routes name subsets of another rule, and
// the owner's needs at most the successor of a pinned subset.
std::vector<Wanted> missing_in_own(const Target& target, const Rules& rules, const SubsetNames& names) {
  if (rules.own == nullptr) return {};
  if (!dedicated(target)) {
    return rules.traffic(target) == rules.own ? missing(target, rules.subsets(rules.own), both(target, names))
                                              : std::vector<Wanted>{};
  }
  if (names.replaced().empty()) return {};
  return missing(target, rules.subsets(rules.own),
                 {{names.replaced(), target.stable_version}, {names.candidate(), target.candidate_version}});
}

void append_subsets(const Target& target, const Rules& rules, const SubsetNames& names,
                    const std::vector<Wanted>& wanted, Json& rule) {
  auto& subsets = rule["spec"]["subsets"];
  if (!subsets.is_array()) subsets = Json::array();
  for (const auto& [name, version] : wanted) {
    subsets.push_back(subset_for(target, rules, names, name, version));
  }
}

Json new_rule(const Target& target, const Rules& rules) {
  Json spec = Json::object();
  if (rules.applied != nullptr) {
    spec = base::field(*rules.applied, {"spec"});
    // In Dedicated mode no route names the other subsets of the Service's rule through this host.
    if (dedicated(target)) spec.erase("subsets");
  }
  spec["host"] = fqdn(traffic_service(target));
  Json metadata{
      {"name", made_name(target)}, {"namespace", target.name_space}, {"labels", {{kManagedBy, kWeir}}}};
  Json made{{"apiVersion", rules.api_version},
            {"kind", "DestinationRule"},
            {"metadata", std::move(metadata)},
            {"spec", std::move(spec)}};
  if (!target.maker.uid.empty()) sign(made, target.maker);
  return made;
}

// Added by the release and still so: what removed_subsets would take away.
bool is_added(const Target& target, const Rules& rules, const SubsetNames& names, const Json& subset) {
  const auto name = base::text(subset, {"name"});
  if (!rules.subsets(rules.own).recorded_as_added(name) || names.kept().contains(name)) return false;
  if (!selects(target, &subset, target.stable_version) &&
      !selects(target, &subset, target.candidate_version)) {
    return false;
  }
  const auto replaced = names.replaced();
  const bool successor = !replaced.empty() && name == names.candidate();
  return !successor || rules.subsets(rules.own).find(replaced) != nullptr;
}

// What was made defines a subset that is named by others than the release, and that no rule has without it.
bool is_made_for_others(const Rules& rules, const SubsetNames& names) {
  return std::ranges::any_of(names.kept(), [&](const std::string& name) {
    return rules.subsets(rules.made).find(name) != nullptr &&
           rules.subsets(rules.applied).find(name) == nullptr;
  });
}

std::size_t position_of(const Json& subsets, const std::string& name) {
  const auto found =
      std::ranges::find_if(subsets, [&](const Json& subset) { return base::text(subset, {"name"}) == name; });
  return static_cast<std::size_t>(found - subsets.begin());
}

// Leaves one of two subsets, in the place of the first.
void keep_one(Json& subsets, const std::string& kept, const std::string& dropped) {
  const auto from = position_of(subsets, kept);
  const auto to = position_of(subsets, dropped);
  if (from == subsets.size() || to == subsets.size()) return;
  if (to < from) std::swap(subsets[from], subsets[to]);
  subsets.erase(std::max(from, to));
}

bool brought_subsets_along(const Target& target, const Json& rule) {
  const auto object = rule_object(rule);
  return std::ranges::any_of(target.records, [&](const RouteRecord& record) {
    return record.object == object && record.original == kSubsetsAbsent;
  });
}

void move_labels(const Target& target, const SubsetNames& names, bool promoted, Json& rule) {
  const auto& from = promoted ? target.stable_version : target.candidate_version;
  const auto& to = promoted ? target.candidate_version : target.stable_version;
  for (auto& subset : rule["spec"]["subsets"]) {
    if (names.moves(base::text(subset, {"name"})) && selects(target, &subset, from)) {
      subset["labels"][target.version_label] = to;
    }
  }
}

bool has_subsets(const Json* rule) {
  return rule != nullptr && base::field(*rule, {"spec", "subsets"}).is_array();
}

Refusal name_taken(const Target& target, const Json& rule, const Wanted& wanted, const Json& subset) {
  const bool stable = wanted.version == target.stable_version;
  return {.condition = "Progressing",
          .reason = "SubsetNameTaken",
          .message = label_of(target, rule) + " spec.subsets has \"" + wanted.name + "\" with labels " +
                     base::field(subset, {"labels"}).dump() + ", but the release needs {\"" +
                     target.version_label + "\":\"" + wanted.version +
                     "\"} under that name: set spec.routing.istio.subsets." +
                     (stable ? "stable" : "candidate") + " to another name"};
}

// Whether the rule has something in place of its subsets that is no list: adding to it would lose it.
bool has_unusable_subsets(const Json* rule) {
  return rule != nullptr && base::field(*rule, {"spec"}).contains("subsets") && !has_subsets(rule);
}

Refusal unusable_subsets(const Target& target, const Json& rule) {
  return {.condition = "Progressing",
          .reason = "SubsetsNotUsable",
          .message = label_of(target, rule) + " spec.subsets is " +
                     base::field(rule, {"spec", "subsets"}).dump() + "; a list of subsets is accepted"};
}

// A route to a subset that is not there serves nobody, and nothing says that it should serve stable.
Refusal undefined_subset(const Target& target, const Json& rule, const std::string& subset,
                         const std::string& defined) {
  return {.condition = "Progressing",
          .reason = "SubsetNotDefined",
          .message = "a route names subset \"" + subset + "\", which " + label_of(target, rule) +
                     " does not define; version " + target.stable_version + " has subset \"" + defined +
                     "\": name that one in the route"};
}

}  // namespace

std::optional<strategies::Foundation> subset_state(const Target& target, const Rules& rules,
                                                   const SubsetNames& names) {
  const auto* traffic = rules.traffic(target);
  const auto own_needs = missing_in_own(target, rules, names);
  if (traffic == nullptr && own_needs.empty()) return std::nullopt;
  strategies::Foundation state;
  state.present = traffic != nullptr && own_needs.empty() &&
                  missing(target, rules.subsets(traffic), both(target, names)).empty();
  state.added = rules.made != nullptr && !is_made_for_others(rules, names);
  for (const auto& wanted : own_needs) {
    // A pinned subset whose successor took its place comes back as the owner's own.
    const bool comes_back =
        wanted.name == names.replaced() && rules.subsets(rules.own).find(names.candidate()) != nullptr;
    if (comes_back || rules.subsets(rules.own).recorded_as_added(wanted.name)) continue;
    state.found.push_back({.object = rule_object(*rules.own),
                           .key = std::string(kSubsetKey) + wanted.name,
                           .original = std::string(has_subsets(rules.own) ? "" : kSubsetsAbsent)});
  }
  if (has_subsets(rules.own)) {
    for (const auto& subset : base::field(*rules.own, {"spec", "subsets"})) {
      state.added = state.added || is_added(target, rules, names, subset);
      state.pinned = state.pinned || (names.moves(base::text(subset, {"name"})) &&
                                      selects(target, &subset, target.stable_version));
    }
  }
  return state;
}

std::vector<Refusal> subset_refusals(const Target& target, const Rules& rules, const SubsetNames& names) {
  std::vector<Refusal> refusals;
  const auto check = [&](const Json* rule, const std::vector<Wanted>& wanted) {
    for (const auto& entry : wanted) {
      if (const auto* taken = rules.subsets(rule).find(entry.name)) {
        refusals.push_back(name_taken(target, *rule, entry, *taken));
      }
    }
  };
  const auto* traffic = rules.traffic(target);
  if (has_unusable_subsets(rules.own)) refusals.push_back(unusable_subsets(target, *rules.own));
  check(traffic, missing(target, rules.subsets(traffic), both(target, names)));
  if (traffic != rules.own) check(rules.own, missing_in_own(target, rules, names));
  if (traffic == nullptr && !dedicated(target)) {
    check(rules.applied, missing(target, rules.subsets(rules.applied), both(target, names)));
  }
  if (names.stable() == names.candidate()) {
    refusals.push_back(
        {.condition = "Progressing",
         .reason = "SubsetsAlike",
         .message = "the subsets of both versions are called \"" + names.stable() +
                    "\": spec.routing.istio.subsets must give stable and candidate different names"});
  }
  const auto& defined = rules.subsets(rules.applied).of_version(target.stable_version);
  // Of a release that has begun, what a route was pinned to may have been replaced.
  const bool must_be_defined = !has_route_records(target) && !defined.empty();
  for (const auto& pinned : names.pinned()) {
    if (!must_be_defined || rules.subsets(rules.applied).find(pinned) != nullptr) continue;
    refusals.push_back(undefined_subset(target, *rules.applied, pinned, defined.front()));
  }
  if (rules.own != nullptr) return refusals;
  for (const auto& pinned : names.pinned()) {
    if (rules.subsets(rules.applied).find(pinned) == nullptr) continue;
    // The route ends on a subset of the candidate: of the same name, or of another that must be there.
    const auto promoted = names.promoted(pinned);
    const bool stays =
        promoted == pinned ? !names.moves(pinned) : rules.subsets(rules.applied).find(promoted) != nullptr;
    if (stays) continue;
    refusals.push_back(
        {.condition = "Progressing",
         .reason = "PinnedInSharedRule",
         .message = "a route names subset \"" + pinned + "\" of " + label_of(target, *rules.applied) +
                    ", whose spec.host \"" + base::text(*rules.applied, {"spec", "host"}) +
                    "\" is for more than this Service, so that it cannot be moved to another version: "
                    "give the Service a DestinationRule of its own, or name no subset in the route"});
  }
  return refusals;
}

std::vector<Write> added_subsets(const Target& target, const Rules& rules, const SubsetNames& names) {
  std::vector<Write> writes;
  const auto* traffic = rules.traffic(target);
  if (traffic == nullptr || traffic != rules.own) {
    auto after = traffic == nullptr ? new_rule(target, rules) : *traffic;
    const auto wanted = missing(target, Subsets(target, &after), both(target, names));
    if (!wanted.empty()) append_subsets(target, rules, names, wanted, after);
    if (traffic == nullptr || *traffic != after) writes.push_back(rule_write(traffic, std::move(after)));
  }
  const auto wanted = missing_in_own(target, rules, names);
  if (!wanted.empty()) {
    auto after = *rules.own;
    append_subsets(target, rules, names, wanted, after);
    append_if_changed(writes, rules.own, std::move(after));
  }
  return writes;
}

std::vector<Write> moved_subsets(const Target& target, const Rules& rules, const SubsetNames& names,
                                 bool promoted) {
  std::vector<Write> writes;
  if (!has_subsets(rules.own)) return writes;
  auto after = *rules.own;
  move_labels(target, names, promoted, after);
  append_if_changed(writes, rules.own, std::move(after));
  return writes;
}

std::vector<Write> removed_subsets(const Target& target, const Rules& rules, const SubsetNames& names,
                                   bool promoted) {
  std::vector<Write> writes;
  if (has_subsets(rules.own)) {
    auto after = *rules.own;
    if (!promoted) move_labels(target, names, promoted, after);
    auto& subsets = after["spec"]["subsets"];
    const auto replaced = names.replaced();
    const auto successor = names.candidate();
    Json left = Json::array();
    for (auto& subset : subsets) {
      const bool one_of_two = !replaced.empty() && base::text(subset, {"name"}) == successor;
      if (one_of_two || !is_added(target, rules, names, subset)) left.push_back(subset);
    }
    const auto& dropped = promoted ? replaced : successor;
    if (!replaced.empty() && !names.kept().contains(dropped))
      keep_one(left, promoted ? successor : replaced, dropped);
    subsets = std::move(left);
    if (subsets.empty() && brought_subsets_along(target, *rules.own)) after["spec"].erase("subsets");
    append_if_changed(writes, rules.own, std::move(after));
  }
  if (rules.made != nullptr && !is_made_for_others(rules, names))
    writes.push_back(rule_write(rules.made, Json()));
  return writes;
}

}  // namespace weir::routing
