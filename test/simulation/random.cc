#include "test/simulation/random.h"

#include "operator/base/hash.h"

namespace weir::simulation {
Random::Random(std::uint64_t seed, std::string_view stream) : engine_(seed ^ base::fnv1a(stream)) {}

double Random::uniform() { return static_cast<double>(engine_() >> 11U) * 0x1.0p-53; }

std::int64_t Random::between(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(uniform() * static_cast<double>(high - low + 1));
}

std::chrono::milliseconds Random::between(std::chrono::milliseconds low, std::chrono::milliseconds high) {
  return std::chrono::milliseconds(between(low.count(), high.count()));
}

bool Random::chance(double probability) { return uniform() < probability; }

}  // namespace weir::simulation
