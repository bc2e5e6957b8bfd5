#include "operator/base/base64.h"

#include <gtest/gtest.h>

namespace weir::base {
namespace {

TEST(Base64, decodes_text_with_white_space_and_padding) {
  EXPECT_EQ(decode_base64("aGVs\nbG8="), "hello");
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("/+8="), "\xff\xef");
}

TEST(Base64, encodes_what_decodes_to_the_same) {
  for (const std::string text : {"", "a", "ab", "abc", "\xff\xef"})
    EXPECT_EQ(decode_base64(encode_base64(text)), text);
  EXPECT_EQ(encode_base64("hello"), "aGVsbG8=");
}

TEST(Base64, refuses_everything_else) {
  for (const char* text : {"a", "a===", "aGVs=G8=", "aGV-", "aGVsbG8"})
    EXPECT_FALSE(decode_base64(text)) << text;
}

}  // namespace
}  // namespace weir::base
