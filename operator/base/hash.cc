#include "operator/base/hash.h"

#include <spdlog/fmt/fmt.h>

namespace weir::base {

std::string hex(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

}  // namespace weir::base
