#include "operator/canary/iterations.h"

namespace weir::canary {

strategies::Program read_iterations(Fields& analysis) {
  constexpr Bounds kIterations{1, 1000};
  const auto passes = static_cast<int>(analysis.integer("iterations", kIterations).value_or(1));
  return {.stages = {{.traffic = {strategies::Weight::none()}, .passes = passes}},
          .promotion = {{strategies::Weight::all()}}};
}

}  // namespace weir::canary
