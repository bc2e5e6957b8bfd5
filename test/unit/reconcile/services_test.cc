#include "operator/reconcile/services.h"

#include <gtest/gtest.h>

#include "operator/reconcile/endpoints.h"

namespace weir::reconcile {
namespace {

canary::Canary checkout(strategies::ServiceMode mode) {
  canary::Canary canary{.name_space = "shop", .name = "checkout-v2", .uid = "u1"};
  canary.spec.service.name = "checkout";
  canary.spec.service.mode = mode;
  return canary;
}

Json checkout_service() {
  return Json::parse(R"({"metadata":{"name":"checkout","namespace":"shop"},"spec":{
    "selector":{"app":"checkout","version":"v1"},
    "ports":[{"name":"http","port":80,"targetPort":8080,"nodePort":30001}]}})");
}

TEST(VersionServices, select_one_version_each_and_keep_the_ports) {
  const auto wanted =
      wanted_services(checkout(strategies::ServiceMode::Placeholder), checkout_service(), "v1", "v2");
  ASSERT_EQ(wanted.size(), 2U);
  EXPECT_EQ(wanted[1]["metadata"]["name"], "checkout-v2");
  EXPECT_EQ(wanted[1]["spec"]["selector"], Json::parse(R"({"app":"checkout","version":"v2"})"));
  EXPECT_EQ(wanted[1]["spec"]["ports"], Json::parse(R"([{"name":"http","port":80,"targetPort":8080}])"));
  EXPECT_TRUE(is_owned_by(wanted[1], "u1"));
  EXPECT_FALSE(is_owned_by(checkout_service(), "u1"));
}

TEST(VersionServices, are_of_the_address_families_of_the_service) {
  auto service = checkout_service();
  service["spec"].update({{"ipFamilies", {"IPv6"}}, {"ipFamilyPolicy", "SingleStack"}});
  for (const auto& wanted :
       wanted_services(checkout(strategies::ServiceMode::Dedicated), service, "v1", "v2")) {
    EXPECT_EQ(wanted["spec"]["ipFamilies"], Json({"IPv6"}));
    EXPECT_EQ(wanted["spec"]["ipFamilyPolicy"], "SingleStack");
  }
}

TEST(VersionServices, in_dedicated_mode_have_one_that_selects_both) {
  const auto wanted =
      wanted_services(checkout(strategies::ServiceMode::Dedicated), checkout_service(), "v1", "v2");
  ASSERT_EQ(wanted.size(), 3U);
  EXPECT_EQ(wanted[2]["metadata"]["name"], "checkout-weir");
  EXPECT_EQ(wanted[2]["spec"]["selector"], Json::parse(R"({"app":"checkout"})"));
}

TEST(VersionServices, are_named_so_that_the_API_server_takes_them) {
  EXPECT_EQ(version_service_name("checkout", "2024.11_RC1"), "checkout-2024-11-rc1");
  const auto longest = version_service_name("checkout", std::string(100, 'x'));
  EXPECT_EQ(longest.size(), 63U);
}

TEST(VersionServices, are_mended_when_their_selector_was_changed) {
  const auto wanted =
      wanted_services(checkout(strategies::ServiceMode::Placeholder), checkout_service(), "v1", "v2").front();
  Json existing = wanted;
  EXPECT_TRUE(is_as_wanted(existing, wanted));
  existing["spec"]["selector"]["version"] = "v9";
  EXPECT_FALSE(is_as_wanted(existing, wanted));
}

Json slice(const std::string& service, const std::string& endpoints) {
  return {{"metadata", {{"labels", {{"kubernetes.io/service-name", service}}}}},
          {"endpoints", Json::parse(endpoints)}};
}

TEST(Endpoints, belong_to_the_version_whose_own_service_has_them) {
  const std::vector<Json> slices{
      slice("checkout",
            R"([{"addresses":["10.0.0.1"]},{"addresses":["10.0.0.2"]},{"addresses":["10.0.0.3"]}])"),
      slice("checkout-v1", R"([{"addresses":["10.0.0.1"]},{"addresses":["10.0.0.2"]}])"),
      slice("checkout-v2", R"([{"addresses":["10.0.0.3"]},{"addresses":["10.0.0.4"]}])")};
  const auto counts = count_endpoints(slices, {"checkout", "checkout-v1", "checkout-v2"});
  EXPECT_EQ(counts.stable, 2);
  EXPECT_EQ(counts.candidate, 1);
  EXPECT_EQ(counts.all, 3);
}

// On a cluster with both address families the slices of two Services may name one pod by different addresses.
TEST(Endpoints, are_the_same_in_both_address_families) {
  const std::vector<Json> slices{
      slice("checkout", R"([{"addresses":["fd00::1"],"targetRef":{"kind":"Pod","name":"checkout-v1-a"}},
                            {"addresses":["fd00::2"],"targetRef":{"kind":"Pod","name":"checkout-v2-a"}}])"),
      slice("checkout", R"([{"addresses":["10.0.0.1"],"targetRef":{"kind":"Pod","name":"checkout-v1-a"}}])"),
      slice("checkout-v1",
            R"([{"addresses":["10.0.0.1"],"targetRef":{"kind":"Pod","name":"checkout-v1-a"}}])"),
      slice("checkout-v2",
            R"([{"addresses":["10.0.0.2"],"targetRef":{"kind":"Pod","name":"checkout-v2-a"}}])")};
  for (const bool trimmed : {false, true}) {
    auto seen = slices;
    for (auto& one : seen) {
      if (!trimmed) continue;
      for (auto& endpoint : one["endpoints"]) endpoint = trimmed_endpoint(endpoint);
    }
    const auto counts = count_endpoints(seen, {"checkout", "checkout-v1", "checkout-v2"});
    EXPECT_EQ(counts.stable, 1);
    EXPECT_EQ(counts.candidate, 1);
    EXPECT_EQ(counts.all, 2);
  }
}

TEST(Endpoints, that_are_not_ready_do_not_count) {
  const std::vector<Json> slices{
      slice(
          "checkout",
          R"([{"addresses":["10.0.0.1"],"conditions":{"ready":false}},{"addresses":["10.0.0.2"],"conditions":{"ready":true}}])"),
      slice("checkout-v1", R"([{"addresses":["10.0.0.1"]},{"addresses":["10.0.0.2"]}])"),
      slice("checkout-v2", "null")};
  EXPECT_EQ(count_endpoints(slices, {"checkout", "checkout-v1", "checkout-v2"}).stable, 1);
}

}  // namespace
}  // namespace weir::reconcile
