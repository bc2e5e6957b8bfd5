#include "operator/routing/istio/table.h"

#include <algorithm>
#include <map>

#include "operator/base/hash.h"
#include "operator/base/json.h"
#include "operator/routing/istio/hosts.h"
#include "operator/routing/istio/label.h"
#include "operator/routing/istio/settings.h"
#include "operator/routing/istio/shares.h"

namespace weir::routing {
namespace {

bool goes_to_service(const Json& object, const Json& entry, const MeshService& service) {
  return names_service(base::text(entry, {"destination", "host"}), base::namespace_of(object), service);
}

// Alike but for the weight, which the release divides.
bool same_destination(Json one, Json other) {
  one.erase("weight");
  other.erase("weight");
  return one == other;
}

// Both have a destination that is an object.
bool same_but_subset(Json one, Json other) {
  one["destination"].erase("subset");
  other["destination"].erase("subset");
  return same_destination(std::move(one), std::move(other));
}

// Reads one `route` array from front to back.
class Scan {
 public:
  Scan(const Target& target, const SubsetNames& names, const Json& object, const Json& entries, Table& table,
       std::string key)
      : target_(target),
        names_(names),
        object_(object),
        entries_(entries),
        table_(table),
        key_(std::move(key)) {}

  void run() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (is_pair(i)) {
        add(Place::Form::Pair, i);
        table_.places.back().at.push_back(++i);
      } else if (has_lost_its_subsets(i)) {
        add(Place::Form::Broken, i);
        table_.places.back().at.push_back(++i);
      } else if (goes_to(target_, object_, entries_[i])) {
        single(i);
      }
    }
  }

 private:
  enum class Half { Stable, Candidate, Neither };

  [[nodiscard]] std::string subset(std::size_t i) const {
    return base::text(entries_[i], {"destination", "subset"});
  }
  [[nodiscard]] bool to_traffic(std::size_t i) const {
    return goes_to_service(object_, entries_[i], traffic_service(target_));
  }
  [[nodiscard]] bool is_pair(std::size_t i) const {
    return i + 1 < entries_.size() && to_traffic(i) && to_traffic(i + 1) && subset(i) != subset(i + 1) &&
           names_.is_stable(subset(i)) && names_.is_candidate(subset(i + 1));
  }

  // A pair whose subsets, or one of them, no rule defines any more, as when its owner has deleted the rule:
  // it is known by where it stands, and by what stood there.
  [[nodiscard]] bool has_lost_its_subsets(std::size_t i) const {
    if (i + 1 >= entries_.size() || dedicated(target_)) return false;
    if (!goes_to(target_, object_, entries_[i]) || !goes_to(target_, object_, entries_[i + 1])) return false;
    const auto& original = names_.original_of(base::name_of(object_), next_key());
    if (!goes_to(target_, object_, original) || is_original(original, i)) return false;
    const auto is_half = [&](std::size_t at, bool is_known) {
      return same_but_subset(original, entries_[at]) && !subset(at).empty() &&
             (is_known || !names_.is_defined(subset(at)));
    };
    return subset(i) != subset(i + 1) && is_half(i, names_.is_stable(subset(i))) &&
           is_half(i + 1, names_.is_candidate(subset(i + 1)));
  }

  // Of the record of the place that comes next.
  [[nodiscard]] std::string next_key() const { return key_ + "/" + std::to_string(table_.places.size()); }

  void add(Place::Form form, std::size_t i) {
    Place place;
    place.form = form;
    place.at = {i};
    place.key = next_key();
    place.original = names_.original_of(base::name_of(object_), place.key);
    table_.places.push_back(std::move(place));
  }

  [[nodiscard]] Half half(std::size_t i) const {
    if (!to_traffic(i)) return Half::Neither;
    if (names_.is_candidate(subset(i))) return Half::Candidate;
    // In Dedicated mode nobody but the operator sends anything to the traffic host.
    return names_.is_stable(subset(i)) || dedicated(target_) ? Half::Stable : Half::Neither;
  }

  // Puts the second half of a torn pair to the first one. False: there is no such first half before it.
  [[nodiscard]] bool joined(std::size_t i) {
    const auto kind = half(i);
    if (kind == Half::Neither || table_.places.empty()) return false;
    auto& last = table_.places.back();
    if (last.form != Place::Form::Broken || last.at.size() != 1 || half(last.at.front()) == kind)
      return false;
    last.at.push_back(i);
    return true;
  }

  [[nodiscard]] bool lone_candidate_after(std::size_t i) const {
    for (std::size_t later = i + 1; later < entries_.size(); ++later) {
      if (half(later) == Half::Candidate && !is_pair(later - 1)) return true;
    }
    return false;
  }

  // Whether the recorded destination stands here as its owner wrote it (the weight apart).
  [[nodiscard]] bool is_original(const Json& original, std::size_t i) const {
    return !original.is_null() && same_destination(original, entries_[i]) &&
           (subset(i).empty() || !lone_candidate_after(i));
  }

  // Whether it stands here as a promotion left it: pinned to the candidate's subset instead of stable's.
  [[nodiscard]] bool is_promoted(const Json& original, std::size_t i) const {
    return !base::text(original, {"destination", "subset"}).empty() &&
           same_but_subset(original, entries_[i]) && names_.owner_candidate(subset(i));
  }

  void add_owner(const Json& original, std::size_t i) {
    add(Place::Form::Owner, i);
    table_.places.back().recorded = original == entries_[i] || is_promoted(original, i);
  }

  // A destination to the Service that is no part of a whole pair.
  void single(std::size_t i) {
    if (joined(i)) return;
    const auto& original = names_.original_of(base::name_of(object_), next_key());
    if (is_original(original, i) || is_promoted(original, i)) return add_owner(original, i);
    if (to_traffic(i) && dedicated(target_)) return add(Place::Form::Broken, i);
    if (subset(i).empty()) return add_owner(original, i);
    const bool recorded = !original.is_null() && half(i) != Half::Neither;
    if (recorded) return add(Place::Form::Broken, i);
    // Before anything is recorded a name that the release has just defined was its owner's already.
    const bool torn = has_route_records(target_) && names_.added(subset(i)) && half(i) == Half::Stable;
    if (torn) return add(Place::Form::Broken, i);
    if (names_.owner_stable(subset(i))) return add_owner(original, i);
    if (names_.owner_candidate(subset(i))) return refuse_split(i);
    table_.others.push_back(subset(i));
  }

  void refuse_split(std::size_t i) {
    table_.refusal =
        Refusal{.condition = "Progressing",
                .reason = "RouteNamesCandidate",
                .message = label_of(target_, object_) + " " + table_.label + ".route[" + std::to_string(i) +
                           "].destination.subset is \"" + subset(i) + "\", which selects the candidate (" +
                           target_.version_label + "=" + target_.candidate_version +
                           "): the release divides traffic itself; name no subset there, or stable's"};
  }

  const Target& target_;
  const SubsetNames& names_;
  const Json& object_;
  const Json& entries_;
  Table& table_;
  const std::string key_;
};

// The object as JSON, but for one field.
std::string dump_without(const Json& object, std::string_view left_out) {
  std::string text;
  for (const auto& [name, value] : object.items()) {
    if (name == left_out) continue;
    text += (text.empty() ? "{" : ",") + Json(name).dump() + ":" + value.dump();
  }
  return text.empty() ? "{}" : text + "}";
}

// The entry that lists this object; null: none does.
const Json* entry_of(const Json::array_t& listed, const Json& virtual_service) {
  const auto found = std::ranges::find(listed, base::name_of(virtual_service),
                                       [](const Json& entry) { return base::text(entry, {"name"}); });
  return found == listed.end() ? nullptr : &*found;
}

}  // namespace

std::string route_label(const std::string& kind, std::size_t index, const Json& route) {
  const auto name = base::text(route, {"name"});
  return "spec." + kind + "[" + std::to_string(index) + "]" + (name.empty() ? "" : " (\"" + name + "\")");
}

bool goes_to(const Target& target, const Json& virtual_service, const Json& entry) {
  return goes_to_service(virtual_service, entry, called_service(target)) ||
         goes_to_service(virtual_service, entry, traffic_service(target));
}

bool routes_to(const Target& target, const Json& virtual_service, const Json& route) {
  const auto& entries = base::field(route, {"route"});
  return entries.is_array() && std::ranges::any_of(entries, [&](const Json& entry) {
           return goes_to(target, virtual_service, entry);
         });
}

bool manages(const Target& target, const Json& virtual_service) {
  if (base::namespace_of(virtual_service) != target.name_space) return false;
  const auto& listed = listed_virtual_services(target);
  return listed.empty() || entry_of(listed, virtual_service) != nullptr;
}

bool manages(const Target& target, const Json& virtual_service, const std::string& kind, const Json& route) {
  if (!manages(target, virtual_service)) return false;
  const auto* entry = entry_of(listed_virtual_services(target), virtual_service);
  static const Json kAll;
  const auto& routes = entry == nullptr ? kAll : base::field(*entry, {"routes"});
  if (!routes.is_array() || routes.empty()) return true;
  return kind == "http" && std::ranges::find(routes, Json(base::text(route, {"name"}))) != routes.end();
}

std::vector<Table> tables_of(const Target& target, const SubsetNames& names, const Json& virtual_service) {
  std::vector<Table> tables;
  std::map<std::string, int> equal_ones;
  for (const std::string kind : kKinds) {
    const auto& routes = base::field(virtual_service, {"spec", kind.c_str()});
    if (!routes.is_array()) continue;
    for (std::size_t index = 0; index < routes.size(); ++index) {
      const auto& route = routes[index];
      if (!routes_to(target, virtual_service, route)) continue;
      auto key = kind + "/" + base::hex(base::fnv1a(dump_without(route, "route")));
      key += "/" + std::to_string(equal_ones[key]++);
      if (!manages(target, virtual_service, kind, route)) continue;
      const auto& entries = route.at("route");
      Table table{
          .kind = kind, .index = index, .size = entries.size(), .label = route_label(kind, index, route)};
      Scan(target, names, virtual_service, entries, table, std::move(key)).run();
      read_shares(target, names, virtual_service, entries, table);
      tables.push_back(std::move(table));
    }
  }
  return tables;
}

}  // namespace weir::routing
