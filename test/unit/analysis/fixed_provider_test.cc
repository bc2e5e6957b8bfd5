#include <gmock/gmock.h>

#include "analysis/judge.h"
#include "analysis/providers/registry.h"

namespace weir::analysis {
namespace {

Check checked(const std::string& query) {
  const Metric metric{.name = "queue", .query = query, .range = {.max = 10}, .provider = "fixed"};
  const auto judge = make_judge(make_providers({}), std::string(kDefaultProvider));
  return judge->judge({.metrics = {metric}}).checks.at(0);
}

TEST(FixedProvider, answers_the_number_that_the_query_is) {
  EXPECT_EQ(checked("7.5").outcome, Outcome::Pass);
  EXPECT_EQ(checked("7.5").value, 7.5);
  EXPECT_EQ(checked("11").message, "queue 11 > 10");
}

TEST(FixedProvider, rejects_a_query_that_is_no_number) {
  for (const auto* query : {"up", "1 + 1", "nan", "1e999"}) {
    EXPECT_EQ(checked(query).reason, "QueryRejected") << query;
  }
}

TEST(FixedProvider, is_not_offered_to_users) {
  EXPECT_THAT(offered_providers(), testing::Not(testing::Contains("fixed")));
}

}  // namespace
}  // namespace weir::analysis
