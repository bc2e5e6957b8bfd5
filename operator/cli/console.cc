#include "operator/cli/console.h"

#include <ostream>

namespace weir::cli {

int refuse(Console& console, const std::string& sentence) {
  console.err << sentence << "\n";
  return kRefused;
}

}  // namespace weir::cli
