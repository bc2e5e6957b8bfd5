// Any text as the files of `kubectl weir plan`: a plan, or a sentence that says why there is none.
#include "operator/cli/plan.h"

#include "operator/offline/yaml.h"
#include "test/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const auto documents = offline::parse_yaml(fuzz::text_of(data, size), "input.yaml");
  if (!documents) {
    fuzz::require(documents.error().contains("input.yaml"), "a refusal names the file: " + documents.error());
    return 0;
  }
  const auto plan = cli::make_plan(*documents, "shop");
  fuzz::require(plan || !plan.error().empty(), "a refusal is a sentence");
  return 0;
}
