// The operator as a process: every part made, wired and ended in order.
#pragma once

#include <stop_token>

#include "operator/process/options.h"

namespace weir::process {

// Runs until `stop` is requested (0) or the work cannot go on (1, after a log line that says why): the API
// server's address is unknown, or the port is taken.
[[nodiscard]] int run(const Options& options, const std::stop_token& stop);

}  // namespace weir::process
