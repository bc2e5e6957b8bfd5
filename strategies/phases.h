// The phases of a release: towards divided routes, through the steps, to the promotion, and back. Each looks
// for the first thing that is not yet as it should be and does that; called again, it goes on from there.
#pragma once

#include <functional>

#include "strategies/context.h"

namespace weir::strategies {

Next pending(Context& context);
Next initialize(Context& context);
Next progress(Context& context);
Next promote(Context& context);
Next finalize(Context& context);
Next roll_back(Context& context);

// Authorises the program's first step.
Next begin_stages(Context& context);
// Authorises a weight and routes it: the one place that raises the candidate's share.
Next authorise(Context& context, Weight weight);
// Starts taking the release back, with its first writes in the same decision.
Next start_rollback(Context& context, std::string reason, const std::string& message);

// "1 of 2 pods ready (CrashLoopBackOff: …)".
[[nodiscard]] std::string pods_ready(const Workload& workload);
// While pods of the candidate are not ready the next round comes soon, whatever else happens.
void look_at_pods(Context& context);
// What is judged at this step counts from now on.
void start_step_afresh(Context& context);
// The weight of the step that the release stands on (its last one, if the program became shorter).
[[nodiscard]] Weight step_weight(const Context& context);
// What keeps the release from starting; empty: nothing does.
[[nodiscard]] std::optional<Obstacle> cannot_start(const Context& context);

// Finds out whether proxies send as the routes say, by what is counted of their requests, and says in
// condition TrafficFollows what is known of it, and what holds the release. Yes: they do, or those that the
// release does not trust were waited for long enough, or nothing can be counted, and then the propagation
// delay is all there is to go by. No: some do not, and the release holds. Unknown: it was asked, or will be
// when it is time.
enum class Follows { Yes, No, Unknown };
// Of the weight that status authorises, which has been in the routes since then. Asks for a count.
[[nodiscard]] Follows check_followers(Context& context, TimePoint since);
// Before pods go, when the Service selects the other version alone and their own has no weight: Done when no
// requests are counted that reach them. Pods that still get some when the progress deadline is over, or after
// a shorter wait for proxies that are not trusted, stay, and `give_up` ends the release.
Next await_no_requests(Context& context, const std::function<Next()>& give_up);
// Why the division of requests cannot be counted; empty: it can.
[[nodiscard]] std::string why_not_counted(const Context& context);
// By what the verdict of an interval has counted.
[[nodiscard]] Follows check_followers(Context& context, const Verdict& verdict);

// Makes what divided routes rest on, after what that adds is recorded.
Next prepare(Context& context);

// What guards every moment in which the candidate may carry traffic.
//
// Requests come by the release's own Services: one that is gone is put back before anybody is judged by its
// endpoints. While that may not be done yet, they are.
Next restore_own_services(Context& context);
// A candidate that cannot serve loses its traffic at once, and the release when it does not recover.
Next guard_candidate(Context& context);
// Routes or the selector that are not as authorised are put back.
Next repair_drift(Context& context);
// Stable without any endpoint leaves the traffic to the candidate until it is back.
Next guard_stable(Context& context);
// Done: what drifted may be put back in this round; that is counted, and said who did it. Else it waits.
Next may_repair(Context& context, const std::string& what, const std::string& manager);
// `field manager "helm"`, or somebody.
[[nodiscard]] std::string writer(const std::string& manager);
// Before this what drifted is not put back again: at most kLongestRepairDelay after the last time.
[[nodiscard]] TimePoint next_repair(const Status& status);
inline constexpr Seconds kLongestRepairDelay{60};

// Of a release that was promoted and is over: says what has become of its Service, and, where the spec asks
// for it, moves a selector that leads to no ready pod back.
void keep_promoted(Context& context);

}  // namespace weir::strategies
