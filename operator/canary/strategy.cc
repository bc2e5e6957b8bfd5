#include "operator/canary/strategy.h"

#include <algorithm>
#include <array>

#include "operator/canary/progressive.h"

namespace weir::canary {

std::span<const StrategyRow> strategy_rows() {
  static constexpr std::array<StrategyRow, 1> kRows{
      {{"progressive", [](const Fields&) { return true; }, read_progressive}}};
  return kRows;
}

strategies::Program read_program(Fields& analysis) {
  const auto rows = strategy_rows();
  const auto asked =
      std::ranges::find_if(rows, [&](const StrategyRow& row) { return row.is_asked_for(analysis); });
  return (asked == rows.end() ? rows.back() : *asked).read(analysis);
}

std::string describe(const strategies::Program& program) {
  const auto joined = [](const auto& all, const auto& weight_of) {
    std::string text;
    for (const auto& one : all) text += (text.empty() ? "" : ",") + std::to_string(weight_of(one).percent());
    return text + " %";
  };
  auto steps = joined(program.steps, [](const strategies::Step& step) { return step.traffic.candidate; });
  if (program.promotion.size() <= 1) return steps;
  return steps + ", then " +
         joined(program.promotion, [](const strategies::Traffic& traffic) { return traffic.candidate; });
}

}  // namespace weir::canary
