// How the weights of a route are divided, and how divided ones are read back.
//
// Weights are relative: what a destination gets is its weight by the sum of all. Where the candidate's part
// of an owner's share is no whole number (10 % of 1), all weights of the route are multiplied by one scale,
// the least that makes every part whole. At 0 and at 100 % it is 1: a release ends on its owner's own
// weights. It is written down nowhere else: the weights tell it, since an owner's sum to 100.
#pragma once

#include "operator/routing/istio/table.h"

namespace weir::routing {

// What an owner's weights sum to.
inline constexpr int kWhole = 100;
// A weight is divided in whole per cent, so that no scale is larger. Far from any limit: Istio's weights are
// 32 bits wide with a sign, their sum is so too, and Envoy's has 32 bits.
inline constexpr int kLargestScale = 100;

// Fills in what the weights of `entries` say: the table's scale, the places' shares, and why they can't be
// divided.
void read_shares(const Target& target, const SubsetNames& names, const Json& object, const Json& entries,
                 Table& table);

// By how much the owner's weights must be multiplied so that `weight` per cent of every place that is divided
// is whole.
[[nodiscard]] int scale_for(const Table& table, strategies::Weight weight);

// Whether a place is left as its owner wrote it, whatever the candidate gets elsewhere.
[[nodiscard]] bool is_left_alone(const Table& table, const Place& place);

// A destination that is not divided, in a route whose weights go from one scale to another.
[[nodiscard]] Json rescaled(Json entry, int from, int to);

}  // namespace weir::routing
