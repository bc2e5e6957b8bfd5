// Durations and times between their text and std::chrono. The only place that reads or writes either.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

namespace weir::base {

// Wall-clock time, as the API server writes it.
using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

// "90s", "1m30s", "500ms": Go's form of a duration. The error says what is accepted.
[[nodiscard]] std::expected<std::chrono::milliseconds, std::string> parse_duration(std::string_view text);
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

// RFC 3339 with any precision and any zone; milliseconds are kept.
[[nodiscard]] std::expected<TimePoint, std::string> parse_time(std::string_view text);
// RFC 3339 in UTC with milliseconds.
[[nodiscard]] std::string format_time(TimePoint time);
// RFC 3339 in UTC with whole seconds, the form of metadata.creationTimestamp (Kubernetes' Time).
[[nodiscard]] std::string format_seconds(TimePoint time);
// RFC 3339 in UTC with six decimals, the form of a Lease's renewTime (Kubernetes' MicroTime).
[[nodiscard]] std::string format_micros(TimePoint time);

}  // namespace weir::base
