// The one source of chance in a simulated run.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

namespace weir::simulation {

// Draws are a function of the seed and of the name of the stream alone: a part that draws more does not
// change what another part gets. Written out rather than taken from <random>'s distributions, whose results
// differ from library to library.
class Random {
 public:
  Random(std::uint64_t seed, std::string_view stream);

  // Uniform in [0, 1).
  [[nodiscard]] double uniform();
  // Uniform in [low, high], both included.
  [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high);
  [[nodiscard]] std::chrono::milliseconds between(std::chrono::milliseconds low,
                                                  std::chrono::milliseconds high);
  [[nodiscard]] bool chance(double probability);
  // One of the elements; `from` is not empty.
  template <typename T>
  [[nodiscard]] const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(between(0, static_cast<std::int64_t>(from.size()) - 1))];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace weir::simulation
