#include "operator/lead/epoch.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace weir::lead {
namespace {

// Beyond this somebody else has written it: the count starts again.
constexpr std::int64_t kHighestEpoch = std::int64_t{1} << 53;

constexpr const char* kTerm = "leaderTerm";

const Json* annotations_of(const Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return nullptr;
  const auto annotations = metadata->find("annotations");
  return annotations != metadata->end() && annotations->is_object() ? &*annotations : nullptr;
}

// 0: it has none, or none that the operator wrote.
std::int64_t epoch_of(const Json& object) {
  if (!is_claimed(object)) return 0;
  const auto& value = annotations_of(object)->at(kEpochAnnotation);
  if (!value.is_string()) return 0;
  const auto& text = value.get_ref<const std::string&>();
  const auto* end = text.data() + text.size();
  std::int64_t epoch = 0;
  const auto [rest, error] = std::from_chars(text.data(), end, epoch);
  return error == std::errc() && rest == end && epoch > 0 && epoch < kHighestEpoch ? epoch : 0;
}

}  // namespace

bool is_claimed(const Json& object) {
  const auto* annotations = annotations_of(object);
  return annotations != nullptr && annotations->contains(kEpochAnnotation);
}

std::int64_t term_of_claim(const Json& object) { return epoch_of(object) / kClaimsPerTerm; }

Json claimed(const Json& object, std::int64_t term) {
  Json marked = object;
  auto& annotations = marked["metadata"]["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  annotations[kEpochAnnotation] = std::to_string(std::max(term * kClaimsPerTerm, epoch_of(object) + 1));
  return marked;
}

void sign_status(Json& canary, std::int64_t term) { canary["status"][kTerm] = term; }

std::int64_t term_of_status(const Json& canary) {
  const auto status = canary.find("status");
  if (status == canary.end() || !status->is_object()) return 0;
  const auto term = status->find(kTerm);
  return term != status->end() && term->is_number_integer() ? term->get<std::int64_t>() : 0;
}

Json without_claim(const Json& object) {
  Json clean = object;
  if (!is_claimed(object)) return clean;
  auto& annotations = clean["metadata"]["annotations"];
  annotations.erase(kEpochAnnotation);
  if (annotations.empty()) clean["metadata"].erase("annotations");
  return clean;
}

}  // namespace weir::lead
