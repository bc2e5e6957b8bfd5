// The strategy door: what a Canary says in a strategy's own words becomes a Program, which the state machine
// walks. A strategy is one file that makes its Program, and one row in strategy.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "operator/canary/fields.h"
#include "strategies/plan.h"

namespace weir::canary {

struct StrategyRow {
  std::string_view name;  // for people: docs and messages
  // Whether spec.analysis asks for this strategy: by a field that only it has.
  bool (*is_asked_for)(const Fields& analysis);
  // Its Program. What cannot be used is noted in the fields' problems, and a usable Program comes back
  // nevertheless.
  strategies::Program (*read)(Fields& analysis);
};

// Every strategy; the first one that is asked for is taken, and the last one always is.
[[nodiscard]] std::span<const StrategyRow> strategy_rows();
[[nodiscard]] strategies::Program read_program(Fields& analysis);

// "10,20,30,40,50 %", and what comes after the analysis if it is more than 100: "20,40 %, then 60,80,100 %".
[[nodiscard]] std::string describe(const strategies::Program& program);

}  // namespace weir::canary
