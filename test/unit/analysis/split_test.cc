#include "analysis/split.h"

#include <gmock/gmock.h>

namespace weir::analysis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Subject at(int weight) {
  return {.name_space = "shop",
          .name = "checkout-v2",
          .target = "checkout-v2",
          .stable = "checkout-v1",
          .service = "checkout",
          .weight = weight};
}

Split split(int weight, const std::vector<Sent>& sent) {
  return compare_split(at(weight), sent, "in the last 30s");
}

TEST(Divide, takes_a_share_for_the_weight_within_chance_and_not_beyond_it) {
  // Of 300 requests at one half 116 to 184 are the 9,999 in 10,000 that are to be expected.
  EXPECT_EQ(divide(50, 150, 150), Division::Agrees);
  EXPECT_EQ(divide(50, 116, 184), Division::Agrees);
  EXPECT_EQ(divide(50, 184, 116), Division::Agrees);
  EXPECT_EQ(divide(50, 115, 185), Division::Differs);
  EXPECT_EQ(divide(50, 185, 115), Division::Differs);
}

TEST(Divide, says_neither_of_few_requests) {
  EXPECT_EQ(divide(10, 0, 0), Division::NotCounted);
  EXPECT_EQ(divide(10, 0, 40), Division::NotCounted) << "none of 40 is not rare at a tenth";
  EXPECT_EQ(divide(10, 5, 40), Division::NotCounted) << "and so none of 45 would not be noticed";
  EXPECT_EQ(divide(10, 10, 90), Division::Agrees);
  EXPECT_EQ(divide(10, 0, 100), Division::Differs);
  EXPECT_EQ(divide(100, 8, 0), Division::NotCounted) << "a proxy that sends half may send 8 alike";
  EXPECT_EQ(divide(100, 40, 0), Division::Agrees);
}

TEST(Divide, differs_at_none_and_at_all_by_a_single_request) {
  EXPECT_EQ(divide(0, 1, 1'000'000), Division::Differs);
  EXPECT_EQ(divide(100, 1'000'000, 1), Division::Differs);
  EXPECT_EQ(divide(0, 0, 1'000), Division::Agrees);
}

TEST(Divide, works_with_a_thousand_million_requests_and_more) {
  EXPECT_EQ(divide(50, 500'000'000, 500'000'000), Division::Agrees);
  EXPECT_EQ(divide(50, 500'100'000, 499'900'000), Division::Differs);
  EXPECT_EQ(divide(50, 5e14, 5e14), Division::Agrees);
  EXPECT_EQ(divide(50, 5.1e14, 4.9e14), Division::Differs);
}

TEST(Split, says_the_numbers_where_all_follow) {
  const auto found = split(50, {{"gateway-0", 74, 76}, {"gateway-1", 73, 77}});
  EXPECT_EQ(found.division, Division::Agrees);
  EXPECT_EQ(found.message,
            "checkout-v2 got 147 of 300 requests (49 %) in the last 30s, where the routes give it 50 %");
}

TEST(Split, names_the_proxy_that_lags_behind_others) {
  const auto found = split(50, {{"gateway-0", 150, 150}, {"gateway-1", 10, 90}});
  EXPECT_EQ(found.division, Division::Differs);
  EXPECT_EQ(found.message,
            "checkout-v2 got 160 of 400 requests (40 %) in the last 30s, where the routes give it 50 %; not "
            "followed "
            "by gateway-1 with 10 of 100");
}

TEST(Split, differs_by_one_proxy_though_all_together_agree) {
  const auto found = split(50, {{"gateway-0", 90, 10}, {"gateway-1", 10, 90}});
  EXPECT_EQ(found.division, Division::Differs);
  EXPECT_THAT(found.message, HasSubstr("gateway-0 with 90 of 100, gateway-1 with 10 of 100"));
}

TEST(Split, differs_altogether_though_no_proxy_alone_says_so) {
  std::vector<Sent> sent;
  for (int i = 0; i < 60; ++i) sent.push_back({"client-" + std::to_string(i), 0, 5});
  const auto found = split(50, sent);
  EXPECT_EQ(found.division, Division::Differs);
  EXPECT_THAT(found.message, Not(HasSubstr("client-")));
}

TEST(Split, names_a_few_of_many_proxies_the_busiest_first) {
  std::vector<Sent> sent;
  for (int i = 1; i <= 6; ++i) sent.push_back({"client-" + std::to_string(i), 0, 100.0 * i});
  EXPECT_THAT(split(50, sent).message,
              HasSubstr("not followed by client-6 with 0 of 600, client-5 with 0 of 500, "
                        "client-4 with 0 of 400, and 3 more"));
}

TEST(Split, is_not_found_to_differ_by_one_of_many_proxies_by_chance) {
  // Each alone is as rare as one in 5,000: of a thousand proxies it happens now and then.
  std::vector<Sent> sent(1'000, {"client", 150, 150});
  sent.front() = {"client", 118, 182};
  EXPECT_EQ(split(50, sent).division, Division::Agrees);
}

TEST(Split, differs_apart_where_untrusted_proxies_alone_do) {
  const auto found = split(50, {{"gateway-0", 150, 150}, {"client-1 (client.web)", 0, 100, false}});
  EXPECT_EQ(found.division, Division::UntrustedDiffers);
  EXPECT_EQ(
      found.message,
      "checkout-v2 got 150 of 400 requests (37.5 %) in the last 30s, where the routes give it 50 %; not "
      "followed by client-1 (client.web) with 0 of 100, of namespaces that are not trusted");
  std::vector<Sent> many(60, {"client", 0, 5, false});
  many.push_back({"gateway-0", 150, 150});
  EXPECT_THAT(
      split(50, many).message,
      HasSubstr("not followed by the proxies of namespaces that are not trusted, with 0 of 300 altogether"));
}

TEST(Split, differs_by_a_trusted_proxy_however_many_requests_others_divide_as_they_should) {
  const auto found = split(50, {{"gateway-0", 10, 90}, {"client-1", 5'000, 5'000, false}});
  EXPECT_EQ(found.division, Division::Differs);
  EXPECT_THAT(found.message, HasSubstr("got 10 of 100 requests"));
}

TEST(Split, agrees_by_proxies_that_are_not_trusted_where_there_are_no_others) {
  const auto found = split(50, {{"client-1", 150, 150, false}});
  EXPECT_EQ(found.division, Division::Agrees);
}

TEST(Split, of_no_request_or_too_few_is_not_counted) {
  const auto none = split(10, {});
  EXPECT_EQ(none.division, Division::NotCounted);
  EXPECT_EQ(none.message, "no requests from proxies to Service checkout were counted in the last 30s");
  const auto few = split(10, {{"gateway-0", 1, 20}});
  EXPECT_EQ(few.division, Division::NotCounted);
  EXPECT_TRUE(few.server_answers);
  EXPECT_THAT(few.message, HasSubstr("too few to tell whether proxies follow"));
}

}  // namespace
}  // namespace weir::analysis
