// What users copy must be right.
#include <gmock/gmock.h>

#include <filesystem>

#include "support.h"

namespace weir::canary {
namespace {

std::vector<std::string> samples(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(WEIR_SOURCE_DIR) + "/" + folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(folder + "/" + entry.path().filename().string());
  }
  return files;
}

TEST(Samples, begin_with_a_canary_that_is_accepted) {
  const auto files = samples("manifests/samples");
  EXPECT_GE(files.size(), 6U);
  for (const auto& file : files) EXPECT_EQ(refusal_of(load_yaml(file)), "") << file;
}

TEST(Samples, of_invalid_canaries_are_refused_for_their_ladder_or_for_what_is_around_them) {
  for (const auto& file : samples("manifests/samples/invalid")) {
    const auto refusal = refusal_of(load_yaml(file));
    EXPECT_EQ(refusal.empty(), file != "manifests/samples/invalid/falling-steps.yaml") << file << refusal;
  }
}

}  // namespace
}  // namespace weir::canary
