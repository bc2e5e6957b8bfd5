// The weights that a progressive release goes through.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "strategies/plan.h"

namespace weir::canary {

inline constexpr std::int64_t kDefaultStepWeight = 10;
inline constexpr std::int64_t kDefaultMaxWeight = 50;

// step, 2·step … and `max` itself at the end. 1 <= step, 1 <= max <= 100.
[[nodiscard]] std::vector<strategies::Weight> even_steps(std::int64_t step, std::int64_t max);

// From `last` up to 100 in increments of `step`, 100 included; only 100 if `step` is 0.
[[nodiscard]] std::vector<strategies::Weight> promotion_steps(strategies::Weight last, std::int64_t step);

// "10,20,30,40,50 %", and what comes after the analysis if it is more than 100: "20,40 %, then 60,80,100 %".
[[nodiscard]] std::string describe(const strategies::Progressive& strategy);

}  // namespace weir::canary
