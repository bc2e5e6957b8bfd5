// That the routers of the table are those that a Canary may name.
#include <gmock/gmock.h>

#include "operator/canary/canary.h"
#include "operator/routing/registry.h"

namespace weir::reconcile {
namespace {

using ::testing::HasSubstr;

nlohmann::json canary_with(const std::string& provider) {
  return {{"apiVersion", "weir.dev/v1alpha1"},
          {"kind", "Canary"},
          {"metadata", {{"name", "checkout-v2"}, {"namespace", "shop"}}},
          {"spec",
           {{"targetRef", {{"name", "checkout-v2"}}},
            {"service", {{"name", "checkout"}}},
            {"routing", {{"provider", provider}}},
            {"skipAnalysis", true}}}};
}

TEST(Routers, are_accepted_by_their_names_and_no_others_are) {
  std::string accepted;
  for (const auto& row : routing::routers()) {
    const auto canary = canary::parse(canary_with(std::string(row.name)));
    ASSERT_TRUE(canary) << canary.error().message;
    EXPECT_EQ(canary->spec.routing.provider, row.name);
    accepted += (accepted.empty() ? "\"" : ", \"") + std::string(row.name) + "\"";
  }
  const auto unknown = canary::parse(canary_with("linkerd"));
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("supported values: " + accepted));
}

}  // namespace
}  // namespace weir::reconcile
