// Runs a fuzz target over its corpus, without an engine: what was found once must not come back.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "test/fuzz/target.h"

namespace weir::fuzz {
namespace {

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

TEST(Corpus, WEIR_FUZZ_TARGET) {
  const auto files = files_of(std::filesystem::path(WEIR_SOURCE_DIR) / "test/fuzz/corpus" / WEIR_FUZZ_NAME);
  ASSERT_FALSE(files.empty());
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    ASSERT_TRUE(file) << path;
    EXPECT_NO_THROW(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()))
        << path;
  }
}

}  // namespace
}  // namespace weir::fuzz
