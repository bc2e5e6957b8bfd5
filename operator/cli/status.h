// One release as people see it in a terminal.
#pragma once

#include <string>
#include <vector>

#include "operator/canary/canary.h"
#include "operator/cli/page.h"

namespace weir::cli {

using Json = nlohmann::json;

// Those of `events` that are about the Canary, oldest first. An Event is about it if it names its uid.
[[nodiscard]] std::vector<Json> events_of(const canary::Canary& release, const std::vector<Json>& events);

// The whole picture: versions, phase, traffic, steps, what comes next, checks, conditions that are not
// as they should be, and the last Events. Pure; ends with a line feed. `events` as events_of gives them.
[[nodiscard]] std::string render_status(const canary::Canary& release, const std::vector<Json>& events,
                                        strategies::TimePoint now, const Screen& screen);

// The same in one line, for logs: "shop/checkout-v2 Progressing 30 % step 3/5 failed 2/5: message". No line
// feed.
[[nodiscard]] std::string render_line(const canary::Canary& release);

// "14s", "2m05s", "3h10m", "4d2h". Negative is "0s".
[[nodiscard]] std::string short_duration(std::chrono::milliseconds duration);

}  // namespace weir::cli
