// What a release that was promoted has to say, or to mend, when its Service is written to after the end.
#pragma once

#include <optional>
#include <string>

#include "test/simulation/api_server.h"
#include "test/simulation/scenario.h"

namespace weir::simulation {

// The candidate's pod template has no longer the version that was promoted, which is its owner's to mend.
[[nodiscard]] bool is_relabelled(ApiServer& server, const Scenario& scenario);

// What is wrong (L8), as a sentence; empty: nothing is. Condition Promoted is True with reason Promoted where
// the Service selects the candidate, with reason Superseded where others' pods are ready behind it, and else
// False with reason Undone; so also where nobody is behind a Service that selects the candidate, because that
// has been given another version. A selector that leads to nobody lasts only where the release does not guard
// its Service, or where the candidate has no ready pod.
[[nodiscard]] std::optional<std::string> unsaid(ApiServer& server, const Scenario& scenario);

// The same of a release after which another one was promoted, by name of its Deployment, whose Canary is gone
// (L9): the Service selects the other one's version still, and Promoted is True and says nothing of that.
[[nodiscard]] std::optional<std::string> taken_back(ApiServer& server, const Scenario& scenario,
                                                    const std::string& later);

}  // namespace weir::simulation
