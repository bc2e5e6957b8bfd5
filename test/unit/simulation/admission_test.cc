// The model of what a server refuses.
#include "test/simulation/admission.h"

#include <gmock/gmock.h>

#include "test/unit/simulation/shop.h"

namespace weir::simulation {
namespace {

using ::testing::IsEmpty;

TEST(Admission, refuses_names_of_services_and_values_of_labels_that_are_too_long_or_of_another_form) {
  for (const auto& name : {"checkout-2.4.1", "2checkout", "checkout-"})
    EXPECT_FALSE(refusal_of(kube::kServices, service(name, {})).empty()) << name;
  EXPECT_FALSE(refusal_of(kube::kServices, service(std::string(64, 's'), {})).empty());
  auto labelled = service("checkout", {});
  EXPECT_THAT(refusal_of(kube::kServices, labelled), IsEmpty());
  labelled["metadata"]["labels"]["weir.dev/canary"] = std::string(64, 'c');
  EXPECT_FALSE(refusal_of(kube::kServices, labelled).empty());
}

TEST(Admission, refuses_subsets_that_are_no_dns_labels_in_rules_and_in_routes) {
  for (const auto& name : {"2.4.1", "2024_W1", "-a", ""}) {
    auto wrong = subset("v1");
    wrong["name"] = name;
    EXPECT_FALSE(refusal_of(kube::kDestinationRules, destination_rule({wrong})).empty()) << name;
  }
  EXPECT_FALSE(
      refusal_of(kube::kVirtualServices, virtual_service({{{"route", {to("2.4.1", 100)}}}})).empty());
  EXPECT_THAT(refusal_of(kube::kDestinationRules, destination_rule({subset("V1-a")})), IsEmpty());
}

TEST(Admission, takes_weights_of_any_size_that_give_something_to_somebody) {
  const auto of = [](int one, int two) {
    return refusal_of(kube::kVirtualServices, virtual_service({{{"route", {to("v1", one), to("v2", two)}}}}));
  };
  EXPECT_THAT(of(9'900, 100), IsEmpty());
  EXPECT_FALSE(of(0, 0).empty());
  EXPECT_FALSE(of(-1, 101).empty());
  EXPECT_FALSE(of(2'000'000'000, 2'000'000'000).empty());
}

TEST(Admission, of_a_patch_is_of_what_the_object_becomes) {
  Shop shop;
  shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", 100)}}}}));
  const auto patch = [&](const Json& change) {
    http::Request request{
        .method = "PATCH",
        .url = "https://api/apis/networking.istio.io/v1/namespaces/shop/virtualservices/checkout",
        .headers = {{"Content-Type", "application/json-patch+json"}},
        .body = change.dump()};
    return shop.server.serve(request, 1, {}).status;
  };
  const auto to_subset = [](const char* name) {
    return Json::array(
        {{{"op", "replace"}, {"path", "/spec/http/0/route/0/destination/subset"}, {"value", name}}});
  };
  EXPECT_EQ(patch(to_subset("2.4.1")), 422);
  EXPECT_EQ(patch(to_subset("v2")), 200);
}

}  // namespace
}  // namespace weir::simulation
