#include "operator/base/hash.h"

#include <gtest/gtest.h>

namespace weir::base {
namespace {

// The authors' vectors: names and keys outlive a build.
TEST(Hash, is_fnv1a) {
  EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325U);
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8U);
  EXPECT_NE(fnv1a("\xff"), fnv1a("\x7f"));
}

TEST(Hash, of_several_texts_goes_on) { EXPECT_EQ(fnv1a("bar", fnv1a("foo")), fnv1a("foobar")); }

TEST(Hash, has_sixteen_hexadecimal_digits) {
  EXPECT_EQ(hex(0), "0000000000000000");
  EXPECT_EQ(hex(fnv1a("a")), "af63dc4c8601ec8c");
}

}  // namespace
}  // namespace weir::base
