#include "operator/lead/lease.h"

#include <limits>

#include "operator/base/json.h"

namespace weir::lead {

Json spec_of(const Json& lease) {
  const auto& spec = base::field(lease, {"spec"});
  return spec.is_object() ? spec : Json::object();
}

std::string holder_of(const Json& lease) { return base::text(lease, {"spec", "holderIdentity"}); }

bool is_predecessor(std::string_view holder, std::string_view beginning) {
  return !beginning.empty() && holder.starts_with(beginning);
}

std::int64_t lease_number(const Json& lease, const char* field, std::int64_t otherwise) {
  const auto number = base::integer(lease, {"spec", field}, otherwise);
  // They are of 32 bits, and the one after it has to be such a number too.
  return number >= 0 && number < std::numeric_limits<std::int32_t>::max() ? number : otherwise;
}

base::Clock::Steady expiry_of(const Json& lease, base::Clock::Steady unchanged_since,
                              std::chrono::seconds otherwise) {
  return unchanged_since +
         std::chrono::seconds(lease_number(lease, "leaseDurationSeconds", otherwise.count()));
}

bool is_held(const Json& lease, base::Clock::Steady unchanged_since, base::Clock::Steady now,
             std::chrono::seconds otherwise) {
  return !holder_of(lease).empty() && now < expiry_of(lease, unchanged_since, otherwise);
}

}  // namespace weir::lead
