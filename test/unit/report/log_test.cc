#include "operator/report/log.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <nlohmann/json.hpp>

namespace weir::report {
namespace {

using Json = nlohmann::json;

// What `write` sends to stderr after the log has been set up.
std::string logged(Format format, Level level, const std::function<void()>& write) {
  testing::internal::CaptureStderr();
  set_up_log(format, level);
  write();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, as_json_is_one_object_a_line_with_typed_fields) {
  const auto line = logged(Format::JsonLines, Level::Info, [] {
    log_event(Level::Info, "step started",
              {{"canary", "checkout-v2"}, {"weight", 10}, {"value", 94.5}, {"ready", true}});
  });
  ASSERT_EQ(line.find('\n'), line.size() - 1);
  auto event = Json::parse(line);
  const auto time = event["time"].get<std::string>();
  EXPECT_EQ(time.size(), std::string("2026-01-01T12:00:00.000Z").size());
  EXPECT_TRUE(time.ends_with('Z'));
  event.erase("time");
  EXPECT_EQ(event, (Json{{"level", "info"},
                         {"message", "step started"},
                         {"canary", "checkout-v2"},
                         {"weight", 10},
                         {"value", 94.5},
                         {"ready", true}}));
}

TEST(Log, as_json_survives_any_bytes) {
  const std::string nasty = "quote\" back\\slash\nnewline %v {} \x01 \xFF";
  const auto line =
      logged(Format::JsonLines, Level::Info, [&] { log_event(Level::Error, nasty, {{"reason", nasty}}); });
  const auto event = Json::parse(line);
  EXPECT_TRUE(event["message"].get<std::string>().starts_with("quote\" back\\slash\nnewline %v {} \x01 "));
  EXPECT_EQ(event["reason"], event["message"]);
  EXPECT_EQ(event["level"], "error");
}

TEST(Log, as_json_takes_in_what_libraries_log) {
  const auto line = logged(Format::JsonLines, Level::Info, [] { spdlog::warn("lost \"{}\"", "it"); });
  const auto event = Json::parse(line);
  EXPECT_EQ(event["message"], "lost \"it\"");
  EXPECT_EQ(event["level"], "warning");
}

TEST(Log, as_text_quotes_only_what_needs_it) {
  EXPECT_EQ(
      format_event(Format::Text, "step started",
                   {{"canary", "checkout-v2"}, {"weight", 10}, {"message", "p99 \"slow\""}, {"empty", ""}}),
      R"(step started canary=checkout-v2 weight=10 message="p99 \"slow\"" empty="")");
}

TEST(Log, as_text_stays_on_one_line) {
  EXPECT_EQ(format_event(Format::Text, "a\nb", {{"c", "d\ne"}}), R"("a\nb" c="d\ne")");
}

TEST(Log, says_nothing_that_a_terminal_obeys) {
  EXPECT_EQ(format_event(Format::Text, "\x1b[2J", {{"c", "\xC2\x9B"}}), R"("\u001b[2J" c="\u009b")");
  EXPECT_EQ(format_event(Format::JsonLines, "\x1b[2J\x7f", {{"c", "\xC2\x9B"}}),
            R"("message":"\u001b[2J\u007f","c":"\u009b")");
  const auto line =
      logged(Format::Text, Level::Info, [] { spdlog::warn("the server said {}", "\x1b[2J\n!"); });
  EXPECT_EQ(line.substr(line.find('Z')), "Z warning \"the server said \\u001b[2J\\n!\"\n");
}

TEST(Log, as_text_begins_with_time_and_level) {
  const auto line = logged(Format::Text, Level::Info, [] { log_event(Level::Warning, "held"); });
  EXPECT_EQ(line.substr(line.find('Z')), "Z warning held\n");
}

TEST(Log, drops_what_is_below_its_level) {
  EXPECT_EQ(logged(Format::Text, Level::Warning,
                   [] {
                     log_event(Level::Info, "chatter");
                     spdlog::info("chatter");
                   }),
            "");
}

TEST(Log, knows_its_levels_by_name) {
  EXPECT_EQ(level_from("debug"), Level::Debug);
  EXPECT_EQ(level_from("info"), Level::Info);
  EXPECT_EQ(level_from("warn"), Level::Warning);
  EXPECT_EQ(level_from("error"), Level::Error);
  EXPECT_EQ(level_from("loud"), std::nullopt);
}

}  // namespace
}  // namespace weir::report
