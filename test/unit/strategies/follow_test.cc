// What the state machine makes of what proxies were counted to send.
#include <gmock/gmock.h>

#include "strategies/context.h"
#include "test/unit/strategies/world.h"

namespace weir::strategies {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kLags =
    "checkout-v2 got 31 of 310 requests (10 %); not followed by gateway-1 with 31 of 310";

World counted() {
  World world;
  world.seen.uncountable.clear();
  return world;
}

// Proxies lag while the candidate has this weight, until `end`.
void lag(World& world, Weight weight, TimePoint end = TimePoint::max(),
         Division division = Division::Differs) {
  world.count = [weight, end, division](const CheckRequest& request) {
    const bool lags = request.weight == weight && request.window_end < end;
    return lags ? Tally{.division = division, .message = kLags}
                : Tally{.division = Division::Agrees, .message = "as the routes say"};
  };
}

Condition follows(const World& world) {
  const auto& all = world.release.status.conditions;
  const auto found = std::ranges::find(all, kTrafficFollows, &Condition::type);
  return found == all.end() ? Condition{} : *found;
}

std::vector<Event> told(const World& world, const std::string& reason) {
  std::vector<Event> found;
  std::ranges::copy_if(world.events, std::back_inserter(found),
                       [&](const Event& event) { return event.reason == reason; });
  return found;
}

TEST(Follow, does_not_change_what_a_release_writes_where_all_proxies_follow) {
  World plain;
  plain.run();
  auto world = counted();
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.writes, plain.writes);
  EXPECT_EQ(follows(world).status, ConditionStatus::True);
  EXPECT_EQ(follows(world).reason, "Counted");
}

TEST(Follow, is_known_by_the_timer_alone_where_nothing_counts_and_status_says_so) {
  World world;
  world.seen.uncountable = "no metric of the release counts requests";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(follows(world).status, ConditionStatus::Unknown);
  EXPECT_EQ(follows(world).reason, "NotCounted");
  EXPECT_EQ(follows(world).message,
            "that proxies follow the routes is known by spec.routing.propagationDelay (5 s) alone: no metric "
            "of the "
            "release counts requests");
}

TEST(Follow, of_a_service_whose_requests_are_not_all_divided_is_not_asked_for_before_pods_go) {
  auto world = counted();
  world.seen.not_isolated = {"VirtualService other is not bound to the mesh"};
  lag(world, percent(10));
  world.run_to_step(2);
  EXPECT_EQ(world.release.status.step, 2);
  EXPECT_THAT(follows(world).message, HasSubstr("condition TrafficIsolated"));
}

// Whoever writes routes in a namespace of their own must not switch the count off.
TEST(Follow, is_counted_of_trusted_proxies_where_others_have_routes_of_their_own) {
  auto world = counted();
  world.seen.not_isolated_untrusted = {"a route of namespace web leads to Service checkout"};
  world.count = [&](const CheckRequest& request) {
    EXPECT_EQ(request.only_trusted, !request.direct) << to_string(world.phase());
    const bool lags = request.weight == percent(10) && request.window_end < at(200);
    return lags ? Tally{.division = Division::Differs, .message = kLags}
                : Tally{.division = Division::Agrees};
  };
  world.run([](const World& w) { return follows(w).reason == kRoutingMismatch; });
  EXPECT_EQ(world.release.status.step, 1);
  EXPECT_TRUE(world.told("TrafficNotIsolated"));
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Follow, is_waited_for_only_a_while_of_proxies_that_are_not_trusted) {
  auto world = counted();
  lag(world, percent(10), TimePoint::max(), Division::UntrustedDiffers);
  world.run([](const World& w) { return follows(w).reason == kUntrustedMismatch; });
  const auto begun = world.now;
  EXPECT_EQ(follows(world).status, ConditionStatus::False);
  EXPECT_EQ(world.release.status.message, kLags);
  world.run_to_step(2);
  EXPECT_GE(world.now - begun, Seconds{300});
  EXPECT_LE(world.now - begun, Seconds{300} + world.release.spec.interval);
  EXPECT_EQ(told(world, "UntrustedMismatch").size(), 1U) << "once";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(follows(world).status, ConditionStatus::True);
}

TEST(Follow, of_proxies_that_are_not_trusted_is_waited_for_beside_what_was_waited_for_trusted_ones) {
  auto world = counted();
  world.count = [](const CheckRequest& request) {
    if (request.weight != percent(10)) return Tally{.division = Division::Agrees};
    const bool trusted = request.window_end < at(200);
    return Tally{.division = trusted ? Division::Differs : Division::UntrustedDiffers, .message = kLags};
  };
  world.run([](const World& w) { return follows(w).reason == kRoutingMismatch; });
  const auto before = world.now;
  world.run([](const World& w) { return follows(w).reason == kUntrustedMismatch; });
  const auto begun = follows(world).last_transition_time;
  EXPECT_GE(begun - before, world.release.spec.interval);
  world.run_to_step(2);
  EXPECT_GE(world.now - begun, Seconds{300});
  EXPECT_LE(world.now - begun, Seconds{300} + 2 * world.release.spec.interval);
}

TEST(Follow, is_waited_for_no_longer_where_a_clock_that_was_ahead_said_that_it_lags) {
  auto world = counted();
  lag(world, percent(10), TimePoint::max(), Division::UntrustedDiffers);
  world.run([](const World& w) { return follows(w).reason == kUntrustedMismatch; });
  for (auto& condition : world.release.status.conditions)
    condition.last_transition_time = world.now + Seconds{86400};
  world.release.status.started_at = world.now + Seconds{86400};
  const auto begun = world.now;
  world.run_to_step(2);
  EXPECT_EQ(world.release.status.step, 2);
  EXPECT_LE(world.now - begun, Seconds{300} + 2 * world.release.spec.interval);
  EXPECT_LE(*world.release.status.started_at, world.now);
}

TEST(Follow, that_never_comes_about_of_proxies_that_are_not_trusted_costs_one_wait_and_takes_no_pods) {
  auto plain = counted();
  plain.run();
  auto world = counted();
  world.count = [](const CheckRequest&) {
    return Tally{.division = Division::UntrustedDiffers, .message = kLags};
  };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.seen.service->selects, Selects::Candidate);
  EXPECT_EQ(world.seen.stable->replicas, 3) << "somebody's requests still reach them";
  EXPECT_TRUE(world.told("StableKept"));
  EXPECT_LE(world.now - plain.now, Seconds{300} + 2 * world.release.spec.interval);
}

TEST(Follow, of_proxies_that_are_not_trusted_leaves_the_candidate_its_pods_on_the_way_back) {
  auto world = counted();
  world.judge = [](const CheckRequest& request) { return request.step == 2 ? Outcome::Fail : Outcome::Pass; };
  world.run_to(Phase::RollingBack);
  const auto began = world.now;
  lag(world, percent(0), TimePoint::max(), Division::UntrustedDiffers);
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.candidate->replicas, 2);
  EXPECT_TRUE(world.told("CandidateKept"));
  EXPECT_LE(world.now - began, Seconds{300} + 3 * world.release.spec.interval);
}

TEST(Follow, holds_a_step_whose_checks_pass_while_a_proxy_lags) {
  auto world = counted();
  lag(world, percent(10), at(200));
  world.run([](const World& w) { return w.release.status.checks_in_step == 3; });
  EXPECT_EQ(world.release.status.step, 1);
  EXPECT_EQ(world.release.status.message, kLags);
  EXPECT_EQ(follows(world).status, ConditionStatus::False);
  EXPECT_EQ(follows(world).reason, "RoutingMismatch");
  ASSERT_EQ(told(world, "RoutingMismatch").size(), 1U) << "once";
  EXPECT_EQ(told(world, "RoutingMismatch").front().severity, Severity::Warning);
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Follow, that_does_not_come_about_takes_the_release_back_at_the_deadline) {
  auto world = counted();
  lag(world, percent(10));
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.release.status.rollback_reason, "ProgressDeadlineExceeded");
  EXPECT_THAT(world.release.status.message, HasSubstr(kLags));
}

TEST(Follow, does_not_keep_a_failed_check_from_counting) {
  auto world = counted();
  lag(world, percent(10));
  world.judge = [](const CheckRequest&) { return Outcome::Fail; };
  world.run();
  EXPECT_EQ(world.release.status.rollback_reason, "AnalysisFailed");
}

TEST(Follow, is_what_is_said_of_a_candidate_that_no_request_reaches) {
  auto world = counted();
  lag(world, percent(10));
  world.judge = [](const CheckRequest&) { return Outcome::Inconclusive; };
  world.run([](const World& w) { return w.release.status.checks_in_step == 1; });
  EXPECT_EQ(world.release.status.message, kLags);
}

TEST(Follow, is_waited_for_before_the_selector_moves) {
  auto world = counted();
  lag(world, percent(100), at(400));
  world.run([](const World& w) { return follows(w).reason == kRoutingMismatch; });
  EXPECT_EQ(world.phase(), Phase::Promoting);
  EXPECT_EQ(world.release.status.message, kLags);
  const auto before = world.now;
  world.run([](const World& w) { return w.seen.service->selects == Selects::Candidate; });
  EXPECT_GE(world.now, at(400));
  EXPECT_GT(world.now, before);
  EXPECT_EQ(told(world, "RoutingMismatch").size(), 1U) << "once";
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.seen.stable->replicas, 0);
}

TEST(Follow, is_counted_over_an_interval_that_begins_when_the_routes_are_everywhere) {
  auto world = counted();
  std::vector<CheckRequest> counts;
  const auto agrees = world.count;
  world.count = [&](const CheckRequest& request) {
    if (!request.judges) counts.push_back(request);
    return agrees(request);
  };
  world.run_to(Phase::Finalizing);
  ASSERT_EQ(counts.size(), 1U);
  const auto& spec = world.release.spec;
  EXPECT_EQ(counts.front().weight, Weight::all());
  EXPECT_EQ(counts.front().window, spec.interval);
  EXPECT_EQ(counts.front().earliest, *world.release.status.step_started_at + spec.routing.propagation_delay);
  EXPECT_GE(counts.front().window_end - counts.front().window, counts.front().earliest);
}

// Another release writes to the same object every few seconds.
TEST(Follow, is_not_counted_anew_for_what_changes_beside_the_own_destinations) {
  auto world = counted();
  world.run([](const World& w) { return w.phase() == Phase::Promoting && w.seen.routes->at(Weight::all()); });
  const auto written = world.now;
  world.run([&](const World& w) {
    world.seen.routes->divided_age = w.now - written;
    world.seen.routes->age = Seconds{6};
    return w.seen.service->selects == Selects::Candidate || w.phase() == Phase::RollingBack;
  });
  EXPECT_EQ(world.seen.service->selects, Selects::Candidate);
  const auto& spec = world.release.spec;
  EXPECT_LE(world.now - written, 2 * spec.interval + spec.routing.propagation_delay);
}

TEST(Follow, keeps_the_selector_where_it_is_while_nobody_answers_who_counts) {
  auto world = counted();
  world.count = [](const CheckRequest& request) {
    return request.judges ? Tally{.division = Division::Agrees}
                          : Tally{.answered = false, .message = "Prometheus did not answer"};
  };
  world.run();
  EXPECT_FALSE(world.wrote("Promoting: let the Service select the candidate"));
  EXPECT_EQ(world.release.status.rollback_reason, "ProgressDeadlineExceeded");
  EXPECT_EQ(world.phase(), Phase::Failed) << "a way back waits for no server";
  EXPECT_EQ(world.seen.candidate->replicas, 0);
}

TEST(Follow, is_not_waited_for_from_a_server_that_is_down_where_no_analysis_is_asked_for) {
  auto world = counted();
  world.release.spec.skip_analysis = true;
  world.count = [](const CheckRequest&) { return Tally{.answered = false, .message = "no answer"}; };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Follow, is_waited_for_before_stables_pods_go) {
  auto world = counted();
  world.run_to(Phase::Finalizing);
  const auto until = world.now + Seconds{300};
  lag(world, percent(100), until);
  world.run([](const World& w) { return w.seen.stable->replicas == 0; });
  EXPECT_GE(world.now, until);
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

TEST(Follow, that_never_comes_about_leaves_stable_its_pods) {
  auto world = counted();
  world.run_to(Phase::Finalizing);
  const auto began = world.now;
  lag(world, percent(100));
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(world.seen.stable->replicas, 3);
  EXPECT_LE(world.now - began, world.release.spec.progress_deadline + Seconds{60});
  EXPECT_TRUE(world.told("StableKept"));
  EXPECT_THAT(
      world.release.status.message,
      StartsWith("checkout-v2 serves all traffic; checkout-v1 keeps its pods, which still get requests"));
}

TEST(Follow, is_waited_for_on_the_way_back_after_the_routes_and_before_all_else) {
  auto world = counted();
  world.judge = [](const CheckRequest& request) { return request.step == 2 ? Outcome::Fail : Outcome::Pass; };
  world.run_to(Phase::RollingBack);
  EXPECT_TRUE(world.seen.routes->at(Weight::none())) << "weight waits for nothing";
  const auto until = world.now + Seconds{200};
  lag(world, percent(0), until);
  world.run([](const World& w) { return w.seen.service->selects == Selects::Stable; });
  EXPECT_GE(world.now, until);
  EXPECT_EQ(world.seen.candidate->replicas, 2);
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.candidate->replicas, 0);
}

TEST(Follow, that_never_comes_about_on_the_way_back_leaves_the_candidate_its_pods) {
  auto world = counted();
  world.judge = [](const CheckRequest& request) { return request.step == 2 ? Outcome::Fail : Outcome::Pass; };
  world.run_to(Phase::RollingBack);
  const auto began = world.now;
  lag(world, percent(0));
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_EQ(world.seen.service->selects, Selects::Stable);
  EXPECT_EQ(world.seen.candidate->replicas, 2);
  EXPECT_LE(world.now - began, world.release.spec.progress_deadline + Seconds{60});
  EXPECT_TRUE(world.told("CandidateKept"));
}

TEST(Follow, is_no_matter_for_a_candidate_that_cannot_answer) {
  auto world = counted();
  world.run_to_step(2);
  world.candidate_serves = false;
  world.count = [](const CheckRequest&) {
    ADD_FAILURE() << "counted";
    return Tally{};
  };
  const auto lost = world.now;
  world.run();
  EXPECT_EQ(world.phase(), Phase::Failed);
  EXPECT_LE(world.now - lost, Seconds{120});
}

TEST(Follow, is_counted_anew_by_another_process) {
  auto world = counted();
  lag(world, percent(100), at(400));
  world.run([](const World& w) { return follows(w).reason == kRoutingMismatch; });
  world.restart();
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_TRUE(world.wrote("Promoting: let the Service select the candidate"));
}

// A window of one interval may hold fewer than two scrapes; a later one holds them.
TEST(Follow, waits_for_a_window_that_is_long_enough) {
  auto world = counted();
  std::vector<TimePoint> asked;
  world.count = [&](const CheckRequest& request) {
    if (!request.judges) asked.push_back(request.window_end);
    const bool early = request.window_end - request.earliest < 2 * Seconds{30};
    return early ? Tally{.too_early = true, .message = "shorter than two scrapes"}
                 : Tally{.division = Division::Agrees, .message = "as the routes say"};
  };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_EQ(follows(world).reason, "Counted");
  ASSERT_GE(asked.size(), 2U);
}

TEST(Follow, keeps_a_step_that_passed_until_its_window_is_long_enough_to_count) {
  auto world = counted();
  world.count = [&](const CheckRequest& request) {
    const bool early = request.window_end - request.earliest < 2 * world.release.spec.interval;
    return early ? Tally{.too_early = true, .message = "shorter than two scrapes"}
                 : Tally{.division = Division::Agrees, .message = "as the routes say"};
  };
  world.run([](const World& w) { return w.release.status.checks_in_step == 1; });
  EXPECT_EQ(world.release.status.step, 1);
  EXPECT_EQ(world.release.status.message, "shorter than two scrapes");
  world.run([](const World& w) { return w.release.status.step == 2; });
  EXPECT_EQ(world.release.status.step, 2);
}

TEST(Follow, counts_requests_past_the_divided_routes_only_before_pods_go) {
  auto world = counted();
  world.count = [&](const CheckRequest& request) {
    EXPECT_EQ(request.direct, world.phase() == Phase::Finalizing) << to_string(world.phase());
    return Tally{.division = Division::Agrees, .message = "as the routes say"};
  };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
}

// Up to then requests that no divided route carries reach the pods rightly.
TEST(Follow, counts_before_pods_go_only_what_was_sent_since_the_selector_moved) {
  for (const auto end : {Phase::Succeeded, Phase::Failed}) {
    auto world = counted();
    TimePoint moved;
    world.on_write = [&](World& w) {
      if (w.writes.back().find("let the Service select") != std::string::npos) moved = w.now;
    };
    if (end == Phase::Failed) {
      world.judge = [](const CheckRequest& request) {
        return request.step == 2 ? Outcome::Fail : Outcome::Pass;
      };
      world.run_to_write("RollingBack: route 0 % to the candidate");
      lag(world, percent(0), world.now + Seconds{120});
    }
    int counts = 0;
    const auto others = world.count;
    world.count = [&](const CheckRequest& request) {
      if (!request.direct) return others(request);
      ++counts;
      const auto begin = moved + world.release.spec.routing.propagation_delay;
      EXPECT_GE(request.earliest, begin) << to_string(end);
      EXPECT_GE(request.window_end - request.window, begin) << to_string(end);
      return Tally{.division = Division::Agrees, .message = "as the routes say"};
    };
    world.run();
    EXPECT_EQ(world.phase(), end);
    EXPECT_EQ(counts, 1) << to_string(end);
  }
}

TEST(Follow, counts_before_pods_go_however_long_they_were_kept) {
  auto world = counted();
  world.release.spec.stable.scale_down_delay = Seconds{3600};
  bool counted_late = false;
  world.count = [&](const CheckRequest& request) {
    counted_late = counted_late || (world.phase() == Phase::Finalizing && request.counts);
    return Tally{.division = Division::Agrees, .message = "as the routes say"};
  };
  world.run();
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  EXPECT_TRUE(counted_late);
}

}  // namespace
}  // namespace weir::strategies
