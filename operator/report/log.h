// The operator's log: events with fields, one line each, to stderr.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace weir::report {

enum class Level { Debug, Info, Warning, Error };
[[nodiscard]] std::optional<Level> level_from(std::string_view text);  // "debug", "info", "warn", "error"

enum class Format { Text, JsonLines };

// Of one event. The value is borrowed for the call.
struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;

  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const std::string& text) : key(name), value(std::string_view(text)) {}
  Field(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  Field(std::string_view name, int number) : key(name), value(std::int64_t{number}) {}
  Field(std::string_view name, std::int64_t number) : key(name), value(number) {}
  Field(std::string_view name, double number) : key(name), value(number) {}
  Field(std::string_view name, bool truth) : key(name), value(truth) {}
};
using Fields = std::initializer_list<Field>;

// From here on events of `level` and above are written in this form, and so is what other code logs through
// spdlog. Before the first call they are dropped. Call it before threads start.
void set_up_log(Format format, Level level);

// Text:  2026-01-01T12:00:00.000Z info  step started canary=checkout-v2 weight=10
// JSON:  {"time":"2026-01-01T12:00:00.000Z","level":"info","message":"step
// started","canary":"checkout-v2","weight":10} Bytes that are not UTF-8 are replaced. Thread-safe.
void log_event(Level level, std::string_view message, Fields fields = {});

// What log_event writes after time and level. Of JSON: the members without braces.
[[nodiscard]] std::string format_event(Format format, std::string_view message, Fields fields);

}  // namespace weir::report
