// A value against the range that is accepted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/check.h"

namespace weir::analysis {

// How a metric's values are written in a sentence: "request-duration p99" and "ms".
struct Wording {
  std::string subject;
  std::string unit;  // empty: none
};

// `value` is finite. Three significant digits and all before the point, no exponent between 1e-4 and 1e15.
// More digits where fewer would put the value on another side of one of `landmarks`: 98.97 does not become 99
// where 99 is the bound.
[[nodiscard]] std::string format_number(double value, const std::vector<double>& landmarks = {});

// Pass if `value`, which is finite, is within the range, ends included; else Fail. Fills outcome, reason,
// value, range and message ("request-duration p99 612 ms > 500 ms").
[[nodiscard]] Check judge_value(std::string name, const Wording& wording, double value, const Range& range);

}  // namespace weir::analysis
