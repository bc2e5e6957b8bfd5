#include "analysis/query_template.h"

#include <gtest/gtest.h>

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
