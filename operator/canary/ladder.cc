#include "operator/canary/ladder.h"

#include <algorithm>

namespace weir::canary {

using strategies::Weight;

namespace {

Weight weight(std::int64_t percent) {
  return Weight::of(std::clamp<std::int64_t>(percent, 0, 100)).value_or(Weight::none());
}

std::string joined(const std::vector<Weight>& weights) {
  std::string text;
  for (const auto each : weights) text += (text.empty() ? "" : ",") + std::to_string(each.percent());
  return text + " %";
}

}  // namespace

std::vector<Weight> even_steps(std::int64_t step, std::int64_t max) {
  std::vector<Weight> steps;
  for (auto percent = step; percent < max; percent += step) steps.push_back(weight(percent));
  steps.push_back(weight(max));
  return steps;
}

std::vector<Weight> promotion_steps(Weight last, std::int64_t step) {
  std::vector<Weight> steps;
  if (step > 0) {
    for (auto percent = last.percent() + step; percent < 100; percent += step)
      steps.push_back(weight(percent));
  }
  steps.push_back(Weight::all());
  return steps;
}

std::string describe(const strategies::Progressive& strategy) {
  auto steps = joined(strategy.steps);
  if (strategy.promotion_steps.size() <= 1) return steps;
  return steps + ", then " + joined(strategy.promotion_steps);
}

}  // namespace weir::canary
