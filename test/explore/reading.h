// Between the small world and the values that `decide` takes and gives.
#pragma once

#include "strategies/plan.h"
#include "test/explore/world.h"

namespace weir::explore {

inline constexpr const char* kCandidate = "checkout-v2";
inline constexpr const char* kStable = "checkout-v1";
inline constexpr const char* kOtherTarget = "checkout-v3";  // that is not there

// When every decision is made; what is older lies before it.
[[nodiscard]] strategies::TimePoint now();

// The release as its Canary stands in the caches.
[[nodiscard]] strategies::Release release_of(const World& world);
// What the operator would observe: as operator/reconcile/observe.h does, from the caches alone.
[[nodiscard]] strategies::Observed observe(const World& world);
// A status that was decided now, as it is kept.
[[nodiscard]] Record record_of(const strategies::Status& status);

// The last answer speaks of the step as it stands in the record.
[[nodiscard]] bool speaks_of_now(const Question& question, const Record& record);

// Both versions have the Services that the release made for them.
[[nodiscard]] inline bool all(const OwnServices& own) { return own.stable && own.candidate; }

// The candidate's template in the numbers of Workload::pod_template; and back.
[[nodiscard]] std::string template_name(Byte pod_template);

}  // namespace weir::explore
