#include "operator/routing/istio/shares.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "operator/base/json.h"
#include "operator/routing/istio/label.h"

namespace weir::routing {
namespace {

constexpr int kUnreadable = -1;

// A destination's weight as Istio reads it: the only one gets everything, of several an absent one gets
// nothing.
int weight_of(const Json& entry, bool only_one, int highest) {
  const auto& weight = base::field(entry, {"weight"});
  if (weight.is_null()) return only_one ? kWhole : 0;
  if (!weight.is_number_integer()) return kUnreadable;
  const auto value = weight.get<std::int64_t>();
  if (value < 0 || value > highest) return kUnreadable;
  return value == 0 && only_one ? kWhole : static_cast<int>(value);
}

Refusal wrong_sum(const Target& target, const Json& object, const Table& table, int sum) {
  return {.condition = "Progressing",
          .reason = "WeightsDoNotSumTo100",
          .message = label_of(target, object) + " " + table.label + ".route: the weights sum to " +
                     std::to_string(sum) + "; a release needs a route whose weights sum to 100"};
}

// Of a divided route in which somebody has edited weights.
Refusal no_multiple(const Target& target, const Json& object, const Table& table) {
  return {
      .condition = "Progressing",
      .reason = "WeightsDoNotSumTo100",
      .message = label_of(target, object) + " " + table.label +
                 ".route: the weights were edited while the release had them divided, and are no multiple "
                 "of weights that sum to 100; write the route as it shall be without the release"};
}

Refusal unreadable_weight(const Target& target, const Json& object, const Table& table, std::size_t i,
                          const Json& entry) {
  return {.condition = "Progressing",
          .reason = "WeightNotUsable",
          .message = label_of(target, object) + " " + table.label + ".route[" + std::to_string(i) +
                     "].weight is " + base::field(entry, {"weight"}).dump() +
                     "; a whole number from 0 to 100 is accepted"};
}

bool is_divided(const Table& table) {
  return std::ranges::any_of(table.places,
                             [](const Place& place) { return place.form != Place::Form::Owner; });
}

// The scale that makes any part of these shares whole. Scales of single weights divide it.
int scale_of_any_part(const std::vector<int>& shares) {
  int common = kWhole;
  for (const int share : shares) common = std::gcd(common, share);
  return kWhole / common;
}

// Finds the scale at which weights as they stand, or what the records say of them, are those of an owner.
class Shares {
 public:
  Shares(const Target& target, const Json& object, const Json& entries, Table& table)
      : target_(target), object_(object), entries_(entries), table_(table) {}

  void run(const SubsetNames& names) {
    read_weights();
    add_up(names);
    if (!is_divided(table_)) return take_as_written();
    table_.settled = !has_unreadable_rest_ && settle();
    if (!table_.settled) take_as_written();
  }

 private:
  void read_weights() {
    const int highest = is_divided(table_) ? kWhole * kLargestScale : kWhole;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const int weight = weight_of(entries_[i], entries_.size() == 1, highest);
      if (weight == kUnreadable) table_.refusal = unreadable_weight(target_, object_, table_, i, entries_[i]);
      weights_.push_back(weight);
    }
  }

  void add_up(const SubsetNames& names) {
    const bool only_place = table_.places.size() == 1 && table_.places.front().at.size() == entries_.size();
    std::vector<bool> is_rest(entries_.size(), true);
    for (auto& place : table_.places) {
      for (const auto i : place.at) {
        is_rest[i] = false;
        place.total += std::max(weights_[i], 0);
        if (is_candidates(place, i, names)) place.candidate += std::max(weights_[i], 0);
        has_unreadable_rest_ =
            has_unreadable_rest_ || (place.form == Place::Form::Owner && weights_[i] == kUnreadable);
      }
      sum_ += place.total;
      const bool known = place.form != Place::Form::Owner && !place.original.is_null();
      recorded_.push_back(known ? weight_of(place.original, only_place, kWhole) : kUnreadable);
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (!is_rest[i]) continue;
      has_unreadable_rest_ = has_unreadable_rest_ || weights_[i] == kUnreadable;
      rest_.push_back(std::max(weights_[i], 0));
    }
    sum_ += std::accumulate(rest_.begin(), rest_.end(), 0);
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

  [[nodiscard]] bool rest_is_multiple_of(int scale) const {
    return std::ranges::all_of(rest_, [&](int weight) { return weight % scale == 0; });
  }

  // An owner's edit sums to 100. Else a pair was edited, as long as everything else is as it was.
  bool settle() {
    const int scale = sum_ % kWhole == 0 ? sum_ / kWhole : 0;
    return settle(scale, true) || (scale == 1 && settle(scale, false)) || settle(scale_of_the_rest(), true) ||
           settle(scale, false) || give_what_the_rest_leaves();
  }

  // `recorded`: places have the shares that their records say, whatever stands there. False: at this scale
  // the weights are no owner's.
  bool settle(int scale, bool recorded) {
    if (scale < 1 || scale > kLargestScale || !rest_is_multiple_of(scale)) return false;
    std::vector<int> shares;
    for (std::size_t i = 0; i < table_.places.size(); ++i) {
      const int total = table_.places[i].total;
      const bool known = recorded && recorded_[i] != kUnreadable;
      if (!known && total % scale != 0) return false;
      shares.push_back(known ? recorded_[i] : total / scale);
    }
    const int sum =
        std::accumulate(shares.begin(), shares.end(), std::accumulate(rest_.begin(), rest_.end(), 0) / scale);
    if (sum != kWhole || scale_of_any_part(shares) % scale != 0) return false;
    keep(shares, scale);
    return true;
  }

  void keep(const std::vector<int>& shares, int scale) {
    table_.scale = scale;
    for (std::size_t i = 0; i < shares.size(); ++i) table_.places[i].share = shares[i];
  }

  // At which the weights of everything but the recorded places are what these leave; 0: there is none.
  [[nodiscard]] int scale_of_the_rest() const {
    int left = kWhole;
    int weights = std::accumulate(rest_.begin(), rest_.end(), 0);
    for (std::size_t i = 0; i < recorded_.size(); ++i) {
      if (recorded_[i] == kUnreadable)
        weights += table_.places[i].total;
      else
        left -= recorded_[i];
    }
    if (left == 0 && weights == 0) return 1;
    return left > 0 && weights % left == 0 ? weights / left : 0;
  }

  // Somebody gave other destinations more or less of a route that is not multiplied: the only place has what
  // they leave. Of a multiplied one nobody can tell in which scale they meant it.
  bool give_what_the_rest_leaves() {
    if (table_.places.size() != 1) return false;
    const int recorded = recorded_.front();
    const bool multiplied = recorded != kUnreadable && table_.places.front().total != recorded;
    const int rest = std::accumulate(rest_.begin(), rest_.end(), 0);
    if (multiplied || rest > kWhole) return false;
    keep({kWhole - rest}, 1);
    return true;
  }

  void take_as_written() {
    for (auto& place : table_.places) place.share = place.total;
    if (sum_ == kWhole || table_.refusal) return;
    table_.refusal = sum_ % kWhole == 0 && is_divided(table_) ? no_multiple(target_, object_, table_)
                                                              : wrong_sum(target_, object_, table_, sum_);
  }

  const Target& target_;
  const Json& object_;
  const Json& entries_;
  Table& table_;
  std::vector<int> weights_;
  std::vector<int> recorded_;         // of the places, by their records; kUnreadable: none says
  std::vector<int> rest_;             // of destinations that are no place
  bool has_unreadable_rest_ = false;  // what is not divided can't be brought to another scale
  int sum_ = 0;
};

}  // namespace

void read_shares(const Target& target, const SubsetNames& names, const Json& object, const Json& entries,
                 Table& table) {
  Shares(target, object, entries, table).run(names);
}

bool is_left_alone(const Table& table, const Place& place) {
  return place.form == Place::Form::Owner && table.refusal.has_value();
}

int scale_for(const Table& table, strategies::Weight weight) {
  if (!table.settled) return table.scale;
  int scale = 1;
  for (const auto& place : table.places) {
    if (is_left_alone(table, place)) continue;
    scale = std::lcm(scale, kWhole / std::gcd(kWhole, place.share * weight.percent()));
  }
  return scale;
}

Json rescaled(Json entry, int from, int to) {
  const auto& weight = base::field(entry, {"weight"});
  if (from != to && weight.is_number_integer() && weight > 0) entry["weight"] = weight.get<int>() / from * to;
  return entry;
}

}  // namespace weir::routing
