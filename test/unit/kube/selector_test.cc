#include "operator/kube/selector.h"

#include <gtest/gtest.h>

namespace weir::kube {
namespace {

bool matches(const char* selector, const Json& labels) {
  const auto parsed = Selector::parse(selector);
  EXPECT_TRUE(parsed) << selector;
  return parsed && parsed->matches({{"metadata", {{"labels", labels}}}});
}

const Json kLabels = {{"app", "web"}, {"version", "v1"}};

TEST(Selector, selects_everything_when_empty) {
  EXPECT_TRUE(matches("", kLabels));
  EXPECT_TRUE(Selector::parse(" ")->matches(Json::object()));
}

TEST(Selector, compares_for_equality_and_inequality) {
  EXPECT_TRUE(matches("app=web", kLabels));
  EXPECT_TRUE(matches("app == web", kLabels));
  EXPECT_FALSE(matches("app=shop", kLabels));
  EXPECT_FALSE(matches("app!=web", kLabels));
  EXPECT_TRUE(matches("tier!=web", kLabels));
}

TEST(Selector, looks_into_sets) {
  EXPECT_TRUE(matches("version in (v1, v2)", kLabels));
  EXPECT_FALSE(matches("version in (v2)", kLabels));
  EXPECT_FALSE(matches("version notin (v1,v2)", kLabels));
  EXPECT_TRUE(matches("tier notin (a)", kLabels));
}

TEST(Selector, asks_whether_a_label_is_there) {
  EXPECT_TRUE(matches("app", kLabels));
  EXPECT_FALSE(matches("!app", kLabels));
  EXPECT_TRUE(matches("!tier", kLabels));
}

TEST(Selector, needs_all_requirements) {
  EXPECT_TRUE(matches("app=web,version in (v1,v2),!tier", kLabels));
  EXPECT_FALSE(matches("app=web,version in (v2,v3)", kLabels));
}

TEST(Selector, refuses_what_it_cannot_read_and_quotes_it) {
  for (const char* text : {"=web", "app in (a", "app within (a)", "app,,version", "(a)", "!"}) {
    const auto parsed = Selector::parse(text);
    EXPECT_FALSE(parsed) << text;
  }
  EXPECT_NE(Selector::parse("app=web,a b").error().find("\"a b\""), std::string::npos);
}

}  // namespace
}  // namespace weir::kube
