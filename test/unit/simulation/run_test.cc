// Whole releases in worlds that are written down, not drawn.
#include "test/simulation/run.h"

#include <gmock/gmock.h>

namespace weir::simulation {
namespace {

using testing::Contains;
using testing::HasSubstr;

TEST(Run, promotes_a_good_release_of_which_nothing_goes_wrong) {
  const auto outcome = run({.seed = 1, .scenario = {}, .faults = {}}, /*with_timeline=*/false);
  EXPECT_EQ(outcome.violations.size(), 0U);
  EXPECT_EQ(outcome.phase, "Succeeded");
}

TEST(Run, takes_a_release_back_whose_candidate_is_ejected_by_its_owners_breaker) {
  const Fault ejected{.kind = Kind::CandidateEjected, .at = 5s, .lasting = 120s};
  const auto outcome = run({.seed = 1, .scenario = {}, .faults = {ejected}}, /*with_timeline=*/true);
  EXPECT_EQ(outcome.violations.size(), 0U);
  EXPECT_EQ(outcome.phase, "Failed");
  EXPECT_THAT(outcome.timeline, Contains(HasSubstr("response_flags UH")));
}

TEST(Run, promotes_a_good_release_although_lists_come_without_their_items) {
  const Fault hollow{.kind = Kind::HollowLists, .at = 4s, .lasting = 30s, .number = 100};
  const Fault gone{.kind = Kind::WatchesGone, .at = 5s};
  const auto outcome = run({.seed = 1, .scenario = {}, .faults = {hollow, gone}}, /*with_timeline=*/true);
  EXPECT_EQ(outcome.violations.size(), 0U);
  EXPECT_EQ(outcome.phase, "Succeeded");
  EXPECT_THAT(outcome.timeline, testing::Not(Contains(HasSubstr("ServiceNotFound"))));
}

}  // namespace
}  // namespace weir::simulation
