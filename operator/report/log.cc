#include "operator/report/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "operator/base/utf8.h"

namespace weir::report {
namespace {

using Json = nlohmann::json;

struct Log {
  Format format = Format::Text;
  std::shared_ptr<spdlog::logger> logger;
};

// Written by set_up_log, before there are threads.
Log& the_log() {
  static Log log;
  return log;
}

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";
// Of lines that are not ours: the whole payload is the message.
constexpr const char* kForeignTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %-7l %*";
constexpr const char* kForeignJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%*})";

// With what JSON leaves to terminals, DEL and C1, escaped too.
std::string quoted(std::string_view text) {
  return base::printable(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
}

class Message final : public spdlog::custom_flag_formatter {
 public:
  explicit Message(Format format) : format_(format) {}
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
    const auto text = format_event(format_, {message.payload.data(), message.payload.size()}, {});
    line.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Message>(format_);
  }

 private:
  const Format format_;
};

std::shared_ptr<spdlog::logger> make_logger(Format format, const char* pattern,
                                            spdlog::level::level_enum level) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<Message>('*', format).set_pattern(pattern);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_formatter(std::move(formatter));
  auto logger = std::make_shared<spdlog::logger>("weir", std::move(sink));
  logger->set_level(level);
  logger->flush_on(spdlog::level::trace);
  return logger;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::Debug:
      return spdlog::level::debug;
    case Level::Info:
      return spdlog::level::info;
    case Level::Warning:
      return spdlog::level::warn;
    case Level::Error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool is_plain(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '='; });
}

Json to_json(const Field& field) {
  return std::visit([](const auto& value) { return Json(value); }, field.value);
}

// A text without blanks and quotes stands as it is, everything else as JSON has it.
std::string to_text(const Field& field) {
  const auto* text = std::get_if<std::string_view>(&field.value);
  if (text == nullptr) return to_json(field).dump();
  return is_plain(*text) ? std::string(*text) : quoted(*text);
}

}  // namespace

std::optional<Level> level_from(std::string_view text) {
  if (text == "debug") return Level::Debug;
  if (text == "info") return Level::Info;
  if (text == "warn") return Level::Warning;
  if (text == "error") return Level::Error;
  return std::nullopt;
}

std::string format_event(Format format, std::string_view message, Fields fields) {
  if (format == Format::Text) {
    std::string line = base::printable(message) == message ? std::string(message) : quoted(message);
    for (const auto& field : fields) line.append(" ").append(field.key).append("=").append(to_text(field));
    return line;
  }
  std::string line = R"("message":)" + quoted(message);
  for (const auto& field : fields) {
    line += "," + quoted(field.key) + ":" +
            base::printable(to_json(field).dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return line;
}

void set_up_log(Format format, Level level) {
  const bool json = format == Format::JsonLines;
  const auto threshold = to_spdlog(level);
  the_log() = {format, make_logger(format, json ? kJsonPattern : kTextPattern, threshold)};
  spdlog::set_default_logger(
      make_logger(format, json ? kForeignJsonPattern : kForeignTextPattern, threshold));
}

void log_event(Level level, std::string_view message, Fields fields) {
  const auto& log = the_log();
  const auto severity = to_spdlog(level);
  if (!log.logger || !log.logger->should_log(severity)) return;
  const auto line = format_event(log.format, message, fields);
  log.logger->log(severity, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace weir::report
