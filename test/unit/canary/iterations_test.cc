#include "operator/canary/iterations.h"

#include <gtest/gtest.h>

#include "operator/canary/strategy.h"

namespace weir::canary {
namespace {

strategies::Program program_of(const Json& analysis) {
  Problems problems;
  Fields fields(analysis, "spec.analysis", problems);
  auto program = read_program(fields);
  EXPECT_FALSE(problems.error) << problems.error->message;
  return program;
}

TEST(Iterations, hold_all_traffic_at_stable_until_they_have_passed) {
  const auto program = program_of({{"iterations", 5}});
  ASSERT_EQ(program.stages.size(), 1U);
  EXPECT_EQ(program.stages[0], (strategies::Stage{.traffic = {strategies::Weight::none()}, .passes = 5}));
  EXPECT_EQ(program.promotion, (std::vector<strategies::Traffic>{{strategies::Weight::all()}}));
}

TEST(Iterations, are_asked_for_by_their_field) {
  EXPECT_EQ(program_of({{"stepWeight", 50}}).stages.size(), 1U);
  EXPECT_EQ(program_of({{"stepWeight", 25}}).stages.size(), 2U);
}

}  // namespace
}  // namespace weir::canary
