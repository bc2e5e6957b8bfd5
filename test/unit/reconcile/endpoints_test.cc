#include "operator/reconcile/endpoints.h"

#include <gmock/gmock.h>

#include <vector>

namespace weir::reconcile {
namespace {

Json pod(const char* name, bool ready = true) {
  return {{"targetRef", {{"name", name}}}, {"conditions", {{"ready", ready}}}, {"addresses", {"10.0.0.1"}}};
}
Json address(const char* text) { return {{"addresses", {text}}}; }
Json slice(const char* service, const std::vector<Json>& endpoints) {
  return {{"metadata", {{"labels", {{kServiceLabel, service}}}}}, {"endpoints", endpoints}};
}

const TrafficServices kPlaceholder{
    .traffic = "checkout", .stable = "checkout-v1", .candidate = "checkout-v2"};

TEST(Endpoints, of_a_version_are_ready_pods_that_its_own_service_and_the_one_with_the_traffic_have) {
  const auto counts = count_endpoints(
      {slice("checkout", {pod("a"), pod("b"), pod("c", false), pod("d")}), slice("checkout-v1", {pod("a")}),
       slice("checkout-v2", {pod("b"), pod("c"), pod("elsewhere")}), slice("other", {pod("a"), pod("z")})},
      kPlaceholder);
  EXPECT_EQ(counts.stable, 1);
  EXPECT_EQ(counts.candidate, 1) << "c is not ready behind the Service with the traffic";
  EXPECT_EQ(counts.all, 3);
}

TEST(Endpoints, of_a_version_are_its_own_services_where_no_service_selects_both) {
  auto services = kPlaceholder;
  services.selects_both = false;
  const auto counts = count_endpoints(
      {slice("checkout", {pod("a")}), slice("checkout-v1", {pod("a")}), slice("checkout-v2", {pod("b")})},
      services);
  EXPECT_EQ(counts.candidate, 1);
  EXPECT_EQ(counts.all, 1);
}

TEST(Endpoints, of_a_pod_in_two_slices_count_once) {
  const auto counts = count_endpoints({slice("checkout", {pod("a")}), slice("checkout", {pod("a")}),
                                       slice("checkout-v1", {pod("a")}), slice("checkout-v1", {pod("a")})},
                                      kPlaceholder);
  EXPECT_EQ(counts.stable, 1);
  EXPECT_EQ(counts.all, 1);
}

TEST(Endpoints, of_no_pod_go_by_their_first_address_and_without_a_condition_are_ready) {
  const auto counts = count_endpoints({slice("checkout", {address("10.0.0.1"), address("10.0.0.2")}),
                                       slice("checkout-v2", {address("10.0.0.2")})},
                                      kPlaceholder);
  EXPECT_EQ(counts.candidate, 1);
  EXPECT_EQ(counts.all, 2);
}

TEST(Endpoints, without_a_name_or_in_no_list_are_none) {
  auto nonsense = slice("checkout", {});
  nonsense["endpoints"] = "nonsense";
  const Json nameless = {{"addresses", Json::array()}};
  EXPECT_EQ(count_endpoints({slice("checkout", {nameless}), nonsense}, kPlaceholder).all, 0);
}

TEST(Endpoints, count_the_same_once_they_are_trimmed) {
  const auto trimmed = [](const std::vector<Json>& endpoints) {
    std::vector<Json> all;
    for (const auto& endpoint : endpoints) all.push_back(trimmed_endpoint(endpoint));
    return all;
  };
  const std::vector<Json> endpoints{pod("a"), pod("b", false), address("10.0.0.2")};
  const auto counts = count_endpoints({slice("checkout", trimmed(endpoints))}, kPlaceholder);
  EXPECT_EQ(counts.all, 2);
  EXPECT_EQ(trimmed_endpoint(pod("a")), Json::parse(R"({"targetRef": {"name": "a"}})"));
}

TEST(Endpoints, are_found_by_one_selector_for_several_services) {
  EXPECT_EQ(slices_of({"checkout", "checkout-v1"}), "kubernetes.io/service-name in (checkout,checkout-v1)");
}

}  // namespace
}  // namespace weir::reconcile
