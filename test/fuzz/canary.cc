// Any JSON as a Canary or a MetricTemplate, and any text as a time or a duration.
#include "operator/canary/canary.h"

#include "operator/base/time.h"
#include "test/fuzz/json.h"
#include "test/fuzz/target.h"

namespace weir::fuzz {
namespace {

void check_refusal(const canary::FieldError& error) {
  require(!error.field.empty() && !error.message.empty(), "a refusal names a field and says why");
}

// What the operator writes, it reads as it was: else each round would write again.
void check_status(const canary::Canary& release) {
  const auto written = canary::to_json(release.status, release.spec);
  (void)written.dump();
  require(canary::status_from(written) == release.status,
          "a status survives being written: " + written.dump());
}

void check_object(const Json& object) {
  for (const auto unknown : {canary::UnknownFields::Ignore, canary::UnknownFields::Refuse}) {
    const auto release = canary::parse(object, unknown);
    if (release) {
      check_status(*release);
    } else {
      check_refusal(release.error());
    }
    const auto metric = canary::parse_template(object, unknown);
    if (!metric) check_refusal(metric.error());
  }
}

void check_text(std::string_view text) {
  if (const auto time = base::parse_time(text)) {
    const auto again = base::parse_time(base::format_time(*time));
    require(again && *again == *time, "a time survives being written: " + base::format_time(*time));
  }
  if (const auto duration = base::parse_duration(text)) {
    const auto again = base::parse_duration(base::format_duration(*duration));
    require(again && *again == *duration, "a duration survives: " + base::format_duration(*duration));
  }
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const auto text = fuzz::text_of(data, size);
  fuzz::check_text(text);
  const auto object = fuzz::parse_json(text);
  if (object.is_discarded()) return 0;
  fuzz::check_object(object);
  if (object.is_string()) fuzz::check_text(object.get_ref<const std::string&>());
  return 0;
}
