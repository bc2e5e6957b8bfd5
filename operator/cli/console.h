// The edges of the process that a command has.
#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>

#include "operator/base/clock.h"
#include "operator/base/json.h"
#include "operator/cli/page.h"

namespace weir::cli {

using base::Json;

// Exit codes.
inline constexpr int kFine = 0;
inline constexpr int kFailed = 1;   // the cluster could not be asked, or the release failed
inline constexpr int kRefused = 2;  // the input cannot work; the sentence on `err` says why

// The edges of the process. All outlive `run`.
struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  const base::Clock& clock;
  std::function<Screen()> screen;  // of `out`, as it is now
  std::function<void(std::chrono::milliseconds)> sleep;
};

// Says why the input cannot work; the exit code that goes with it.
int refuse(Console& console, const std::string& sentence);

}  // namespace weir::cli
