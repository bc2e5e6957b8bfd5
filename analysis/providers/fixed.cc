// A provider whose answer is the number that the query is: "99.5". For tests, and as the smallest example of
// one; no MetricTemplate may name it.
#include <charconv>
#include <cmath>

#include "analysis/providers/registry.h"

namespace weir::analysis {
namespace {

class Fixed final : public Provider {
 public:
  Reading ask(const MetricQuery& query) override {
    const auto& name = query.metric.name;
    const auto& text = query.metric.query;
    double value = 0;
    const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || last != text.data() + text.size() || !std::isfinite(value)) {
      return {.result = ProviderError{.message = name + ": the query \"" + text +
                                                 "\" is no number, and provider fixed answers nothing else",
                                      .rejected = true}};
    }
    return {.result = Measured{.value = value, .wording = {.subject = name, .unit = {}}}};
  }
};

}  // namespace

std::unique_ptr<Provider> make_fixed(const ProviderSettings&) { return std::make_unique<Fixed>(); }

}  // namespace weir::analysis
