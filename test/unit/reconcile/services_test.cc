#include "operator/reconcile/services.h"

#include <gmock/gmock.h>

#include <set>

#include "operator/base/json.h"
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
  EXPECT_EQ(routing::maker_of(wanted[1]),
            (routing::Maker{.canary = "checkout-v2", .uid = "u1", .service = "checkout"}));
  EXPECT_FALSE(routing::has_owner(wanted[1], "u1")) << "the garbage collector takes what has an owner";
}

TEST(VersionServices, are_found_by_a_label_that_the_API_server_takes_for_a_long_name_too) {
  auto canary = checkout(strategies::ServiceMode::Placeholder);
  canary.name = std::string(62, 'a') + ".release";
  const auto wanted = wanted_services(canary, checkout_service(), "v1", "v2").front();
  const auto label = base::text(wanted, {"metadata", "labels", "weir.dev/canary"});
  EXPECT_EQ(label.size(), 63U);
  EXPECT_THAT(label, testing::StartsWith(std::string(54, 'a') + "-"));
  EXPECT_EQ(routing::maker_of(wanted)->canary, canary.name);
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

ServiceNames names(const std::string& service, const std::string& stable, const std::string& candidate,
                   strategies::ServiceMode mode = strategies::ServiceMode::Placeholder) {
  auto spec = checkout(mode).spec;
  spec.service.name = service;
  return service_names(spec, stable, candidate);
}

TEST(VersionServices, are_called_by_service_and_version) {
  const auto plain = names("checkout", "v1", "2024.11_RC1");
  EXPECT_EQ(plain.stable, "checkout-v1");
  EXPECT_EQ(plain.candidate, "checkout-2024-11-rc1");
  EXPECT_EQ(plain.traffic, "checkout");
  EXPECT_EQ(names("checkout", "v1", "weir").candidate, "checkout-weir");
}

TEST(VersionServices, of_versions_that_look_alike_are_told_apart) {
  const auto alike = names("checkout", "v1.0", "v1-0");
  EXPECT_THAT(alike.stable, testing::MatchesRegex("checkout-v1-0-[0-9a-f]+"));
  EXPECT_THAT(alike.candidate, testing::MatchesRegex("checkout-v1-0-[0-9a-f]+"));
  EXPECT_NE(alike.stable, alike.candidate);
  EXPECT_EQ(names("checkout", "v1-0", "v1.0").stable, alike.candidate);
}

TEST(VersionServices, and_the_one_for_the_traffic_have_names_that_differ_and_that_the_API_server_takes) {
  const std::vector<std::pair<std::string, std::string>> versions{
      {"v1", "v2"},     {"v1.0", "v1-0"},   {"weir", "v2"},
      {"WEIR", "weir"}, {"2.4.1", "2_4_1"}, {std::string(62, 'x') + "1", std::string(62, 'x') + "2"}};
  for (const auto mode : {strategies::ServiceMode::Placeholder, strategies::ServiceMode::Dedicated}) {
    for (std::size_t length = 1; length <= 63; ++length) {
      const std::string service(length, 's');
      for (const auto& [stable, candidate] : versions) {
        const auto all = names(service, stable, candidate, mode);
        const std::set<std::string> different{service, all.stable, all.candidate, all.traffic};
        EXPECT_EQ(different.size(), mode == strategies::ServiceMode::Dedicated ? 4U : 3U)
            << service << " " << stable << " " << candidate;
        for (const auto& name : different) {
          EXPECT_LE(name.size(), 63U);
          EXPECT_THAT(name, testing::MatchesRegex("[a-z]([-a-z0-9]*[a-z0-9])?"));
        }
      }
    }
  }
}

TEST(VersionServices, of_services_whose_names_are_cut_alike_are_told_apart) {
  const std::string common(60, 's');
  EXPECT_NE(names(common + "a", "v1", "v2").stable, names(common + "b", "v1", "v2").stable);
  EXPECT_NE(dedicated_service_name(common + "a"), dedicated_service_name(common + "b"));
}

TEST(VersionServices, carry_a_label_that_the_API_server_takes_however_long_the_canarys_name_is) {
  EXPECT_EQ(canary_label(std::string(63, 'c')), std::string(63, 'c'));
  const std::string name = std::string(53, 'c') + ".-" + std::string(100, 'd');
  EXPECT_THAT(canary_label(name), testing::MatchesRegex("c+-[0-9a-f]+"));
  EXPECT_LE(canary_label(name).size(), 63U);
  EXPECT_NE(canary_label(name), canary_label(name + "e"));
  auto canary = checkout(strategies::ServiceMode::Dedicated);
  canary.name = name;
  for (const auto& wanted : wanted_services(canary, checkout_service(), "v1", "v2"))
    EXPECT_EQ(wanted["metadata"]["labels"]["weir.dev/canary"], canary_label(name));
}

TEST(VersionServices, are_mended_when_their_selector_was_changed) {
  const auto wanted =
      wanted_services(checkout(strategies::ServiceMode::Placeholder), checkout_service(), "v1", "v2").front();
  Json existing = wanted;
  EXPECT_TRUE(is_as_wanted(existing, wanted));
  existing["spec"]["selector"]["version"] = "v9";
  EXPECT_FALSE(is_as_wanted(existing, wanted));
}

TEST(VersionServices, are_mended_when_their_ports_lead_elsewhere) {
  const auto wanted =
      wanted_services(checkout(strategies::ServiceMode::Dedicated), checkout_service(), "v1", "v2").back();
  Json existing = wanted;
  existing["spec"]["ports"][0]["protocol"] = "TCP";
  EXPECT_TRUE(is_as_wanted(existing, wanted)) << "the API server fills in what was left out";
  existing["spec"]["ports"][0]["targetPort"] = 9999;
  EXPECT_FALSE(is_as_wanted(existing, wanted));
}

TEST(VersionServices, of_a_version_that_looks_like_the_hashed_name_of_the_other_are_two) {
  strategies::Spec spec;
  spec.service.name = "s";
  const std::string stable(62, 'a');
  const auto hashed = service_names(spec, stable, "v2").stable;
  const auto names = service_names(spec, stable, hashed.substr(2));
  EXPECT_NE(names.stable, names.candidate);
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
