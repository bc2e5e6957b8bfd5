#include <gmock/gmock.h>

#include "test/unit/strategies/world.h"

namespace weir::strategies {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Promotion, writes_in_the_order_that_loses_no_request) {
  World world;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_THAT(
      world.writes,
      ElementsAre(
          "Pending: guard the release against a deletion half-way",
          "Initializing: give each version a Service of its own",
          "Initializing: define a subset for each version", "Initializing: route 0 % to the candidate",
          "Initializing: let the Service select both versions", "Progressing: route 10 % to the candidate",
          "Progressing: route 20 % to the candidate", "Progressing: route 50 % to the candidate",
          "Promoting: scale checkout-v2 to 3", "Promoting: route 100 % to the candidate",
          "Promoting: let the Service select the candidate",
          "Finalizing: put the owner's routes back, on the promoted version",
          "Finalizing: take the added subsets away", "Finalizing: take the versions' own Services away",
          "Finalizing: scale checkout-v1 to 0", "Succeeded: let the Canary go"));
}

TEST(Promotion, waits_for_propagation_between_every_two_writes_that_depend_on_it) {
  World world;
  std::vector<std::pair<std::string, TimePoint>> times;
  world.check = [&, size = std::size_t{0}](const World& seen) mutable {
    if (seen.writes.size() > size) times.emplace_back(seen.writes.back(), seen.now);
    size = seen.writes.size();
  };
  world.run();
  const auto gap = [&](const std::string& first, const std::string& second) {
    const auto time = [&](const std::string& write) {
      return std::ranges::find(times, write, [](const auto& pair) { return pair.first; })->second;
    };
    return time(second) - time(first);
  };
  const auto delay = world.release.spec.routing.propagation_delay;
  EXPECT_GE(gap("Initializing: define a subset for each version", "Initializing: route 0 % to the candidate"),
            delay);
  EXPECT_GE(
      gap("Initializing: route 0 % to the candidate", "Initializing: let the Service select both versions"),
      delay);
  EXPECT_GE(
      gap("Initializing: let the Service select both versions", "Progressing: route 10 % to the candidate"),
      delay);
  EXPECT_GE(gap("Promoting: route 100 % to the candidate", "Promoting: let the Service select the candidate"),
            delay);
  EXPECT_GE(gap("Promoting: let the Service select the candidate",
                "Finalizing: put the owner's routes back, on the promoted version"),
            delay);
  EXPECT_GE(gap("Finalizing: put the owner's routes back, on the promoted version",
                "Finalizing: take the added subsets away"),
            delay);
}

// One phase has several waits for propagation, and one deadline.
TEST(Promotion, comes_however_much_of_the_deadline_one_wait_for_propagation_takes) {
  for (const auto mode : {ServiceMode::Placeholder, ServiceMode::Dedicated}) {
    for (const bool skips : {false, true}) {
      World world;
      world.release.spec.service.mode = mode;
      world.release.spec.skip_analysis = skips;
      world.release.spec.routing.propagation_delay = Seconds{560};
      world.run();
      EXPECT_EQ(world.phase(), Phase::Succeeded) << world.release.status.message;
    }
  }
}

TEST(Promotion, without_analysis_comes_though_its_steps_last_longer_than_the_deadline) {
  World world;
  world.release.spec.skip_analysis = true;
  world.release.spec.interval = Seconds{900};
  world.release.spec.program.promotion = {{percent(75)}, {percent(100)}};
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded) << world.release.status.message;
  EXPECT_TRUE(world.wrote("Promoting: route 75 % to the candidate"));
}

TEST(Promotion, sets_the_conditions_that_kubectl_waits_for) {
  World world;
  world.run();
  const auto& conditions = world.release.status.conditions;
  const auto promoted = std::ranges::find(conditions, "Promoted", &Condition::type);
  ASSERT_NE(promoted, conditions.end());
  EXPECT_EQ(promoted->status, ConditionStatus::True);
  const auto progressing = std::ranges::find(conditions, "Progressing", &Condition::type);
  EXPECT_EQ(progressing->status, ConditionStatus::False);
}

TEST(Promotion, goes_up_in_promotion_steps_held_for_an_interval_each) {
  World world;
  world.release.spec.program.promotion = {{percent(75)}, {percent(100)}};
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_TRUE(world.wrote("Promoting: route 75 % to the candidate"));
  EXPECT_TRUE(world.wrote("Promoting: route 100 % to the candidate"));
}

TEST(Promotion, needs_as_many_ready_pods_as_stable_has_before_the_last_shift) {
  World world;
  world.run_to(Phase::Promoting);
  world.candidate_serves = true;
  world.run_to_write("Promoting: scale checkout-v2 to 3");
  EXPECT_FALSE(world.wrote("Promoting: route 100 % to the candidate"));
  world.seen.candidate->replicas = 2;  // the new pods do not come
  const auto decision = decide(world.release, world.seen, world.now);
  ASSERT_EQ(decision.actions.size(), 1U);
  EXPECT_EQ(describe(decision.actions.front()), "scale checkout-v2 to 3");
}

TEST(Promotion, keeps_or_deletes_stable_as_asked) {
  World keep;
  keep.release.spec.stable.after_promotion = AfterPromotion::Keep;
  keep.run();
  EXPECT_EQ(keep.seen.stable->replicas, 3);
  World remove;
  remove.release.spec.stable.after_promotion = AfterPromotion::Delete;
  remove.run();
  EXPECT_EQ(remove.phase(), Phase::Succeeded);
  EXPECT_FALSE(remove.seen.stable);
}

TEST(Promotion, warns_before_it_scales_down_pods_without_a_preStop_hook) {
  World world;
  world.seen.stable->has_pre_stop = false;
  world.run();
  EXPECT_TRUE(world.told("NoPreStopHook"));
}

TEST(Promotion, keeps_stable_ready_for_the_scale_down_delay) {
  World world;
  world.release.spec.stable.scale_down_delay = Seconds{300};
  world.run_to(Phase::Finalizing);
  const auto begin = world.now;
  world.run_to(Phase::Succeeded);
  EXPECT_GE(world.now - begin, Seconds{300});
}

TEST(Promotion, keeps_stable_while_the_candidate_has_no_ready_pod) {
  World world;
  world.run_to_write("Finalizing: take the versions' own Services away");
  world.candidate_serves = false;
  world.round();
  EXPECT_TRUE(world.told("CandidateNotReady"));
  world.pass(Seconds{60});
  world.round();
  EXPECT_EQ(world.seen.stable->replicas, 3);
  world.candidate_serves = true;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.seen.stable->replicas, 0);
}

TEST(Promotion, ends_at_the_deadline_with_stable_kept_when_the_candidate_stays_without_pods) {
  World world;
  world.run_to_write("Finalizing: take the versions' own Services away");
  world.candidate_serves = false;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.seen.stable->replicas, 3);
  EXPECT_EQ(world.release.status.message,
            "checkout-v2 was promoted, and had no ready pod when the release ended");
}

TEST(Promotion, takes_all_traffic_when_stable_has_no_endpoints) {
  World world;
  world.run_to(Phase::Promoting);
  world.stable_serves = false;
  world.round();
  EXPECT_EQ(world.seen.routes->highest(), 100);
  EXPECT_TRUE(world.told("StableUnavailable"));
}

TEST(Promotion, waits_for_a_service_that_is_gone) {
  World world;
  world.run_to(Phase::Finalizing);
  world.seen.service.reset();
  const auto decision = decide(world.release, world.seen, world.now);
  EXPECT_TRUE(decision.actions.empty());
  EXPECT_EQ(decision.status.phase, Phase::Finalizing);
}

TEST(Promotion, skips_the_analysis_only_when_told_to_and_says_so) {
  World world;
  world.release.spec.skip_analysis = true;
  world.judge = [](const CheckRequest&) {
    ADD_FAILURE() << "no check is due";
    return Outcome::Fail;
  };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_TRUE(std::ranges::any_of(world.release.status.history, [](const HistoryEntry& entry) {
    return entry.reason == "AnalysisSkipped";
  }));
}

// The way out that docs and StableNotReady name.
TEST(Promotion, goes_past_a_stable_version_without_pods_where_the_analysis_is_skipped) {
  for (const auto mode : {ServiceMode::Placeholder, ServiceMode::Dedicated}) {
    World world;
    world.release.spec.service.mode = mode;
    world.release.spec.skip_analysis = true;
    world.stable_serves = false;
    world.run();
    EXPECT_EQ(world.phase(), Phase::Succeeded);
    EXPECT_TRUE(world.told("StableUnavailable"));
  }
}

TEST(Promotion, moves_the_owners_pinned_subset_before_the_routes_return_to_it) {
  World world;
  world.seen.foundation->pinned = true;
  world.run();
  const auto position = [&](const std::string& write) { return std::ranges::find(world.writes, write); };
  EXPECT_LT(position("Finalizing: move the owner's subset to the promoted version"),
            position("Finalizing: put the owner's routes back, on the promoted version"));
}

TEST(Promotion, in_dedicated_mode_moves_the_selector_once_and_only_at_the_end) {
  World world;
  world.release.spec.service.mode = ServiceMode::Dedicated;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_FALSE(world.wrote("Initializing: let the Service select both versions"));
  EXPECT_TRUE(world.wrote("Promoting: let the Service select the candidate"));
}

TEST(Pending, holds_while_the_candidate_is_not_ready_and_names_the_reason) {
  World world;
  world.candidate_serves = false;
  world.seen.candidate->pod_problem = "ImagePullBackOff: no such image";
  world.round();
  EXPECT_EQ(world.phase(), Phase::Pending);
  EXPECT_THAT(world.release.status.message, HasSubstr("0 of 2 pods ready (ImagePullBackOff"));
  EXPECT_TRUE(world.writes.empty());
}

TEST(Pending, refuses_two_workloads_of_one_version) {
  World world;
  world.seen.candidate->version = "v1";
  world.round();
  EXPECT_THAT(world.release.status.message, HasSubstr("both carry version=v1"));
}

TEST(Pending, touches_nothing_of_another_release_even_past_the_deadline) {
  World world;
  world.seen.obstacles = {{"Conflict", "OtherRelease", "Canary checkout-x releases Service checkout"}};
  world.seen.service->selects = Selects::Both;
  world.run([](const World& seen) { return seen.now > at(5000); });
  EXPECT_TRUE(world.writes.empty());
  EXPECT_EQ(world.phase(), Phase::Pending);
}

TEST(Pending, has_the_whole_deadline_once_the_release_before_it_is_over) {
  World world;
  world.seen.obstacles = {{"Conflict", "OtherRelease", "Canary checkout-x releases Service checkout"}};
  world.run([](const World& seen) { return seen.now > at(5000); });
  world.now = at(5000);
  world.seen.obstacles.clear();
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

// Nobody says that what stands in its way will ever go.
TEST(Pending, ends_at_the_deadline_where_a_name_is_taken) {
  World world;
  world.seen.obstacles = {{"Conflict", "NameTaken", "Service checkout-v2 exists and is not this release's"}};
  world.run([](const World& seen) { return seen.now > at(5000); });
  EXPECT_EQ(world.phase(), Phase::Failed);
  for (const auto& write : world.writes) EXPECT_THAT(write, HasSubstr("checkout-v2 to 0"));
}

TEST(Pending, does_not_scale_down_what_serves_when_the_target_is_stable_itself) {
  World world;
  world.seen.obstacles = {{"Progressing", "TargetIsStable", "the Service selects the target already"}};
  world.run([](const World& seen) { return seen.now > at(5000); });
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_TRUE(world.writes.empty());
}

TEST(Final, stays_silent) {
  World world;
  world.run();
  world.round();
  const auto decision = decide(world.release, world.seen, world.now + Seconds{3600});
  EXPECT_TRUE(decision.actions.empty());
  EXPECT_TRUE(decision.events.empty());
  EXPECT_FALSE(decision.requeue_after);
  EXPECT_EQ(decision.status, world.release.status);
}

TEST(Final, removes_the_canary_after_its_time_to_live) {
  World world;
  world.release.spec.ttl_after_finished = Seconds{60};
  world.run([](const World& seen) { return seen.gone; });
  world.round();
  EXPECT_FALSE(world.gone);
  world.pass(Seconds{60});
  world.round();
  EXPECT_TRUE(world.gone);
}

TEST(Final, deletes_what_it_made_and_was_found_late_and_is_silent_again) {
  World world;
  world.run();
  world.round();
  world.writes.clear();
  world.seen.leftovers = true;
  world.round();
  EXPECT_THAT(world.writes, ElementsAre("Succeeded: delete what the release has left"));
  EXPECT_FALSE(world.round());
}

TEST(Promotion, takes_marks_off_as_its_last_write) {
  World world;
  world.run_to(Phase::Finalizing);
  world.seen.marked = true;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  ASSERT_GE(world.writes.size(), 2U);
  EXPECT_EQ(world.writes[world.writes.size() - 2], "Finalizing: take the operator's marks off the objects");
}

// Its autoscaler leaves it half of its pods while the candidate has half of the traffic.
TEST(Promotion, gives_the_candidate_what_stable_had_as_the_release_began) {
  World world;
  world.run_to_step(3);
  world.seen.stable->replicas = 1;
  int pods = 0;
  world.on_write = [&](World& now) {
    if (now.writes.back() == "Promoting: route 100 % to the candidate") pods = now.seen.candidate->ready;
  };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(pods, 3);
}

TEST(Promotion, takes_the_selector_back_from_a_template_that_nobody_judged) {
  for (const auto mode : {ServiceMode::Placeholder, ServiceMode::Dedicated}) {
    World world;
    world.release.spec.service.mode = mode;
    world.on_write = [](World& now) {
      if (now.writes.back() == "Promoting: let the Service select the candidate" &&
          now.seen.candidate->template_hash == "h2")
        now.seen.candidate->template_hash = "h3";
    };
    world.run_to_write("Promoting: let the Service select the candidate");
    world.round();
    EXPECT_EQ(world.phase(), Phase::Promoting);
    EXPECT_NE(world.seen.service->selects, Selects::Candidate);
    world.round();
    EXPECT_EQ(world.phase(), Phase::Initializing);
    EXPECT_EQ(world.release.status.canary_weight, Weight::none());
    world.run();
    EXPECT_EQ(world.phase(), Phase::Succeeded);
    EXPECT_EQ(world.release.status.candidate.template_hash, "h3");
  }
}

TEST(Promotion, keeps_stables_pods_while_another_service_has_no_others) {
  for (const auto after : {AfterPromotion::Scale, AfterPromotion::Delete}) {
    World world;
    world.release.spec.stable.after_promotion = after;
    world.seen.stable_only_services = {"checkout-grpc", "checkout-metrics"};
    world.run();
    EXPECT_EQ(world.phase(), Phase::Succeeded);
    ASSERT_TRUE(world.seen.stable);
    EXPECT_EQ(world.seen.stable->replicas, 3);
    EXPECT_TRUE(world.told("OtherServices"));
    EXPECT_NE(world.release.status.message.find("Services checkout-grpc, checkout-metrics"),
              std::string::npos)
        << world.release.status.message;
  }
}

TEST(Promotion, keeps_stables_pods_while_a_route_that_it_does_not_move_has_no_others) {
  for (const auto after : {AfterPromotion::Scale, AfterPromotion::Delete}) {
    World world;
    world.release.spec.stable.after_promotion = after;
    world.seen.fixed_to_stable = {"a mirror names subset v1"};
    world.run();
    EXPECT_EQ(world.phase(), Phase::Succeeded);
    ASSERT_TRUE(world.seen.stable);
    EXPECT_EQ(world.seen.stable->replicas, 3);
    EXPECT_TRUE(world.told("PinnedToStable"));
    EXPECT_EQ(world.release.status.message,
              "checkout-v2 serves all traffic; checkout-v1 keeps its pods: a mirror names subset v1; lead it "
              "elsewhere, then scale checkout-v1 down");
  }
}

TEST(Promotion, says_nothing_of_routes_that_stay_with_a_stable_that_is_kept) {
  World world;
  world.release.spec.stable.after_promotion = AfterPromotion::Keep;
  world.seen.fixed_to_stable = {"a mirror names subset v1"};
  world.run();
  EXPECT_EQ(world.release.status.message, "checkout-v2 serves all traffic");
  EXPECT_FALSE(world.told("PinnedToStable"));
}

TEST(Final, forgets_what_was_asked_of_the_release_before_the_next_one_begins) {
  World world;
  world.run_to_step(2);
  world.seen.rollback_requested = "customers complain";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.rollback_requested, "");
  // Asked for when it was over already.
  world.seen.rollback_requested = "customers complain";
  world.release.spec.target.name = "checkout-v3";
  world.round();
  EXPECT_EQ(world.seen.rollback_requested, "");
  EXPECT_EQ(world.phase(), Phase::Failed);
  world.round();
  EXPECT_EQ(world.phase(), Phase::Pending);
}

TEST(Final, starts_again_for_another_target) {
  World world;
  world.run();
  world.release.spec.target.name = "checkout-v3";
  world.round();
  EXPECT_EQ(world.phase(), Phase::Pending);
  EXPECT_EQ(world.release.status.target, "checkout-v3");
  EXPECT_FALSE(world.release.status.history.empty());
}

}  // namespace
}  // namespace weir::strategies
