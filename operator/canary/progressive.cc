#include "operator/canary/progressive.h"

#include <algorithm>

namespace weir::canary {
namespace {

using strategies::Weight;

constexpr Bounds kWeight{1, 100};
constexpr std::size_t kMaxSteps = 100;
constexpr std::int64_t kDefaultStepWeight = 10;
constexpr std::int64_t kDefaultMaxWeight = 50;

Weight weight(std::int64_t percent) {
  return Weight::of(std::clamp<std::int64_t>(percent, 0, 100)).value_or(Weight::none());
}

// step, 2·step … and `max` itself at the end. 1 <= step, 1 <= max <= 100.
std::vector<Weight> even_steps(std::int64_t step, std::int64_t max) {
  std::vector<Weight> steps;
  for (auto percent = step; percent < max; percent += step) steps.push_back(weight(percent));
  steps.push_back(weight(max));
  return steps;
}

// From `last` up to 100 in increments of `step`, 100 included; only 100 if `step` is 0.
std::vector<Weight> promotion_steps(Weight last, std::int64_t step) {
  std::vector<Weight> steps;
  if (step > 0) {
    for (auto percent = last.percent() + step; percent < 100; percent += step)
      steps.push_back(weight(percent));
  }
  steps.push_back(Weight::all());
  return steps;
}

std::string listed(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const auto number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return '[' + text + ']';
}

std::vector<Weight> parse_step_weights(Fields& analysis) {
  const auto given = analysis.integers("stepWeights", kWeight, kMaxSteps);
  if (analysis.has("stepWeight")) {
    analysis.refuse("stepWeights", "spec.analysis has both stepWeight and stepWeights; keep one of them");
  }
  if (given.empty())
    analysis.refuse("stepWeights", "spec.analysis.stepWeights is empty; give at least one weight");
  if (std::ranges::adjacent_find(given, std::ranges::greater_equal{}) != given.end()) {
    analysis.refuse("stepWeights", "spec.analysis.stepWeights is " + listed(given) +
                                       "; each weight must be more than the one before it");
  }
  const auto max = analysis.integer("maxWeight", kWeight);
  if (max && !given.empty() && *max != given.back()) {
    analysis.refuse("maxWeight", "spec.analysis.maxWeight is " + std::to_string(*max) +
                                     ", but stepWeights end at " + std::to_string(given.back()) +
                                     "; leave maxWeight out");
  }
  std::vector<Weight> steps;
  steps.reserve(given.size());
  for (const auto percent : given) steps.push_back(weight(percent));
  return steps;
}

std::vector<Weight> parse_even_steps(Fields& analysis) {
  const auto step = analysis.integer("stepWeight", kWeight);
  const auto max = analysis.integer("maxWeight", kWeight).value_or(kDefaultMaxWeight);
  if (step && *step > max) {
    analysis.refuse("stepWeight", "spec.analysis.stepWeight is " + std::to_string(*step) +
                                      ", more than maxWeight, " + std::to_string(max) +
                                      "; it must be 1 to maxWeight");
  }
  return even_steps(step.value_or(kDefaultStepWeight), max);
}

}  // namespace

strategies::Program read_progressive(Fields& analysis) {
  const bool explicit_steps = analysis.has("stepWeights");
  const auto steps = explicit_steps ? parse_step_weights(analysis) : parse_even_steps(analysis);
  const auto last = steps.empty() ? Weight::none() : steps.back();
  return strategies::stepwise(
      steps, promotion_steps(last, analysis.integer("stepWeightPromotion", kWeight).value_or(0)));
}

}  // namespace weir::canary
