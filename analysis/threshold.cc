#include "analysis/threshold.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace weir::analysis {
namespace {

constexpr int kSignificantDigits = 3;
constexpr int kMaxDecimals = 12;
constexpr std::string_view kPercent = "%";

bool needs_exponent(double value) {
  const double size = std::abs(value);
  return size != 0 && (size < 1e-4 || size >= 1e15);
}

// All digits that tell the value from its neighbours.
std::string exact(double value) {
  std::array<char, 64> buffer{};
  const auto format = needs_exponent(value) ? std::chars_format::general : std::chars_format::fixed;
  const auto result = std::to_chars(buffer.begin(), buffer.end(), value, format);
  return {buffer.begin(), result.ptr};
}

std::string rounded(double value, int decimals) {
  std::array<char, 64> buffer{};
  const auto result = std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::fixed, decimals);
  std::string text(buffer.begin(), result.ptr);
  if (text.contains('.')) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

// The text stands on another side of a landmark than the value does.
bool misleads(const std::string& text, double value, const std::vector<double>& landmarks) {
  double read = 0;
  std::from_chars(text.data(), text.data() + text.size(), read);
  return std::ranges::any_of(landmarks,
                             [&](double landmark) { return (read <=> landmark) != (value <=> landmark); });
}

std::string with_unit(const std::string& number, const Wording& wording) {
  return wording.unit.empty() ? number : number + " " + wording.unit;
}

std::string sentence(const Wording& wording, double value, const Range& range) {
  std::vector<double> landmarks;
  if (range.min) landmarks.push_back(*range.min);
  if (range.max) landmarks.push_back(*range.max);
  if (wording.unit == kPercent) landmarks.insert(landmarks.end(), {0.0, 100.0});
  const std::string start = wording.subject + " " + with_unit(format_number(value, landmarks), wording);
  const auto bound = [&](std::string_view relation, double end) {
    return start + " " + std::string(relation) + " " + with_unit(exact(end), wording);
  };
  if (range.min && value < *range.min) return bound("<", *range.min);
  if (range.max && value > *range.max) return bound(">", *range.max);
  if (range.min && range.max) {
    return start + " within " + exact(*range.min) + " to " + with_unit(exact(*range.max), wording);
  }
  return range.max ? bound("<=", *range.max) : bound(">=", range.min.value_or(value));
}

}  // namespace

std::string format_number(double value, const std::vector<double>& landmarks) {
  if (needs_exponent(value)) return exact(value);
  // Decimal places of the first digit that is not 0: 612 has -2, 0.05 has 2.
  const int first = value == 0 ? 0 : -static_cast<int>(std::floor(std::log10(std::abs(value))));
  int decimals = std::max(0, first + kSignificantDigits - 1);
  std::string text = rounded(value, decimals);
  while (decimals < kMaxDecimals && misleads(text, value, landmarks)) text = rounded(value, ++decimals);
  return misleads(text, value, landmarks) ? exact(value) : text;
}

Check judge_value(std::string name, const Wording& wording, double value, const Range& range) {
  const bool inside = (!range.min || value >= *range.min) && (!range.max || value <= *range.max);
  return {.name = std::move(name),
          .outcome = inside ? Outcome::Pass : Outcome::Fail,
          .reason = inside ? "WithinRange" : "OutOfRange",
          .value = value,
          .range = range,
          .message = sentence(wording, value, range)};
}

}  // namespace weir::analysis
