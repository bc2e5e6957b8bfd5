#include "operator/base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::base {
namespace {

TEST(Utf8, is_what_every_character_of_unicode_is_written_in) {
  for (const std::string_view text : {"", "plain", "caf\xC3\xA9", "\xE0\xA0\x80", "\xED\x9F\xBF",
                                      "\xEF\xBB\xBFx", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_FALSE(find_invalid_utf8(text)) << text;
  }
}

TEST(Utf8, is_not_what_other_encodings_write) {
  EXPECT_EQ(find_invalid_utf8("caf\xE9"), 3U);  // Latin-1
  EXPECT_EQ(find_invalid_utf8("\xFF\xFE"
                              "a"),
            0U);                                 // UTF-16
  EXPECT_EQ(find_invalid_utf8("ab\x80"), 2U);    // a continuation of nothing
  EXPECT_EQ(find_invalid_utf8("a\xC3"), 1U);     // cut
  EXPECT_EQ(find_invalid_utf8("\xC0\xAF"), 0U);  // longer than it need be
  EXPECT_EQ(find_invalid_utf8("\xE0\x9F\xBF"), 0U);
  EXPECT_EQ(find_invalid_utf8("\xED\xA0\x80"), 0U);      // half of a surrogate pair
  EXPECT_EQ(find_invalid_utf8("\xF4\x90\x80\x80"), 0U);  // beyond the last character
}

TEST(Utf8, is_printed_without_what_a_terminal_obeys) {
  EXPECT_EQ(printable("p99 612 ms > 500 ms, Größe"), "p99 612 ms > 500 ms, Größe");
  EXPECT_EQ(printable("\x1b[2J\n\x7f"), "\\u001b[2J\\u000a\\u007f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\u0000");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m\xC2\xA0"),
            "\\u009b31m\xC2\xA0")
      << "C1 ends where U+00A0 begins";
  EXPECT_EQ(printable("\x9B"
                      "1m\xE2\x82"),
            "\xEF\xBF\xBD"
            "1m\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace weir::base
