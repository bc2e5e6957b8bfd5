// What a person means who edits a route or a rule in the middle of a release.
#include <algorithm>
#include <numeric>

#include "operator/kube/object.h"
#include "test/simulation/invariants_lists.h"
#include "test/simulation/invariants_routes.h"

namespace weir::simulation::checks {
namespace {

struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Neighbouring destinations to the versions: what a pair of the release looks like, or what is left of it.
std::vector<Run> runs_of(const Reader& reader, const Json& destinations) {
  std::vector<Run> runs;
  bool open = false;
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    const auto goes = reader.goes(destinations[i]);
    const bool half = goes == Reader::Goes::Stable || goes == Reader::Goes::Candidate;
    if (half && open && goes == Reader::Goes::Candidate) {
      runs.back().end = i + 1;
    } else if (half) {
      runs.push_back({i, i + 1});
    }
    open = half;
  }
  return runs;
}

bool names_an_added_subset(const Reader& reader, const Json& owners, const Json& destinations) {
  return std::ranges::any_of(destinations, [&](const Json& destination) {
    const auto goes = reader.goes(destination);
    if (goes != Reader::Goes::Stable && goes != Reader::Goes::Candidate) return false;
    return std::ranges::none_of(owners, [&](const Json& own) {
      return host_of(own) == host_of(destination) && subset_of(own) == subset_of(destination);
    });
  });
}

// The list with the weights of all but `places` divided by what they are multiplied with, if that is so; else
// null.
Json divided_by(const Json& list, int sum, int owners_sum,
                const std::vector<std::pair<std::size_t, int>>& places) {
  if (owners_sum <= 0 || sum <= owners_sum || sum % owners_sum != 0) return {};
  const int scale = sum / owners_sum;
  Json smaller = list;
  for (std::size_t i = 0; i < smaller.size(); ++i) {
    const bool is_place = std::ranges::any_of(places, [&](const auto& place) { return place.first == i; });
    if (is_place || number(smaller[i], "/weight") == 0) continue;
    if (number(smaller[i], "/weight") % scale != 0) return {};
    smaller[i]["weight"] = number(smaller[i], "/weight") / scale;
  }
  return smaller;
}

// The owner's list that `destinations` stands for; null: nobody can say.
Json undivided(const Reader& reader, const Json& owners, const Json& destinations) {
  std::vector<std::size_t> places;  // in owners
  const auto owner_weights = Reader::weights(owners);
  for (std::size_t i = 0; i < owners.size(); ++i) {
    if (reader.goes(owners[i]) != Reader::Goes::Elsewhere) places.push_back(i);
  }
  const auto weights = Reader::weights(destinations);
  const auto runs = runs_of(reader, destinations);
  if (runs.size() != places.size()) return {};
  Json list = Json::array();
  int others = 0;
  int as_known = 0;
  int as_written = 0;
  std::vector<std::pair<std::size_t, int>> written;  // place in `list` and weight
  for (std::size_t i = 0, run = 0; i < destinations.size(); ++i) {
    if (run == runs.size() || i != runs[run].begin) {
      others += weights[i];
      list.push_back(destinations[i]);
      continue;
    }
    const int total = std::accumulate(weights.begin() + static_cast<std::ptrdiff_t>(i),
                                      weights.begin() + static_cast<std::ptrdiff_t>(runs[run].end), 0);
    as_known += owner_weights[places[run]];
    as_written += total;
    written.emplace_back(list.size(), total);
    list.push_back(owners[places[run]]);
    i = runs[run].end - 1;
    ++run;
  }
  if (others + as_known == 100) return list;
  if (auto smaller = divided_by(list, others, 100 - as_known, written); !smaller.is_null()) return smaller;
  if (others + as_written != 100 && written.size() != 1) return {};
  for (const auto& [place, total] : written)
    list[place]["weight"] = others + as_written == 100 ? total : 100 - others;
  return list;
}

// The owner's destinations of a route that a person has edited: those of the route with the same rest, else
// of the one in the same place.
const Json& known_destinations(const Json& owners, const char* kind, std::size_t index, const Json& route) {
  const auto& routes = list_of(owners, kind);
  const auto rest = without(route, "route");
  if (index < routes.size() && without(routes[index], "route") == rest) return destinations_of(routes[index]);
  for (const auto& known : routes) {
    if (without(known, "route") == rest) return destinations_of(known);
  }
  static const Json kEmpty = Json::array();
  return index < routes.size() ? destinations_of(routes[index]) : kEmpty;
}

void read_routes_edit(const Reader& reader, const Change& change, Edited& edited) {
  Json owners = change.after;
  bool clear = true;
  for (const char* kind : kKinds) {
    if (!owners["spec"].contains(kind)) continue;
    auto& routes = owners["spec"][kind];
    for (std::size_t i = 0; i < routes.size(); ++i) {
      if (!routes[i].contains("route")) continue;
      const auto& known = known_destinations(edited.owners, kind, i, routes[i]);
      auto& destinations = routes[i]["route"];
      if (!names_an_added_subset(reader, known, destinations)) continue;
      auto list = undivided(reader, known, destinations);
      if (list.is_null())
        clear = false;
      else
        destinations = std::move(list);
    }
  }
  edited.owners = std::move(owners);
  edited.unclear = !clear;
}

const Json* subset_named(const Json& rule, const std::string& name) {
  for (const auto& subset : list_of(rule, "subsets")) {
    if (text(subset, "/name") == name) return &subset;
  }
  return nullptr;
}

// What the release added goes out of a rule that a person wrote.
void read_rule_edit(const Release& release, const Change& change, Edited& edited) {
  Json owners = change.after;
  const bool had_none = !edited.owners.is_null() && !member(edited.owners, "/spec/subsets").is_array();
  if (owners["spec"].contains("subsets")) {
    Json left = Json::array();
    for (const auto& subset : owners["spec"]["subsets"]) {
      const auto name = text(subset, "/name");
      const auto version = version_in(subset, release.label);
      const bool of_release = version == release.stable_version || version == release.candidate_version;
      const bool added = subset_named(edited.owners, name) == nullptr && !edited.object.is_null() &&
                         subset_named(edited.object, name) != nullptr;
      if (!added || !of_release) left.push_back(subset);
    }
    if (left.empty() && had_none) {
      owners["spec"].erase("subsets");
    } else {
      owners["spec"]["subsets"] = std::move(left);
    }
  }
  edited.owners = std::move(owners);
}

}  // namespace

void read_owners_edit(const Known& known, const Change& change, Edited& edited) {
  const auto* release = known.release();
  const Json before = edited.owners;
  if (change.resource.kind == kube::kVirtualServices.kind) {
    read_routes_edit(Reader(known, *release), change, edited);
  } else if (change.resource.kind == kube::kDestinationRules.kind) {
    read_rule_edit(*release, change, edited);
  } else {
    edited.owners = change.after;
  }
  const bool same = !before.is_null() && member(before, "/spec") == member(edited.owners, "/spec");
  edited.as_given = edited.as_given && same;
}

}  // namespace weir::simulation::checks
