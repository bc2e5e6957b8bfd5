#include "operator/lead/lease_record.h"

#include "operator/kube/object.h"

namespace weir::lead {

Json spec_of(const Json& lease) {
  const auto spec = lease.find("spec");
  return spec != lease.end() && spec->is_object() ? *spec : Json::object();
}

std::string holder_of(const Json& lease) { return kube::text_at(lease, "/spec/holderIdentity"); }

bool is_predecessor(std::string_view holder, std::string_view beginning) {
  return !beginning.empty() && holder.starts_with(beginning);
}

std::int64_t lease_number(const Json& lease, const char* field, std::int64_t otherwise) {
  const Json spec = spec_of(lease);
  const auto value = spec.find(field);
  return value != spec.end() && value->is_number_integer() ? value->get<std::int64_t>() : otherwise;
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
