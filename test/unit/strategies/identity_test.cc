// What a release is, whatever is edited meanwhile.
#include <gmock/gmock.h>

#include "world.h"

namespace weir::strategies {
namespace {

using ::testing::HasSubstr;

TEST(Identity, is_recorded_as_the_release_begins) {
  World world;
  world.release.spec.service.version_label = "release";
  world.release.spec.routing.provider = "istio";
  world.release.spec.routing.settings = "{}";
  EXPECT_FALSE(world.release.status.identity);
  world.run_to(Phase::Initializing);
  EXPECT_EQ(world.release.status.identity, (Identity{.service = "checkout",
                                                     .router = "istio",
                                                     .version_label = "release",
                                                     .router_settings = "{}",
                                                     .stable_version = "v1",
                                                     .candidate_version = "v2",
                                                     .stable_replicas = 3,
                                                     .stable_ready = 3}));
}

TEST(Identity, stays_as_it_was_recorded) {
  World world;
  world.run_to_step(2);
  const auto recorded = world.release.status.identity;
  world.seen.candidate->version = "v3";
  world.seen.stable->version = "v0";
  world.round();
  EXPECT_EQ(world.release.status.identity, recorded);
  EXPECT_EQ(world.release.status.candidate.version, "v2");
  EXPECT_EQ(world.release.status.stable.version, "v1");
}

TEST(Identity, of_the_next_release_is_its_own) {
  World world;
  world.run();
  world.release.spec.target.name = "checkout-v3";
  world.round();
  EXPECT_FALSE(world.release.status.identity);
}

TEST(Identity, takes_back_a_release_whose_candidate_became_another_version) {
  for (const auto* label : {"v3", ""}) {
    World world;
    world.run_to_step(2);
    world.seen.candidate->version = label;
    world.run();
    EXPECT_EQ(world.phase(), Phase::Failed);
    EXPECT_EQ(world.release.status.rollback_reason, "IdentityChanged");
    EXPECT_THAT(world.release.status.message,
                HasSubstr(*label == '\0' ? "has no label version now" : "has version=v3 now"));
    EXPECT_EQ(world.seen.service->selects, Selects::Stable);
    EXPECT_TRUE(world.seen.routes->original());
  }
}

// Its new pods are not those that the Service selects by now.
TEST(Identity, takes_back_a_promoted_release_whose_candidate_became_another_version) {
  World world;
  world.release.spec.stable.scale_down_delay = Seconds{3600};
  world.run_to_write("Finalizing: take the versions' own Services away");
  world.seen.candidate->version = "v3";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.service->selects, Selects::Stable);
}

// There is no stable to go back to, and what the pods are now nobody has judged.
TEST(Identity, of_a_promoted_release_is_waited_for_once_stable_is_gone) {
  World world;
  world.run_to_write("Finalizing: take the versions' own Services away");
  world.seen.stable.reset();
  world.seen.candidate->version = "v3";
  world.candidate_serves = false;
  world.round();
  EXPECT_TRUE(world.told("VersionLabelChanged"));
  EXPECT_THAT(world.release.status.message, HasSubstr("has version=v3 now"));
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.seen.service->selects, Selects::Candidate);
  EXPECT_EQ(world.release.status.message,
            "checkout-v2 was promoted, and had no ready pod when the release ended");
}

TEST(Identity, takes_back_a_release_whose_spec_departs_from_it) {
  World world;
  world.run_to_step(2);
  world.seen.departures = {"spec.service.mode is another one"};
  world.round();
  EXPECT_EQ(world.phase(), Phase::RollingBack);
  EXPECT_EQ(world.seen.routes->highest(), 0);
  EXPECT_THAT(world.release.status.message, HasSubstr("spec.service.mode is another one"));
}

TEST(Identity, does_not_undo_a_promotion_for_an_edit_of_the_spec) {
  World world;
  world.run_to(Phase::Finalizing);
  world.seen.departures = {"spec.service.mode is another one"};
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Identity, holds_while_stable_is_another_version_and_leaves_the_traffic_to_who_serves) {
  World world;
  world.run_to_step(2);
  world.seen.stable->version = "v0";
  world.stable_serves = false;
  world.round();
  EXPECT_TRUE(world.seen.routes->at(Weight::all()));
  world.pass(Seconds{60});
  world.round();
  EXPECT_EQ(world.phase(), Phase::Progressing);
  EXPECT_THAT(world.release.status.message, HasSubstr("the pod template of checkout-v1 has version=v0 now"));
  world.seen.stable->version = "v1";
  world.stable_serves = true;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Identity, shared_with_another_release_does_not_end_this_one_while_stable_has_no_pod) {
  World world;
  world.run_to_step(2);
  world.seen.rollback_requested = "superseded by Canary checkout-again";
  world.seen.candidate_is_anothers = true;
  world.run([](const World& seen) { return seen.seen.routes->original(); });
  world.stable_serves = false;
  for (int i = 0; i < 5; ++i) {
    world.round();
    world.pass(Seconds{20});
  }
  EXPECT_EQ(world.phase(), Phase::RollingBack);
  world.stable_serves = true;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.candidate->replicas, 2);
}

// Both templates got other labels: nobody has the version that the selector would be moved to.
TEST(Identity, leaves_the_selector_to_whoever_is_there_while_no_pod_has_stables_version) {
  World world;
  world.run_to_step(2);
  world.seen.candidate->version = "2.0";
  world.candidate_serves = false;
  world.seen.stable->version = "1.0";
  world.stable_serves = false;
  world.round();
  world.pass(Seconds{60});
  world.round();
  EXPECT_EQ(world.phase(), Phase::RollingBack);
  EXPECT_THAT(world.release.status.message, HasSubstr("checkout-v1 has version=1.0 now"));
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.service->selects, Selects::Both);
  EXPECT_TRUE(world.seen.routes->original());
  EXPECT_EQ(world.seen.candidate->replicas, 2);
}

TEST(Identity, lets_a_rollback_end_once_stables_label_is_back) {
  World world;
  world.run_to_step(2);
  world.seen.rollback_requested = "customers complain";
  world.seen.stable->version = "1.0";
  world.stable_serves = false;
  for (int i = 0; i < 5; ++i) {
    world.round();
    world.pass(Seconds{20});
  }
  EXPECT_EQ(world.phase(), Phase::RollingBack);
  EXPECT_THAT(world.release.status.message, HasSubstr("checkout-v1 has version=1.0 now"));
  world.seen.stable->version = "v1";
  world.stable_serves = true;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.service->selects, Selects::Stable);
}

}  // namespace
}  // namespace weir::strategies
