#include "test/explore/invariants.h"

#include <algorithm>
#include <string>

#include "strategies/plan.h"

namespace weir::explore {
namespace {

using Found = std::optional<Breach>;

bool serves(const Workload& workload) {
  return workload.exists && workload.ready > 0 && !workload.relabelled;
}

std::string per_cent(int value) { return std::to_string(value) + " %"; }

// Requests that meet one configuration, before and after something that the operator answers for.
Found traffic(const Way& before, const Way& after, const World& world, bool excused,
              const std::string& where) {
  const int authorised = world.record.weight;
  // Whoever answers is better than nobody.
  const bool rescues = after.lost < before.lost;
  if (after.candidate > before.candidate && after.candidate > authorised && !rescues) {
    return Breach{"S5", per_cent(after.candidate) + " of the requests " + where +
                            " go to the candidate, and status authorises " + per_cent(authorised)};
  }
  if (after.lost > before.lost && !excused) {
    return Breach{"lost", per_cent(after.lost) + " of the requests " + where +
                              " are answered by nobody, after " + per_cent(before.lost)};
  }
  return std::nullopt;
}

// ---- One write ----

// One decision may go through a phase without a stop.
bool may_come_to(Phase from, Phase to) {
  if (from == to || strategies::may_follow(from, to)) return true;
  for (int i = 0; i <= static_cast<int>(Phase::Failed); ++i) {
    const auto between = static_cast<Phase>(i);
    if (strategies::may_follow(from, between) && strategies::may_follow(between, to)) return true;
  }
  return false;
}

Found steps_passed(const World& before, const World& after) {
  const auto was = before.phase();
  const auto is = after.phase();
  if (!may_come_to(was, is)) {
    return Breach{
        "S9", std::string(strategies::to_string(is)) + " follows " + std::string(strategies::to_string(was))};
  }
  const bool promotes = is == Phase::Promoting && was != Phase::Promoting;
  const int needed = promotes ? static_cast<int>(kSteps.size()) : after.record.step - 1;
  const bool advances = promotes || (is == Phase::Progressing && after.record.step > before.record.step);
  const int wanted = (1 << std::max(needed, 0)) - 1;
  if (advances && (after.passed & wanted) != wanted)
    return Breach{"S6", "step " + std::to_string(needed) + " has not passed for this template"};
  const bool rises = after.record.weight > before.record.weight;
  // What takes over while stable has nobody to answer needs no verdict.
  const bool rescue = after.record.weight == 100 && before.caches.endpoints.stable == 0;
  const int step = std::clamp<int>(after.record.step, 1, static_cast<int>(kSteps.size()));
  const bool beyond = after.record.weight > kSteps[static_cast<std::size_t>(step) - 1];
  if (rises && is == Phase::Progressing && beyond && !rescue)
    return Breach{"S6",
                  per_cent(after.record.weight) + " is above the weight of step " + std::to_string(step)};
  if (rises && is == Phase::RollingBack) return Breach{"S7", "the weight rises after a rollback has begun"};
  // By the promotion the Service's selector has moved already.
  if (rises && before.caches.objects.canary.suspend && is != Phase::Finalizing)
    return Breach{"S16", "the weight rises while spec.suspend is true"};
  return std::nullopt;
}

// What a release leaves when it is over.
Found ended(const World& before, const World& after) {
  const bool ends = strategies::is_final(after.phase()) && !strategies::is_final(before.phase());
  // A release that never began has touched nothing, and mends nothing.
  const bool touched = before.record.pod_template != 0;
  if (!ends || !touched || !after.operator_knows()) return std::nullopt;
  const auto& objects = after.objects;
  if (objects.routes.exists && objects.routes.form != Form::Owners)
    return Breach{"S17", "the release ends, and the routes are not as their owner wrote them"};
  const auto selects = static_cast<Selects>(objects.service.selects);
  const bool promoted = after.phase() == Phase::Succeeded;
  // Whose pods others have taken away has them again when they come back.
  if (selects == (promoted ? Selects::Candidate : Selects::Stable)) return std::nullopt;
  const auto way = way_of(config_of(objects), objects);
  if (way.lost > 0 && objects.service.exists && (serves(objects.stable) || serves(objects.candidate))) {
    return Breach{"S17", "the release ends, and " + per_cent(way.lost) +
                             " of the requests are answered by nobody while a version has ready pods"};
  }
  return std::nullopt;
}

Found selected(const World& before, const World& after) {
  const auto selects = static_cast<Selects>(after.objects.service.selects);
  if (selects != Selects::Candidate || after.phase() != Phase::Promoting) return std::nullopt;
  const auto& candidate = after.objects.candidate;
  const auto& stable = after.objects.stable;
  const auto& seen = before.caches.objects.stable;
  const int needed = std::max<int>(1, std::min(stable.ready, seen.exists ? seen.ready : stable.ready));
  if (candidate.ready < needed) {
    return Breach{"S3", "the Service selects the candidate, which has " + std::to_string(candidate.ready) +
                            " of " + std::to_string(needed) + " ready pods"};
  }
  if (candidate.pod_template != after.judged)
    return Breach{"S6", "the Service selects a template of the candidate that was not judged"};
  return std::nullopt;
}

// Pods go only when nothing leads to them, whether a request is lost this time or not.
Found scaled_down(const World& before, const World& after) {
  const auto& objects = before.objects;
  const bool stable = after.objects.stable.replicas < objects.stable.replicas;
  const auto config = config_of(objects);
  const auto behind = endpoints_of(objects);
  const bool divided = config.form == static_cast<Byte>(Form::Pair);
  const bool led_to = stable ? behind.stable > 0 && (!divided || config.weight < 100)
                             : behind.candidate > 0 && (!divided || config.weight > 0);
  if (!led_to) return std::nullopt;
  return Breach{"S18", std::string(stable ? "stable" : "the candidate") +
                           " is scaled down, and routes and selector still lead to its pods"};
}

Found of_deed(Deed deed, const World& before, const World& after) {
  switch (deed) {
    case Deed::Status:
      if (auto found = steps_passed(before, after)) return found;
      return ended(before, after);
    case Deed::Select:
      return selected(before, after);
    case Deed::ScaleDown:
      return before.operator_knows() ? scaled_down(before, after) : std::nullopt;
    case Deed::Route:
      if (after.objects.routes.weight <= after.record.weight || after.phase() == Phase::RollingBack)
        return std::nullopt;
      return Breach{"S5", "the routes give the candidate " + per_cent(after.objects.routes.weight) +
                              ", and status authorises " + per_cent(after.record.weight)};
    case Deed::Finalizer:
    case Deed::LetGo:
    case Deed::MakeOwnService:
    case Deed::DeleteOwnService:
    case Deed::Prepare:
    case Deed::CleanUp:
    case Deed::Restore:
    case Deed::ScaleUp:
    case Deed::RemoveLeftovers:
      return std::nullopt;
  }
  return std::nullopt;
}

bool nobody_serves(const Objects& objects) { return !serves(objects.stable) && !serves(objects.candidate); }

Found of_write(Deed deed, const World& before, const World& after, const World& seen) {
  if (auto found = of_deed(deed, before, after)) return found;
  if (deed == Deed::Status || !seen.operator_knows()) return std::nullopt;
  const bool excused = nobody_serves(after.objects);
  const auto by_objects = [&](const World& world) { return way_of(config_of(world.objects), world.objects); };
  if (auto found = traffic(by_objects(before), by_objects(after), after, excused, "by the objects"))
    return found;
  for (std::size_t i = 0; i < after.proxies.size(); ++i) {
    const auto way = [&](const World& world) { return way_of(world.proxies[i].config, world.objects); };
    if (auto found = traffic(way(before), way(after), after, excused, "through a proxy")) return found;
  }
  return std::nullopt;
}

// ---- A proxy ----

// Traffic leaves a version that has no endpoint, or goes back to stable, at once: whatever others have just
// done to what is behind the Service, and whether this proxy has it yet.
bool is_rescue(const Proxy& before, const Way& was, const World& world) {
  const auto& routes = world.objects.routes;
  if (routes.form != Form::Pair) return false;
  const auto behind = endpoints_of(world.objects);
  const bool torn = was.lost > 0 || before.foreign[static_cast<std::size_t>(Part::Endpoints)];
  const bool falls = routes.weight < before.config.weight;
  return falls ? torn || behind.candidate == 0 : behind.stable == 0;
}

Found of_delivery(const Step& step) {
  const auto proxy = step.event.which / kParts.size();
  const auto part = step.event.which % kParts.size();
  const auto& before = step.before.proxies[proxy];
  if (before.foreign[part]) return std::nullopt;
  const auto was = way_of(before.config, step.before.objects);
  auto is = way_of(step.after.proxies[proxy].config, step.after.objects);
  const bool routed = part == static_cast<std::size_t>(Part::Routes);
  const auto& routes = step.after.objects.routes;
  const bool excused = nobody_serves(step.after.objects) || (routed && is_rescue(before, was, step.after));
  // The weight of divided routes was judged as it was written, and may have been taken back since then.
  if (routed && routes.form == Form::Pair) is.candidate = 0;
  return traffic(was, is, step.after, excused, "through a proxy");
}

}  // namespace

Found breach_of(const Step& step) {
  if (step.event.kind == Kind::Proxy) return of_delivery(step);
  if (step.round == nullptr) return std::nullopt;
  const World* before = &step.before;
  for (std::size_t i = 0; i < step.writes; ++i) {
    const auto& write = step.round->writes[i];
    if (auto found = of_write(write.deed, *before, write.after, step.before)) return found;
    before = &write.after;
  }
  return std::nullopt;
}

Found breach_at_rest(const World& world) {
  const auto& objects = world.objects;
  const auto phase = world.phase();
  const bool serviced = objects.service.exists && !nobody_serves(objects);
  const auto way = way_of(config_of(objects), objects);
  if (objects.canary.gone || strategies::is_final(phase)) {
    const bool waits = objects.canary.deleting && !objects.canary.gone;
    if (waits) return Breach{"L4", "the Canary is deleted, and keeps its finalizer"};
    return std::nullopt;
  }
  if (objects.canary.suspend && !objects.canary.deleting) return std::nullopt;
  // There is no version to go back to.
  if (phase == Phase::RollingBack && !serves(objects.stable)) return std::nullopt;
  if (serviced && way.lost > 0) {
    return Breach{
        "lost", per_cent(way.lost) + " of the requests are answered by nobody, and nothing will change that"};
  }
  return Breach{
      "L3", "phase " + std::string(strategies::to_string(phase)) + " is stood in, and nothing will end it"};
}

}  // namespace weir::explore
