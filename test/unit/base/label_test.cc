#include "operator/base/label.h"

#include <gmock/gmock.h>

namespace weir::base {
namespace {

using ::testing::MatchesRegex;

TEST(Label, with_dashes_for_what_a_name_may_not_hold) {
  EXPECT_EQ(dashed("2024.11_RC1"), "2024-11-rc1");
  EXPECT_EQ(dashed("-a-"), "a");
  EXPECT_EQ(dashed("..."), "");
  EXPECT_EQ(dashed(""), "");
}

TEST(Label, with_a_hash_is_no_longer_than_a_label_may_be_and_always_the_same) {
  EXPECT_EQ(with_hash("checkout-v1-0", "v1.0"), with_hash("checkout-v1-0", "v1.0"));
  EXPECT_THAT(with_hash("checkout-v1-0", "v1.0"), MatchesRegex("checkout-v1-0-[0-9a-f]+"));
  EXPECT_NE(with_hash("checkout-v1-0", "v1.0"), with_hash("checkout-v1-0", "v1-0"));
  EXPECT_EQ(with_hash(std::string(100, 'x'), "a").size(), kLongestLabel);
  EXPECT_THAT(with_hash(std::string(53, 'x') + "-yyyyyyyyyyy", "a"), MatchesRegex("x+-[0-9a-f]+"));
  EXPECT_THAT(with_hash("", "a"), MatchesRegex("[0-9a-f]+"));
}

}  // namespace
}  // namespace weir::base
