#include "operator/routing/istio/table.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>

#include "operator/base/hash.h"
#include "operator/base/json.h"
#include "operator/routing/istio/hosts.h"
#include "operator/routing/istio/label.h"
#include "operator/routing/istio/settings.h"

namespace weir::routing {
namespace {

constexpr int kWhole = 100;
constexpr int kUnreadable = -1;

// A destination's weight as Istio reads it: the only one gets everything, of several an absent one gets
// nothing.
int weight_of(const Json& entry, bool only_one) {
  const auto& weight = base::field(entry, {"weight"});
  if (weight.is_null()) return only_one ? kWhole : 0;
  if (!weight.is_number_integer()) return kUnreadable;
  const auto value = weight.get<std::int64_t>();
  if (value < 0 || value > kWhole) return kUnreadable;
  return value == 0 && only_one ? kWhole : static_cast<int>(value);
}

bool goes_to_service(const Json& object, const Json& entry, const MeshService& service) {
  return names_service(base::text(entry, {"destination", "host"}), base::namespace_of(object), service);
}

// Alike but for the weight, which the release divides.
bool same_destination(Json one, Json other) {
  one.erase("weight");
  other.erase("weight");
  return one == other;
}

bool same_but_subset(Json one, Json other) {
  if (!one.contains("destination") || !other.contains("destination")) return false;
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

  void add(Place::Form form, std::size_t i) {
    Place place;
    place.form = form;
    place.at = {i};
    place.key = key_ + "/" + std::to_string(table_.places.size());
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
    const auto key = key_ + "/" + std::to_string(table_.places.size());
    const auto& original = names_.original_of(base::name_of(object_), key);
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

int recorded_share(const Place& place, bool only_one) {
  return place.form == Place::Form::Owner || place.original.is_null() ? place.total
                                                                      : weight_of(place.original, only_one);
}

Refusal wrong_sum(const Target& target, const Json& object, const Table& table, int sum) {
  return {.condition = "Progressing",
          .reason = "WeightsDoNotSumTo100",
          .message = label_of(target, object) + " " + table.label + ".route: the weights sum to " +
                     std::to_string(sum) + "; a release needs a route whose weights sum to 100"};
}

Refusal unreadable_weight(const Target& target, const Json& object, const Table& table, std::size_t i,
                          const Json& entry) {
  return {.condition = "Progressing",
          .reason = "WeightNotUsable",
          .message = label_of(target, object) + " " + table.label + ".route[" + std::to_string(i) +
                     "].weight is " + base::field(entry, {"weight"}).dump() +
                     "; a whole number from 0 to 100 is accepted"};
}

// Weights as they stand, where they add up; else what the records say, where that does.
class Shares {
 public:
  Shares(const Target& target, const Json& object, const Json& entries, Table& table)
      : target_(target), object_(object), entries_(entries), table_(table) {}

  void run(const SubsetNames& names) {
    read_weights();
    const bool only_place = table_.places.size() == 1 && table_.places.front().at.size() == entries_.size();
    for (auto& place : table_.places) {
      for (const auto i : place.at) {
        place.total += weights_[i];
        if (is_candidates(place, i, names)) place.candidate += weights_[i];
      }
      others_ -= place.total;
    }
    settle(only_place);
  }

 private:
  void read_weights() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const int weight = weight_of(entries_[i], entries_.size() == 1);
      if (weight == kUnreadable) table_.refusal = unreadable_weight(target_, object_, table_, i, entries_[i]);
      weights_.push_back(std::max(weight, 0));
    }
    others_ = std::accumulate(weights_.begin(), weights_.end(), 0);
  }

  [[nodiscard]] bool is_candidates(const Place& place, std::size_t i, const SubsetNames& names) const {
    switch (place.form) {
      case Place::Form::Owner:
        return false;
      case Place::Form::Pair:
        return i == place.at.back();
      case Place::Form::Broken:
        return names.is_candidate(base::text(entries_[i], {"destination", "subset"}));
    }
    return false;
  }

  void settle(bool only_place) {
    int recorded = others_;
    int current = others_;
    for (auto& place : table_.places) {
      place.share = recorded_share(place, only_place);
      recorded += place.share;
      current += place.total;
    }
    const bool readable = std::ranges::none_of(table_.places, [](const Place& p) { return p.share < 0; });
    if (readable && recorded == kWhole) return;
    const bool one = table_.places.size() == 1 && table_.places.front().form != Place::Form::Owner;
    for (auto& place : table_.places) place.share = place.total;
    if (current == kWhole) return;
    if (one && others_ <= kWhole) {
      table_.places.front().share = kWhole - others_;
    } else if (!table_.refusal) {
      table_.refusal = wrong_sum(target_, object_, table_, current);
    }
  }

  const Target& target_;
  const Json& object_;
  const Json& entries_;
  Table& table_;
  std::vector<int> weights_;
  int others_ = 0;  // what goes to destinations that are no place of ours
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
      Shares(target, virtual_service, entries, table).run(names);
      tables.push_back(std::move(table));
    }
  }
  return tables;
}

}  // namespace weir::routing
