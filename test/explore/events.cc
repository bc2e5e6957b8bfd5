#include "test/explore/events.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "test/explore/edits.h"

namespace weir::explore {
namespace {

constexpr std::array<std::string_view, 6> kWatches{"the Canary", "Services",  "routes",
                                                   "rules",      "workloads", "endpoints"};
constexpr std::array<std::string_view, 3> kPartNames{"routes", "rule", "endpoints"};

Byte older(Byte age) { return age >= kNever - 1 ? age : static_cast<Byte>(age + 1); }

// A pod that was away for a moment has come anew.
bool deliver_endpoints(World& world) {
  if (!world.has_news(Aged::Endpoints)) return false;
  auto& caches = world.caches;
  const auto there = endpoints_of(world.objects);
  const std::array stayed{caches.endpoints.stable & there.stable & ~caches.broken[0],
                          caches.endpoints.candidate & there.candidate & ~caches.broken[1]};
  for (std::size_t version = 0; version < stayed.size(); ++version) {
    auto& ages = caches.pod_ages[version];
    for (std::size_t pod = 0; pod < ages.size(); ++pod) {
      if ((stayed[version] >> pod & 1) == 0) ages[pod] = 0;
    }
  }
  caches.endpoints = there;
  caches.broken = {};
  world.note_news(Aged::Endpoints, false);
  return true;
}

// A watch brings the newest objects of one kind; says whether there was any news.
bool deliver(World& world, std::size_t watch) {
  auto& caches = world.caches;
  auto& known = caches.objects;
  const auto& there = world.objects;
  const auto take = [](auto& mine, const auto& theirs) { return std::exchange(mine, theirs) != theirs; };
  const auto take_aged = [&](auto& mine, const auto& theirs, Aged aged, Byte& age) {
    if (!world.has_news(aged)) return false;
    mine = theirs;
    age = 0;
    world.note_news(aged, false);
    return true;
  };
  switch (watch) {
    case 0: {
      // An interval of another spec says nothing about this one.
      if (known.canary.suspend != there.canary.suspend ||
          known.canary.other_target != there.canary.other_target)
        world.question.outdated = true;
      return take(known.canary, there.canary);
    }
    case 1: {
      const bool service = take_aged(known.service, there.service, Aged::Service, caches.service_age);
      return take(known.own, there.own) || service;
    }
    case 2:
      return take_aged(known.routes, there.routes, Aged::Routes, caches.routes_age);
    case 3:
      return take_aged(known.rule, there.rule, Aged::Rule, caches.rule_age);
    case 4: {
      const bool stable = take(known.stable, there.stable);
      return take(known.candidate, there.candidate) || stable;
    }
    default:
      return deliver_endpoints(world);
  }
}

// Time passes only when no watch lags, and no proxy would have a change later than it is promised.
bool time_may_pass(const World& world) {
  if (!world.objects.canary.gone && !world.caches_are_fresh()) return false;
  return std::ranges::all_of(world.proxies, [](const Proxy& proxy) {
    return std::ranges::all_of(proxy.lag, [](Byte lag) { return lag == kNever || lag + 1 < kDelay; });
  });
}

void pass_time(World& world) {
  auto& record = world.record;
  auto& caches = world.caches;
  for (auto* age : {&record.step_age, &record.transition_age, &record.progress_age, &record.breaker_age,
                    &record.check_age, &caches.service_age, &caches.routes_age, &caches.rule_age,
                    &caches.watched_age, &world.question.age})
    *age = older(*age);
  const std::array known{caches.endpoints.stable, caches.endpoints.candidate};
  for (std::size_t version = 0; version < known.size(); ++version) {
    for (std::size_t pod = 0; pod < kMostPods; ++pod) {
      auto& age = caches.pod_ages[version][pod];
      if ((known[version] >> pod & 1) != 0) age = older(age);
    }
  }
  for (auto& proxy : world.proxies) {
    for (auto& lag : proxy.lag) lag = older(lag);
  }
}

// Who writes could not know of what comes after it, and before the proxies have what was written.
void excuse_what_is_on_its_way(World& world) {
  for (auto& proxy : world.proxies) {
    for (std::size_t part = 0; part < proxy.lag.size(); ++part)
      proxy.foreign[part] = proxy.lag[part] != kNever;
  }
}

class Steps {
 public:
  Steps(const World& world, const Decide& decide, const std::function<void(const Step&)>& visit)
      : world_(world), decide_(decide), visit_(visit) {
    step_.before = world;
  }

  void run() {
    if (!world_.objects.canary.gone) {
      operators();
      if (!strategies::is_final(world_.phase())) others();
    }
    proxies();
    if (time_may_pass(world_)) add({Kind::Time}, pass_time);
  }

 private:
  template <typename Change>
  void add(Event event, const Change& change) {
    World after = world_;
    change(after);
    finish(event, after, nullptr, 0);
  }

  void finish(Event event, const World& after, const Round* round, std::size_t writes) {
    step_.event = event;
    step_.after = after;
    step_.next = after;
    step_.round = round;
    step_.writes = writes;
    make_canonical(step_.next);
    visit_(step_);
  }

  // Of others than the operator.
  template <typename Change>
  void add_change(Event event, const Change& change) {
    add(event, [&](World& after) {
      const Objects before = after.objects;
      change(after);
      note_change(before, after, /*foreign=*/true);
    });
  }

  void operators() {
    const Round round = run_round(world_, decide_);
    const auto count = round.writes.size();
    finish({Kind::Round}, round.after, &round, count);
    if (world_.crashes_left > 0) {
      for (std::size_t i = 0; i < count; ++i) {
        World after = i == 0 ? world_ : round.writes[i - 1].after;
        --after.crashes_left;
        restart(after);
        finish({i == 0 ? Kind::Restart : Kind::CutRound, static_cast<Byte>(i)}, after, &round, i);
      }
      if (count == 0)
        add({Kind::Restart}, [](World& after) {
          --after.crashes_left;
          restart(after);
        });
    }
    for (std::size_t i = 0; i < kWatches.size(); ++i) {
      World after = world_;
      if (deliver(after, i)) finish({Kind::Watch, static_cast<Byte>(i)}, after, nullptr, 0);
    }
    if (world_.question.answer != Answer::Asked) return;
    for (const auto answer : {Answer::Pass, Answer::Fail, Answer::Inconclusive}) {
      add({Kind::Verdict, static_cast<Byte>(answer)}, [&](World& after) { after.question.answer = answer; });
    }
  }

  void others() {
    Byte which = 0;
    for (auto workload : {&Objects::stable, &Objects::candidate}) {
      const auto& pods = world_.objects.*workload;
      if (pods.exists && pods.ready < pods.replicas) {
        add_change({Kind::Pods, which},
                   [&](World& after) { (after.objects.*workload).ready = pods.replicas; });
      }
      ++which;
    }
    if (world_.objects.candidate.exists && !world_.objects.candidate.rolled_out) {
      add_change({Kind::RollOut}, [](World& after) { after.objects.candidate.rolled_out = true; });
    }
    if (world_.edits_left == 0) return;
    const auto all = edits();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].possible(world_)) continue;
      add_change({Kind::Edit, static_cast<Byte>(i)}, [&](World& after) {
        --after.edits_left;
        after.edited = true;
        all[i].apply(after.objects);
        excuse_what_is_on_its_way(after);
      });
    }
  }

  void proxies() {
    for (std::size_t proxy = 0; proxy < world_.proxies.size(); ++proxy) {
      for (const auto part : kParts) {
        const auto at = static_cast<std::size_t>(part);
        if (world_.proxies[proxy].lag[at] == kNever) continue;
        add({Kind::Proxy, static_cast<Byte>(kParts.size() * proxy + at)}, [&](World& after) {
          auto& one = after.proxies[proxy];
          copy(config_of(after.objects), one.config, part);
          one.lag[at] = kNever;
          one.foreign[at] = false;
        });
      }
    }
  }

  const World& world_;
  const Decide& decide_;
  const std::function<void(const Step&)>& visit_;
  Step step_;
};

std::string answer_text(Answer answer) {
  switch (answer) {
    case Answer::Pass:
      return "the interval passes";
    case Answer::Fail:
      return "the interval fails";
    case Answer::None:
    case Answer::Asked:
    case Answer::Inconclusive:
      break;
  }
  return "the interval is inconclusive";
}

}  // namespace

std::string describe(const Event& event) {
  switch (event.kind) {
    case Kind::Round:
      return "a round of the operator";
    case Kind::CutRound:
      return "a round of the operator, which dies after write " + std::to_string(event.which);
    case Kind::Restart:
      return "the operator dies, and another process takes its place";
    case Kind::Watch:
      return "the operator learns of " + std::string(kWatches[event.which]);
    case Kind::Proxy:
      return "a proxy takes the " + std::string(kPartNames[event.which % kParts.size()]);
    case Kind::Verdict:
      return answer_text(static_cast<Answer>(event.which));
    case Kind::Pods:
      return event.which == 0 ? "stable's pods are ready" : "the candidate's pods are ready";
    case Kind::RollOut:
      return "the candidate's newest template is rolled out";
    case Kind::Edit:
      return std::string(edits()[event.which].text);
    case Kind::Time:
      return "a unit of time passes";
  }
  return "";
}

void each_step(const World& world, const Decide& decide, const std::function<void(const Step&)>& visit) {
  Steps(world, decide, visit).run();
}

}  // namespace weir::explore
