// The analysis' way to metrics servers, over the one to all of the outside.
#pragma once

#include <stop_token>

#include "analysis/fetch.h"
#include "operator/base/clock.h"
#include "operator/report/metrics.h"

namespace weir::process {

// Borrows `metrics`, which counts every request that is sent, and `clock`; `stop` ends every request under
// way.
[[nodiscard]] analysis::Fetch make_metrics_fetch(report::Metrics& metrics, const base::Clock& clock,
                                                 std::stop_token stop);

}  // namespace weir::process
