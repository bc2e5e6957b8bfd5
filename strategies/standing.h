// What a release that was promoted says of its Service, for as long as its record is there: in condition
// Promoted, beside that it was.
#pragma once

#include <string_view>

#include "strategies/plan.h"

namespace weir::strategies {

// Reasons of the condition. Undone: the Service's selector leads to no ready pod, because it was written to
// or because the candidate's pods got another version; the condition is False.
// Superseded: it leads to ready pods of others. SupersededUnready: it did, and they are not ready now; the
// condition is False.
inline constexpr std::string_view kUndone = "Undone";
inline constexpr std::string_view kSuperseded = "Superseded";
inline constexpr std::string_view kSupersededUnready = "SupersededUnready";

[[nodiscard]] bool speaks_of_service(std::string_view reason);
// The condition if it has one of these reasons; null: the Service is as the release has left it, as far as is
// known.
[[nodiscard]] const Condition* said_of_service(const Status& status);
// That nobody answers for the Service.
[[nodiscard]] bool is_undone(const Status& status);

}  // namespace weir::strategies
