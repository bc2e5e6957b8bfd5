#include "operator/base/time.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace weir::base {
namespace {

using std::chrono::milliseconds;

// Units as Go writes them, largest first. "ms" is tried before "m".
constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnits{
    {{"h", 3'600'000}, {"ms", 1}, {"m", 60'000}, {"s", 1'000}}};
constexpr std::size_t kWholeDigits = 6;
constexpr std::size_t kFractionDigits = 3;
// RFC 3339 writes a year with four digits: a time beyond could not be written again.
constexpr TimePoint kFirstTime{std::chrono::sys_days{std::chrono::year{0} / 1 / 1}};
constexpr TimePoint kEndOfTime{std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1}};

// Takes the leading digits off `text`.
std::string_view take_digits(std::string_view& text) {
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

std::int64_t number(std::string_view digits) {
  std::int64_t value = 0;
  for (const char digit : digits) value = value * 10 + (digit - '0');
  return value;
}

// The digits as thousandths: "5" is 500, "25" is 250.
std::int64_t thousandths(std::string_view digits) {
  std::string padded(digits);
  padded.resize(kFractionDigits, '0');
  return number(padded);
}

// Takes one "1.5h" off `text`; empty if it does not start with one.
std::optional<milliseconds> take_term(std::string_view& text) {
  const auto whole = take_digits(text);
  if (whole.empty() || whole.size() > kWholeDigits) return std::nullopt;
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
    if (fraction.empty() || fraction.size() > kFractionDigits) return std::nullopt;
  }
  for (const auto& [unit, length] : kUnits) {
    if (!text.starts_with(unit)) continue;
    // A fraction of a millisecond cannot be kept.
    if (length == 1 && !fraction.empty()) return std::nullopt;
    text.remove_prefix(unit.size());
    return milliseconds(number(whole) * length + thousandths(fraction) * length / 1'000);
  }
  return std::nullopt;
}

// "2026-11-24T11:58:23"
std::string date_and_time(TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::int64_t milliseconds_of(TimePoint time) {
  return (time - std::chrono::floor<std::chrono::seconds>(time)).count();
}

// Takes exactly `width` digits off `text`.
std::optional<int> take_number(std::string_view& text, std::size_t width) {
  const auto digits = text.substr(0, width);
  if (digits.size() < width || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  text.remove_prefix(width);
  return static_cast<int>(number(digits));
}

bool take(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// "2026-11-24"
std::optional<std::chrono::sys_days> take_date(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

// "11:58:23" with an optional fraction, of which milliseconds are kept.
std::optional<milliseconds> take_clock(std::string_view& text) {
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *second > 60) return std::nullopt;
  std::int64_t fraction = 0;
  if (take(text, ".")) {
    const auto digits = take_digits(text);
    if (digits.empty()) return std::nullopt;
    fraction = thousandths(digits.substr(0, kFractionDigits));
  }
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second) +
         milliseconds(fraction);
}

// "Z", or how far the clock is ahead of UTC: "+01:00".
std::optional<std::chrono::minutes> take_zone(std::string_view& text) {
  if (take(text, "Zz")) return std::chrono::minutes(0);
  const bool behind = text.starts_with('-');
  if (!take(text, "+-")) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const auto ahead = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return behind ? -ahead : ahead;
}

std::optional<TimePoint> take_time(std::string_view& text) {
  const auto date = take_date(text);
  if (!date || !take(text, "Tt")) return std::nullopt;
  const auto clock = take_clock(text);
  if (!clock) return std::nullopt;
  const auto zone = take_zone(text);
  if (!zone) return std::nullopt;
  const auto time = TimePoint(*date) + *clock - *zone;
  if (time < kFirstTime || time >= kEndOfTime) return std::nullopt;
  return time;
}

}  // namespace

std::expected<milliseconds, std::string> parse_duration(std::string_view text) {
  auto rest = text;
  milliseconds sum{0};
  do {
    const auto term = take_term(rest);
    if (!term) {
      return std::unexpected(
          '"' + std::string(text) +
          "\" is not a duration; write numbers with the units h, m, s or ms, such as 30s or 1m30s");
    }
    sum += *term;
  } while (!rest.empty());
  return sum;
}

std::string format_duration(milliseconds duration) {
  if (duration == milliseconds{0}) return "0s";
  std::string text = duration < milliseconds{0} ? "-" : "";
  auto rest = std::chrono::abs(duration).count();
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> parts{
      {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
  for (const auto& [unit, length] : parts) {
    if (rest >= length) text += std::to_string(rest / length) + std::string(unit);
    rest %= length;
  }
  return text;
}

std::string format_time(TimePoint time) {
  return fmt::format("{}.{:03}Z", date_and_time(time), milliseconds_of(time));
}

std::string format_seconds(TimePoint time) { return date_and_time(time) + "Z"; }

std::string format_micros(TimePoint time) {
  return fmt::format("{}.{:03}000Z", date_and_time(time), milliseconds_of(time));
}

std::expected<TimePoint, std::string> parse_time(std::string_view text) {
  auto rest = text;
  const auto time = take_time(rest);
  if (!time || !rest.empty()) {
    return std::unexpected('"' + std::string(text) + "\" is not a time such as 2026-11-24T11:58:23Z");
  }
  return *time;
}

}  // namespace weir::base
