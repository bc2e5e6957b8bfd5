// Whether proxies follow the routes: counted where that can be, before anything relies on it.
#include <algorithm>

#include "strategies/phases.h"

namespace weir::strategies {
namespace {

// What was counted up to now is believed for so long, or for an interval if that is longer: an answer may
// take a while.
constexpr Seconds kBelieved{60};
// How soon it is looked for an answer of which no word comes.
constexpr Seconds kAnswerLook{5};

// For so long a release waits for proxies that it does not trust, and for no more than half of its progress
// deadline: whoever controls one may let it send what it likes. Afterwards it goes on, but takes no pods away
// that still get their requests.
constexpr Seconds kPatience{300};

Milliseconds patience(const Spec& spec) {
  return std::min<Milliseconds>(kPatience, Milliseconds{spec.progress_deadline} / 2);
}

// The propagation delay is over, and that is all that is known.
void say_only_timer(Context& context, const std::string& why) {
  const auto seconds = std::chrono::duration<double>(context.spec.routing.propagation_delay).count();
  auto delay = std::to_string(seconds);
  delay.erase(delay.find_last_not_of('0') + 1);
  if (delay.ends_with('.')) delay.pop_back();
  context.condition(kTrafficFollows, ConditionStatus::Unknown, "NotCounted",
                    "that proxies follow the routes is known by spec.routing.propagationDelay (" + delay +
                        " s) alone: " + (why.empty() ? std::string("nothing was counted") : why));
}

// Towards the promotion whoever counts is waited for, as for metrics; on the way back, and where nobody asks
// for an analysis, nothing waits for a server that is down.
bool needs_answer(const Context& context) {
  return context.status().phase == Phase::Promoting && !context.spec.skip_analysis;
}

bool is_said_to_follow(const Context& context) {
  const auto* said = context.find(kTrafficFollows);
  return said != nullptr && said->status == ConditionStatus::True;
}

bool is_untrusted_said_to_lag(const Context& context) {
  const auto* said = context.find(kTrafficFollows);
  return said != nullptr && said->reason == kUntrustedMismatch;
}

// Only proxies lag that are not trusted. The patience with them begins when they are the only ones: what
// trusted ones were waited for before is none of it.
Follows read_untrusted(Context& context, const std::string& message) {
  const bool begins = !is_untrusted_said_to_lag(context);
  context.condition(kTrafficFollows, ConditionStatus::False, std::string(kUntrustedMismatch), message);
  auto& since =
      std::ranges::find(context.status().conditions, kTrafficFollows, &Condition::type)->last_transition_time;
  if (begins) since = context.now;
  const TimePoint end = since + patience(context.spec);
  if (context.now >= end) return Follows::Yes;
  context.again_at(end);
  context.say_held(std::string(kUntrustedMismatch), message, Severity::Warning);
  return Follows::No;
}

Follows read(Context& context, const Tally& tally) {
  switch (tally.division) {
    case Division::Agrees:
      // After the promotion the count before it is what a person wants to read.
      if (context.status().phase != Phase::Finalizing || !is_said_to_follow(context))
        context.condition(kTrafficFollows, ConditionStatus::True, "Counted", tally.message);
      return Follows::Yes;
    case Division::UntrustedDiffers:
      return read_untrusted(context, tally.message);
    case Division::Differs:
      context.condition(kTrafficFollows, ConditionStatus::False, std::string(kRoutingMismatch),
                        tally.message);
      context.say_held(std::string(kRoutingMismatch), tally.message, Severity::Warning);
      return Follows::No;
    case Division::NotCounted:
      if (tally.too_early) return Follows::Unknown;
      break;
  }
  say_only_timer(context, tally.message);
  if (tally.answered || !needs_answer(context)) return Follows::Yes;
  context.say_held(std::string(kCheckInconclusive), "before the selector moves: " + tally.message,
                   Severity::Warning);
  return Follows::No;
}

// What is to be counted: requests that were sent once every proxy had what has been in the routes `since`
// then, up to `until` at least.
struct Count {
  TimePoint since;
  TimePoint until;
  bool direct = false;  // with those to the Service that no divided route carries
};

// The last count of this kind, of the weight that the routes have now; null: none is known.
const Verdict* last_count(const Context& context, bool direct) {
  const auto& verdict = context.seen.verdict;
  const bool is_one = verdict && !verdict->judges && verdict->direct == direct &&
                      verdict->generation == context.seen.generation &&
                      verdict->weight == context.status().canary_weight;
  return is_one ? &*verdict : nullptr;
}

// One interval after the routes are everywhere, and again one after each count that is believed.
void ask(Context& context, TimePoint earliest, const Verdict* last, bool believed, bool direct) {
  const auto& status = context.status();
  const auto& interval = context.spec.interval;
  TimePoint due = earliest + interval;
  if (believed) due = std::max<TimePoint>(due, last->window_end + interval);
  if (context.now < due) return context.again_at(due);
  context.again_in(kAnswerLook);
  context.out.check = CheckRequest{.step = status.step,
                                   .steps = status.steps,
                                   .index = last != nullptr ? last->index + 1 : 1,
                                   .step_started_at = status.step_started_at,
                                   .weight = status.canary_weight,
                                   .template_hash = status.candidate.template_hash,
                                   .due = due,
                                   .earliest = earliest,
                                   .window_end = context.now,
                                   .window = interval,
                                   .counts = true,
                                   .direct = direct,
                                   .only_trusted = !direct && !context.seen.not_isolated_untrusted.empty(),
                                   .judges = false};
}

Follows by_count(Context& context, const Count& count) {
  const TimePoint earliest = count.since + context.spec.routing.propagation_delay;
  const auto* last = last_count(context, count.direct);
  // What ends later than now was counted by a clock that was wrong.
  const bool believed = last != nullptr && last->window_end <= context.now &&
                        last->window_end >= count.until &&
                        context.now - last->window_end <= std::max(context.spec.interval, kBelieved) &&
                        earliest <= last->earliest + kClocksApart;
  const auto follows = believed ? read(context, last->tally) : Follows::Unknown;
  if (follows != Follows::Yes) ask(context, earliest, last, believed, count.direct);
  return follows;
}

}  // namespace

std::string why_not_counted(const Context& context) {
  if (!context.seen.uncountable.empty() || context.seen.not_isolated.empty()) return context.seen.uncountable;
  return "some requests of Service " + context.spec.service.name +
         " are not divided by the release (condition TrafficIsolated)";
}

Follows check_followers(Context& context, TimePoint since) {
  const auto why = why_not_counted(context);
  if (why.empty()) return by_count(context, {.since = since, .until = since});
  say_only_timer(context, why);
  return Follows::Yes;
}

Next await_no_requests(Context& context, const std::function<Next()>& give_up) {
  if (const auto& why = context.seen.uncountable; !why.empty()) {
    say_only_timer(context, why);
    return Next::Done;
  }
  const auto entered = context.status().last_transition_time.value_or(context.now);
  // While the selector was another one, requests to the Service reached these pods rightly.
  const auto since = context.now - std::min<Milliseconds>(context.service_age(), context.now - entered);
  const auto follows =
      by_count(context, {.since = since, .until = context.routed_since(entered), .direct = true});
  // Those that were waited for long enough still get their answers.
  if (follows == Follows::Yes) return is_untrusted_said_to_lag(context) ? give_up() : Next::Done;
  // What stable waits for before its pods go is no wait for a count; and an answer that is under way is worth
  // a little more time.
  const auto next = context.outlook();
  const auto begun = std::max(entered, next.stable_released.value_or(entered));
  const TimePoint end =
      next.end_of_phase + (begun - entered) + (follows == Follows::Unknown ? kBelieved : Seconds{0});
  if (context.now < end) {
    context.again_at(end);
    return Next::Wait;
  }
  return follows == Follows::Unknown ? Next::Done : give_up();
}

Follows check_followers(Context& context, const Verdict& verdict) {
  const auto why = why_not_counted(context);
  if (why.empty()) return read(context, verdict.tally);
  say_only_timer(context, why);
  return Follows::Yes;
}

}  // namespace weir::strategies
