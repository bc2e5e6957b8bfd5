// The process dies just before or just after each write of a scenario: the next one must finish the release,
// and no state in between may break an invariant.
#include <gtest/gtest.h>

#include "test/unit/strategies/world.h"

namespace weir::strategies {
namespace {

struct Scenario {
  std::string name;
  std::function<void(World&)> prepare;
  Phase end;
};

// Called with the state after every status and every write.
void expect_invariants(const World& world, bool& rolling_back, int& lowest) {
  const auto& seen = world.seen;
  const auto& status = world.release.status;
  const bool placeholder = world.release.spec.service.mode == ServiceMode::Placeholder;
  const bool managed = !seen.routes->original();
  const int weight = seen.routes->highest();
  if (managed) {
    if (weight > 0) {
      EXPECT_GT(seen.service->candidate_endpoints, 0) << "S2: candidate has weight and no endpoint";
    }
    if (weight < 100) {
      EXPECT_GT(seen.service->stable_endpoints, 0) << "S2: stable has weight and no endpoint";
    }
  }
  if (placeholder && seen.service->selects == Selects::Both) {
    EXPECT_EQ(seen.routes->unmanaged, 0) << "both versions selected while a route is not pinned";
  }
  if (placeholder && seen.service->selects == Selects::Candidate && managed) {
    EXPECT_EQ(weight, 100) << "S4: the selector moved before the routes";
  }
  if (status.phase == Phase::RollingBack && seen.service->selects != Selects::Candidate && managed) {
    if (rolling_back) {
      EXPECT_LE(weight, lowest) << "S7: the weight rose again";
    }
    rolling_back = true;
    lowest = weight;
  }
  if (status.phase == Phase::Progressing) {
    EXPECT_LE(weight, std::max(status.canary_weight.percent(), lowest)) << "S5: traffic leads status";
    lowest = weight;
  }
}

void play(const Scenario& scenario, int death, bool after, int& writes) {
  World world;
  scenario.prepare(world);
  int count = 0;
  bool died = false;
  world.dies = [&](const Action&) {
    const bool now = ++count == death;
    died = died || now;
    return now && !after;
  };
  bool rolling_back = false;
  int lowest = 0;
  world.check = [&](const World& seen) { expect_invariants(seen, rolling_back, lowest); };
  bool restarted = false;
  for (int i = 0; i < 400 && !(is_final(world.phase()) && !world.seen.has_finalizer); ++i) {
    if (!world.round() && !world.wait()) break;
    if (died && !restarted) {
      restarted = true;
      world.restart();
    }
  }
  writes = count;
  SCOPED_TRACE(scenario.name + ": death " + (after ? "after" : "before") + " write " + std::to_string(death));
  EXPECT_EQ(world.phase(), scenario.end);
  EXPECT_TRUE(world.seen.routes->original());
  EXPECT_FALSE(world.seen.any_version_services);
  EXPECT_FALSE(world.seen.foundation->added);
  EXPECT_FALSE(world.seen.marked);
  EXPECT_EQ(world.seen.service->selects,
            scenario.end == Phase::Succeeded ? Selects::Candidate : Selects::Stable);
  EXPECT_GT(scenario.end == Phase::Succeeded ? world.seen.candidate->ready : world.seen.stable->ready, 0);
}

std::vector<Scenario> scenarios() {
  const auto fails_at = [](int step) {
    return
        [step](const CheckRequest& request) { return request.step >= step ? Outcome::Fail : Outcome::Pass; };
  };
  return {
      {"promotion", [](World&) {}, Phase::Succeeded},
      {"promotion in dedicated mode",
       [](World& world) { world.release.spec.service.mode = ServiceMode::Dedicated; }, Phase::Succeeded},
      {"promotion with a pinned subset", [](World& world) { world.seen.foundation->pinned = true; },
       Phase::Succeeded},
      {"rollback at the first step", [=](World& world) { world.judge = fails_at(1); }, Phase::Failed},
      {"rollback at the last step", [=](World& world) { world.judge = fails_at(3); }, Phase::Failed},
      {"rollback in dedicated mode",
       [=](World& world) {
         world.release.spec.service.mode = ServiceMode::Dedicated;
         world.judge = fails_at(2);
       },
       Phase::Failed},
      {"rollback after the promotion",
       [](World& world) {
         world.release.spec.stable.scale_down_delay = Seconds{60};
         world.on_write = [](World& seen) {
           if (seen.writes.back() == "Finalizing: put the owner's routes back, on the promoted version") {
             seen.seen.rollback_requested = "customers complain";
           }
         };
       },
       Phase::Failed},
      {"deletion in the middle",
       [](World& world) {
         world.on_write = [](World& seen) {
           if (seen.writes.back() == "Progressing: route 20 % to the candidate") seen.seen.deleting = true;
         };
       },
       Phase::Failed},
  };
}

TEST(Crash, before_or_after_any_write_is_recovered_from) {
  int points = 0;
  for (const auto& scenario : scenarios()) {
    int writes = 0;
    play(scenario, 0, false, writes);
    for (int death = 1, total = writes; death <= total; ++death) {
      for (const bool after : {false, true}) {
        play(scenario, death, after, writes);
        ++points;
      }
    }
  }
  RecordProperty("crash_points", points);
  EXPECT_GT(points, 150);
}

}  // namespace
}  // namespace weir::strategies
