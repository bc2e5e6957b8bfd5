#include "analysis/providers/prometheus/query_template.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <regex>
#include <vector>

namespace weir::analysis {
namespace {

const Subject kSubject{.name_space = "shop",
                       .name = "checkout-v2",
                       .target = "checkout-v2",
                       .stable = "checkout-v1",
                       .service = "checkout",
                       .weight = 10};

std::expected<std::string, std::string> rendered(std::string_view query,
                                                 const std::map<std::string, std::string>& own = {}) {
  return render(query, kSubject, Seconds{90}, own);
}

TEST(QueryTemplate, fills_in_what_it_knows_of_the_release) {
  EXPECT_EQ(
      rendered(
          "{{ namespace }} {{name}} {{target }} {{ stable}} {{  service\t}} {{ interval }} {{ weight }}"),
      "shop checkout-v2 checkout-v2 checkout-v1 checkout 90s 10");
}

TEST(QueryTemplate, leaves_single_braces_alone) {
  EXPECT_EQ(rendered("rate(x{a=\"{{ target }}\"}[{{ interval }}])"), "rate(x{a=\"checkout-v2\"}[90s])");
}

TEST(QueryTemplate, takes_own_variables_with_and_without_prefix) {
  EXPECT_EQ(rendered("{{ variables.code }} {{ code }}", {{"code", "500"}}), "500 500");
}

TEST(QueryTemplate, does_not_let_an_own_variable_hide_a_known_one) {
  EXPECT_EQ(rendered("{{ target }} {{ variables.target }}", {{"target", "other"}}), "checkout-v2 other");
}

TEST(QueryTemplate, names_an_unknown_variable_and_lists_the_known_ones) {
  const auto result = rendered("up{a=\"{{ ingress }}\"}", {{"code", "1"}});
  ASSERT_FALSE(result);
  EXPECT_EQ(
      result.error(),
      "unknown variable {{ ingress }} in the query; known are code, interval, name, namespace, service, "
      "stable, target, variables.code, weight");
}

TEST(QueryTemplate, refuses_braces_that_do_not_close) {
  const auto result = rendered("up{a=\"{{ target\"}");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), "the query has a {{ without its }}");
}

TEST(QueryTemplate, escapes_a_value_for_the_literal_it_stands_in) {
  const std::map<std::string, std::string> own{{"v", "a\"b'c\\d\ne"}};
  EXPECT_EQ(rendered("x{a=\"{{ v }}\"}", own), R"(x{a="a\"b'c\\d\ne"})");
  EXPECT_EQ(rendered("x{a='{{ v }}'}", own), R"(x{a='a"b\'c\\d\ne'})");
}

TEST(QueryTemplate, inserts_a_value_outside_of_literals_as_it_is) {
  EXPECT_EQ(rendered("x{ {{ matchers }} }", {{"matchers", "code=\"500\""}}), "x{ code=\"500\" }");
}

TEST(QueryTemplate, refuses_a_variable_that_completes_an_escape_sequence) {
  const auto result = rendered(R"(x{a="\{{ v }}"})", {{"v", "\"} or vector(1) #"}});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error(),
            "the query has a backslash right before {{ v }}, which would escape the value's first character; "
            "write \\\\ for a backslash");
  EXPECT_EQ(rendered(R"(x{a="\\{{ v }}"})", {{"v", "\""}}), R"(x{a="\\\""})");
}

TEST(QueryTemplate, knows_literals_that_a_value_opened_escaped_quotes_and_comments) {
  const std::map<std::string, std::string> own{{"v", "\""}};
  EXPECT_EQ(rendered(R"(x{a="\"{{ v }}"})", own), R"(x{a="\"\""})");
  EXPECT_EQ(rendered("# don't\nx{a=\"{{ v }}\"}", own), "# don't\nx{a=\"\\\"\"}");
  EXPECT_EQ(rendered("x{ {{ open }}{{ v }}\" }", {{"open", "a=\""}, {"v", "\""}}), "x{ a=\"\\\"\" }");
}

TEST(QueryTemplate, keeps_a_value_raw_in_backquotes_unless_it_would_end_them) {
  EXPECT_EQ(rendered("x{a=`{{ v }}`}", {{"v", "\\d\""}}), "x{a=`\\d\"`}");
  const auto result = rendered("x{a=`{{ v }}`}", {{"v", "`"}});
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().starts_with("the value of {{ v }} has a backquote"));
}

TEST(QueryTemplate, keeps_a_value_on_the_line_of_a_comment) {
  EXPECT_EQ(rendered("up # {{ v }}\n> 0", {{"v", "a\nor down"}}), "up # a or down\n> 0");
}

TEST(QueryTemplate, lets_names_of_the_release_stand_for_themselves_in_a_pattern) {
  const auto named = [](std::string_view query) {
    return render(query, {.target = "web.v2"}, Seconds{60}, {{"code", "5.."}});
  };
  EXPECT_EQ(named(R"(x{pod=~"{{ target }}-[0-9]+"})"), R"(x{pod=~"web\\.v2-[0-9]+"})");
  EXPECT_EQ(named(R"(x{pod !~ '{{ target }}'})"), R"(x{pod !~ 'web\\.v2'})");
  EXPECT_EQ(named("x{pod=~\n`a|{{ target }}`}"), "x{pod=~\n`a|web\\.v2`}");
  EXPECT_EQ(named(R"(x{pod="{{ target }}"})"), R"(x{pod="web.v2"})");
  EXPECT_EQ(named(R"(x{a=~"b",pod="{{ target }}"})"), R"(x{a=~"b",pod="web.v2"})");
  EXPECT_EQ(named("{{ target }}"), "web.v2");
  EXPECT_EQ(named(R"(x{code=~"{{ code }}"})"), R"(x{code=~"5.."})");
}

// What PromQL makes of the one literal of `x{a="…"} + 1`, or of the same with other quotes; empty if the
// literal does not end where it should.
std::optional<std::string> literal_of(std::string_view query) {
  const auto open = query.find('=') + (query.starts_with("x{a=~") ? 2 : 1);
  const char quote = query[open];
  std::string value;
  for (auto i = open + 1; i < query.size(); ++i) {
    if (query[i] == quote) return query.substr(i + 1) == "} + 1" ? std::optional(value) : std::nullopt;
    if (query[i] == '\n' && quote != '`') return std::nullopt;
    if (query[i] != '\\' || quote == '`') {
      value += query[i];
      continue;
    }
    const char escaped = query[++i];
    if (!std::string_view("n\\\"'").contains(escaped)) return std::nullopt;
    value += escaped == 'n' ? '\n' : escaped;
  }
  return std::nullopt;
}

// A text that each query language's quoting would have to fear.
std::string hostile_text(std::mt19937& random) {
  static const std::vector<std::string> kParts{
      "\"",  "'",  "`", "\\",   "\n", "\r", "{", "}", "{{ target }}", "$1", "#", "=~", ".",   "*",  "+",
      "(",   ")",  "[", "]",    "|",  "^",  "?", "é", "日",           " ",  "a", "-",  "\\n", "//", ",",
      "\"}", "\t", "0", "\x7f", "%"};
  std::string text;
  for (auto n = random() % 12; n > 0; --n) text += kParts[random() % kParts.size()];
  return text;
}

TEST(QueryTemplate, puts_every_value_into_a_literal_that_means_just_it) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto text = hostile_text(random);
    for (const std::string quote : {"\"", "'", "`"}) {
      const auto query = "x{a=" + quote + "{{ v }}" + quote + "} + 1";
      const auto result = rendered(query, {{"v", text}});
      if (quote == "`" && text.contains('`')) {
        ASSERT_FALSE(result);
        continue;
      }
      ASSERT_TRUE(result) << result.error();
      ASSERT_EQ(literal_of(*result), text) << *result;
    }
  }
}

TEST(QueryTemplate, puts_every_name_into_a_pattern_that_matches_just_it) {
  std::mt19937 random(2);
  for (int i = 0; i < 2'000; ++i) {
    const auto text = hostile_text(random);
    const auto result = render("x{a=~\"{{ target }}\"} + 1", {.target = text}, Seconds{60}, {});
    ASSERT_TRUE(result) << result.error();
    const auto pattern = literal_of(*result);
    ASSERT_TRUE(pattern) << *result;
    ASSERT_TRUE(std::regex_match(text, std::regex(*pattern))) << *pattern;
    ASSERT_FALSE(std::regex_match(text + "a", std::regex(*pattern))) << *pattern;
  }
}

TEST(QueryTemplate, can_be_checked_before_there_is_a_release) {
  EXPECT_TRUE(check_template("x{a=\"{{ target }}\"}[{{ interval }}]", {}));
  EXPECT_FALSE(check_template("{{ variables.foo }}", {}));
  EXPECT_TRUE(check_template("{{ variables.foo }}", {{"foo", "1"}}));
}

TEST(QueryTemplate, tells_whether_a_variable_is_used) {
  EXPECT_TRUE(uses_variable("{{ target }} [{{interval}}]", "interval"));
  EXPECT_FALSE(uses_variable("interval {{ target }} {{ interval", "interval"));
}

}  // namespace
}  // namespace weir::analysis
