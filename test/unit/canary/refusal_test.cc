// Every sentence of refusals.yaml, which the API server is held to as well.
#include <gmock/gmock.h>

#include "support.h"

namespace weir::canary {
namespace {

using testing::HasSubstr;

TEST(Refusal, says_what_is_wrong_in_the_words_of_the_resource_definition) {
  const auto table = load_yaml("test/unit/canary/refusals.yaml").at("refusals");
  ASSERT_GT(table.size(), 40U);
  for (const auto& entry : table) {
    const auto says = entry.at("says").get<std::string>();
    EXPECT_THAT(refusal_of(canary_with(entry.at("spec"))), HasSubstr(says)) << entry.at("name");
  }
}

TEST(Refusal, names_the_field_by_its_whole_path) {
  const auto canary = parse(canary_with({{"analysis", {{"stepWeights", {30, 20}}}}}));
  ASSERT_FALSE(canary);
  EXPECT_EQ(canary.error().field, "spec.analysis.stepWeights");
}

TEST(Refusal, comes_for_what_is_no_canary) {
  EXPECT_EQ(refusal_of(Json("text")), "apiVersion is required");
  EXPECT_EQ(refusal_of({{"apiVersion", "weir.dev/v1"}}),
            "apiVersion is \"weir.dev/v1\"; supported values: \"weir.dev/v1alpha1\"");
  auto flagger = canary_with();
  flagger["apiVersion"] = "flagger.app/v1beta1";
  EXPECT_THAT(refusal_of(flagger), HasSubstr("apiVersion is \"flagger.app/v1beta1\""));
  auto nameless = canary_with();
  nameless["metadata"].erase("name");
  EXPECT_EQ(refusal_of(nameless), "metadata.name is required");
  auto empty = canary_with();
  empty.erase("spec");
  EXPECT_EQ(refusal_of(empty), "spec is required");
}

TEST(Refusal, survives_text_that_is_not_utf_8_and_numbers_of_any_size) {
  EXPECT_THAT(refusal_of(canary_with({{"suspend", "\xff\xfe"}})), HasSubstr("must be of type boolean"));
  EXPECT_THAT(refusal_of(canary_with({{"analysis", {{"threshold", 1e300}}}})),
              HasSubstr("it must be 1 or more, up to 2147483647"));
  EXPECT_THAT(refusal_of(canary_with({{"progressDeadlineSeconds", 2'147'483'648}})),
              HasSubstr("is 2147483648; it must be 1 or more, up to 2147483647"));
  EXPECT_THAT(refusal_of(canary_with({{"targetRef", {{"name", std::string(100'000, 'a')}}}})),
              HasSubstr("at most 253"));
}

}  // namespace
}  // namespace weir::canary
