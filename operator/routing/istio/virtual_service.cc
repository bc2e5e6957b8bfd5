#include "operator/routing/istio/virtual_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "operator/base/json.h"
#include "operator/routing/istio/hosts.h"
#include "operator/routing/istio/shares.h"

namespace weir::routing {
namespace {

using strategies::Weight;

// Rewrites one `route` array: `write` appends what becomes of a place, everything else stays where it is and
// keeps its part of the route, at another scale.
template <typename Writer>
Json rewritten(const Json& entries, const Table& table, int scale, const Writer& write) {
  std::vector<const Place*> places(entries.size(), nullptr);
  for (const auto& place : table.places) {
    for (const auto i : place.at) places[i] = &place;
  }
  Json result = Json::array();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (places[i] == nullptr) {
      result.push_back(rescaled(entries[i], table.scale, scale));
    } else if (i == places[i]->at.front()) {
      write(result, *places[i]);
    }
  }
  return result;
}

Json& entries_of(Json& virtual_service, const Table& table) {
  return virtual_service["spec"][table.kind][table.index]["route"];
}

void aim(const Target& target, Json& entry, const std::string& subset, int weight) {
  if (dedicated(target)) entry["destination"]["host"] = fqdn(traffic_service(target));
  entry["destination"]["subset"] = subset;
  entry["weight"] = weight;
}

// What an owner's destination looks like where no record tells: a half of its pair without what the release
// put there.
Json guessed(const Target& target, const Json& half, int share, bool only_one) {
  Json entry = half;
  auto& destination = entry["destination"];
  destination.erase("subset");
  if (dedicated(target)) destination["host"] = fqdn(called_service(target));
  if (only_one) {
    entry.erase("weight");
  } else {
    entry["weight"] = share;
  }
  return entry;
}

// How the owner's destination carries its share: as it is written, unless that says another one.
void give_share(Json& entry, int share, bool only_one) {
  const auto& weight = base::field(entry, {"weight"});
  const bool absent = weight.is_null() || weight == 0;
  const bool says_so = absent ? (only_one || share == 0) : weight == share;
  if (!says_so) entry["weight"] = share;
}

void pin_promoted(const SubsetNames& names, Json& entry) {
  const auto subset = base::text(entry, {"destination", "subset"});
  if (subset.empty() || !names.owner_stable(subset)) return;
  entry["destination"]["subset"] = names.promoted(subset);
}

std::size_t size_when_restored(const Table& table) {
  std::size_t size = table.size;
  for (const auto& place : table.places) size -= place.at.size() - 1;
  return size;
}

}  // namespace

void add_state(const Json& virtual_service, const std::vector<Table>& tables, strategies::RouteState& state) {
  for (const auto& table : tables) {
    const auto& entries = virtual_service.at("spec").at(table.kind).at(table.index).at("route");
    for (const auto& place : table.places) {
      if (place.form == Place::Form::Owner) {
        if (table.refusal) continue;
        ++state.unmanaged;
        if (place.recorded) continue;
        state.found.push_back({.object = base::name_of(virtual_service),
                               .key = place.key,
                               .original = entries[place.at.front()].dump()});
      } else {
        const int share = place.share * table.scale;
        state.splits.push_back({.share = share, .candidate = place.candidate, .exact = table.settled});
        // What is left of a torn pair is at no weight until it is written again.
        if (place.form == Place::Form::Broken || place.total != share) ++state.unmanaged;
      }
    }
  }
}

Json routed(const Target& target, const SubsetNames& names, const Json& virtual_service,
            const std::vector<Table>& tables, Weight weight) {
  auto after = virtual_service;
  const auto stable = names.usable_stable();
  const auto candidate = names.usable_candidate();
  for (const auto& table : tables) {
    auto& entries = entries_of(after, table);
    const int scale = scale_for(table, weight);
    entries = rewritten(entries, table, scale, [&](Json& result, const Place& place) {
      Json one = entries[place.at.front()];
      if (is_left_alone(table, place)) {
        result.push_back(rescaled(std::move(one), table.scale, scale));
        return;
      }
      if (place.form == Place::Form::Broken && !place.original.is_null()) one = place.original;
      Json other = place.form == Place::Form::Pair ? entries[place.at.back()] : one;
      const int share = place.share * scale;
      const int part = strategies::part_of(share, weight);
      aim(target, one, stable, share - part);
      aim(target, other, candidate, part);
      result.push_back(std::move(one));
      result.push_back(std::move(other));
    });
  }
  return after;
}

Json restored(const Target& target, const SubsetNames& names, const Json& virtual_service,
              const std::vector<Table>& tables, bool promoted) {
  auto after = virtual_service;
  for (const auto& table : tables) {
    auto& entries = entries_of(after, table);
    const bool only_one = size_when_restored(table) == 1;
    entries = rewritten(entries, table, 1, [&](Json& result, const Place& place) {
      Json entry = rescaled(entries[place.at.front()], table.scale, 1);
      if (place.form != Place::Form::Owner) {
        entry = place.original.is_null() ? guessed(target, entry, place.share, only_one) : place.original;
        give_share(entry, place.share, only_one);
      }
      if (promoted) pin_promoted(names, entry);
      result.push_back(std::move(entry));
    });
  }
  return after;
}

}  // namespace weir::routing
