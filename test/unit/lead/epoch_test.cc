#include "operator/lead/epoch.h"

#include <gtest/gtest.h>

namespace weir::lead {
namespace {

Json with_epoch(const std::string& epoch) {
  return {
      {"metadata", {{"name", "checkout"}, {"annotations", {{"weir.dev/epoch", epoch}, {"team", "shop"}}}}}};
}

std::string epoch_of(const Json& object) { return object["metadata"]["annotations"]["weir.dev/epoch"]; }

TEST(Epoch, is_the_term_or_one_more_than_the_object_has) {
  const Json plain{{"metadata", {{"name", "checkout"}}}};
  EXPECT_EQ(epoch_of(claimed(plain, 0)), "1");
  EXPECT_EQ(epoch_of(claimed(plain, 7)), "7000000");
  EXPECT_EQ(epoch_of(claimed(with_epoch("7000000"), 3)), "7000001");
  EXPECT_EQ(epoch_of(claimed(with_epoch("7000000"), 9)), "9000000");
  EXPECT_EQ(epoch_of(claimed(with_epoch("7000000"), 7)), "7000001");
  EXPECT_EQ(term_of_claim(with_epoch("7000001")), 7);
  EXPECT_EQ(term_of_claim(plain), 0);
}

TEST(Epoch, always_changes_the_object_whatever_somebody_wrote_there) {
  for (const auto* text :
       {"", "x", "-1", "1x", "9007199254740992", "9223372036854775807", "99999999999999999999"}) {
    const Json before = with_epoch(text);
    EXPECT_EQ(epoch_of(claimed(before, 0)), "1") << text;
  }
  Json strange = with_epoch("1");
  strange["metadata"]["annotations"]["weir.dev/epoch"] = 4;
  EXPECT_EQ(epoch_of(claimed(strange, 0)), "1");
  strange["metadata"]["annotations"] = nullptr;
  EXPECT_EQ(epoch_of(claimed(strange, 0)), "1");
}

TEST(Epoch, goes_without_a_trace) {
  const Json plain{{"metadata", {{"name", "checkout"}}}};
  EXPECT_EQ(without_claim(claimed(plain, 2)), plain);
  EXPECT_EQ(without_claim(plain), plain);
  EXPECT_EQ(without_claim(with_epoch("2"))["metadata"]["annotations"], Json({{"team", "shop"}}));
  EXPECT_TRUE(is_claimed(with_epoch("2")));
  EXPECT_FALSE(is_claimed(plain));
}

TEST(Epoch, of_a_status_is_the_term_that_signed_it) {
  Json canary = {{"status", {{"phase", "Pending"}}}};
  EXPECT_EQ(term_of_status(canary), 0);
  sign_status(canary, 7);
  EXPECT_EQ(term_of_status(canary), 7);
  EXPECT_EQ(canary["status"]["phase"], "Pending");
  EXPECT_EQ(term_of_status({{"status", "nonsense"}}), 0);
  EXPECT_EQ(term_of_status({{"status", {{"leaderTerm", "nonsense"}}}}), 0);
}

}  // namespace
}  // namespace weir::lead
