#include "test/simulation/mesh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/simulation/shop.h"

namespace weir::simulation {
namespace {

constexpr double kNear = 1e-6;

// How many proxies send something to the workload.
int proxies_with(const Shop& shop, const std::string& workload) {
  int found = 0;
  for (int i = 0; i < shop.mesh.options().proxies; ++i) {
    found += shop.mesh.counts(i).contains(workload) ? 1 : 0;
  }
  return found;
}

TEST(Mesh, sends_at_a_steady_rate_to_the_service_where_nothing_is_routed) {
  Shop shop({.proxies = 2, .requests_per_second = 40});
  shop.pass(3s);
  shop.mesh.start();
  shop.pass(10s);
  EXPECT_NEAR(shop.mesh.sent(), 800, kNear);
  EXPECT_NEAR(shop.mesh.total("checkout-v1").answered, 800, kNear);
  EXPECT_EQ(shop.mesh.lost(), 0);
  shop.mesh.stop();
  shop.pass(10s);
  EXPECT_NEAR(shop.mesh.sent(), 800, kNear);
}

TEST(Mesh, divides_every_batch_by_the_weights) {
  Shop shop;
  shop.split(70, 30);
  shop.mesh.start();
  shop.pass(1s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 0.3, kNear);
  EXPECT_NEAR(shop.mesh.total("checkout-v1").answered, 0.7 * shop.mesh.sent(), kNear);
  EXPECT_NEAR(shop.mesh.total("checkout-v2").answered, 0.3 * shop.mesh.sent(), kNear);
}

TEST(Mesh, loses_what_is_routed_to_a_subset_that_the_proxy_does_not_have) {
  Shop shop;
  shop.split(50, 50);
  shop.put(kube::kDestinationRules, destination_rule({subset("v1")}));
  shop.mesh.start();
  shop.pass(1s);
  EXPECT_NEAR(shop.mesh.lost(), shop.mesh.sent() / 2, kNear);
  ASSERT_FALSE(shop.mesh.losses().empty());
  EXPECT_EQ(shop.mesh.losses().front().reason, "subset v2 of checkout is in no rule that the proxy has");
  EXPECT_NEAR(shop.mesh.total("unknown").lost, shop.mesh.lost(), kNear);
  EXPECT_NEAR(shop.mesh.share("unknown"), 0.5, kNear);
  EXPECT_TRUE(shop.mesh.told(0).contains({"checkout", "unknown", 503, "NC"}));
}

TEST(Mesh, tells_the_workload_of_a_pod_that_is_gone_and_none_where_no_host_was_chosen) {
  Shop shop({.proxies = 1});
  shop.split(50, 50);
  shop.mesh.start();
  shop.mesh.stand(0, 60s);
  shop.put(kube::kDeployments, deployment("v2", 0));
  shop.pass(20s);
  EXPECT_TRUE(shop.mesh.told(0).contains({"checkout", "checkout-v2", 503, "UF"}));
  EXPECT_NEAR(shop.mesh.total("checkout-v2").lost, shop.mesh.lost(), kNear);
  shop.pass(45s);
  EXPECT_TRUE(shop.mesh.told(0).contains({"checkout", "unknown", 503, "UH"}));
}

TEST(Mesh, loses_what_is_routed_to_a_subset_that_the_service_does_not_select) {
  Shop shop;
  shop.split(50, 50);
  shop.put(kube::kServices, service("checkout", {{"app", "checkout"}, {"version", "v1"}}));
  shop.pass(1s);
  shop.mesh.start();
  shop.pass(1s);
  EXPECT_NEAR(shop.mesh.lost(), shop.mesh.sent() / 2, kNear);
  ASSERT_FALSE(shop.mesh.losses().empty());
  EXPECT_EQ(shop.mesh.losses().front().reason, "subset v2 of checkout has no endpoint");
}

TEST(Mesh, loses_nothing_where_nobody_has_a_weight) {
  Shop shop;
  shop.split(100, 0);
  shop.put(kube::kDestinationRules, destination_rule({subset("v1")}));
  shop.mesh.start();
  shop.pass(1s);
  EXPECT_EQ(shop.mesh.lost(), 0);
}

TEST(Mesh, loses_what_goes_to_a_pod_that_has_stopped_until_the_proxy_knows) {
  Shop shop({.proxies = 1, .fastest = 3s, .slowest = 3s});
  shop.pass(3s);
  shop.mesh.start();
  shop.pass(1s);
  shop.cluster.kill_one("checkout-v1");
  shop.pass(2s);
  EXPECT_NEAR(shop.mesh.share("unknown"), 0.5, kNear);
  ASSERT_FALSE(shop.mesh.losses().empty());
  EXPECT_TRUE(shop.mesh.losses().front().reason.starts_with("nothing answers at endpoint 10."));
  shop.pass(6s);
  EXPECT_EQ(shop.mesh.share("unknown"), 0);
}

TEST(Mesh, loses_nothing_to_pods_that_end_in_good_order) {
  Shop shop;
  shop.split(0, 100);
  shop.mesh.start();
  shop.put(kube::kDeployments, deployment("v2", 1));
  shop.pass(20s);
  EXPECT_EQ(shop.mesh.lost(), 0);
}

TEST(Mesh, gives_every_proxy_what_is_there_at_the_start_at_once) {
  Shop shop({.fastest = 60s, .slowest = 60s});
  shop.split(0, 100);
  shop.mesh.start();
  shop.pass(1s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 1, kNear);
}

TEST(Mesh, lets_each_proxy_learn_of_a_change_at_a_time_of_its_own) {
  Shop shop({.proxies = 8, .fastest = 100ms, .slowest = 3s});
  shop.split(100, 0);
  shop.mesh.start();
  shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", 0), to("v2", 100)}}}}));
  shop.pass(1'500ms);
  EXPECT_THAT(proxies_with(shop, "checkout-v2"), testing::AllOf(testing::Gt(0), testing::Lt(8)));
  shop.pass(2s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 1, kNear);
}

TEST(Mesh, keeps_the_order_of_changes_of_one_kind) {
  Shop shop({.proxies = 8});
  shop.split(100, 0);
  shop.mesh.start();
  for (int i = 0; i < 20; ++i) {
    shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", 0), to("v2", 100)}}}}));
    shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", 100), to("v2", 0)}}}}));
    shop.pass(100ms);
  }
  shop.pass(3s);
  EXPECT_NEAR(shop.mesh.share("checkout-v1"), 1, kNear);
}

TEST(Mesh, lets_a_route_overtake_the_subset_that_it_needs) {
  Shop shop({.proxies = 8});
  shop.split(100, 0);
  shop.put(kube::kDestinationRules, destination_rule({subset("v1")}));
  shop.mesh.start();
  shop.put(kube::kDestinationRules, destination_rule({subset("v1"), subset("v2")}));
  shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", 0), to("v2", 100)}}}}));
  shop.pass(3s);
  EXPECT_GT(shop.mesh.lost(), 0);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 1, kNear);
}

TEST(Mesh, takes_the_first_route_that_matches) {
  Shop shop({.marked_share = 0.25});
  shop.split(100, 0);
  const Json marked{{{"headers", {{"x-marked", {{"exact", "yes"}}}}}}};
  shop.put(kube::kVirtualServices,
           virtual_service({{{"match", marked}, {"route", {to("v2", 100)}}},
                            {{"match", {{{"uri", {{"exact", "/never"}}}}}}, {"route", {to("v3", 100)}}},
                            {{"match", {{{"uri", {{"prefix", "/"}}}}}}, {"route", {to("v1", 100)}}}}));
  shop.mesh.start();
  shop.pass(1s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 0.25, kNear);
  EXPECT_NEAR(shop.mesh.share("checkout-v1"), 0.75, kNear);
}

TEST(Mesh, loses_requests_that_no_route_takes) {
  Shop shop;
  shop.split(100, 0);
  const Json marked{{{"headers", {{"x-marked", {{"exact", "yes"}}}}}}};
  shop.put(kube::kVirtualServices, virtual_service({{{"match", marked}, {"route", {to("v1", 100)}}}}));
  shop.mesh.start();
  shop.pass(1s);
  EXPECT_NEAR(shop.mesh.lost(), shop.mesh.sent(), kNear);
}

TEST(Mesh, reads_hosts_in_each_form_and_lets_hosts_elsewhere_answer) {
  Shop shop;
  shop.split(100, 0);
  Json routed = virtual_service({{{"route",
                                   {to("v1", 50, "checkout.shop.svc.cluster.local"), to("v2", 30, "checkout"),
                                    to("", 20, "legacy")}}}});
  routed["spec"]["hosts"] = {"checkout.shop.svc.cluster.local"};
  shop.put(kube::kVirtualServices, routed);
  shop.mesh.start();
  shop.pass(1s);
  EXPECT_NEAR(shop.mesh.share("checkout-v1"), 0.5, kNear);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 0.3, kNear);
  EXPECT_NEAR(shop.mesh.share("legacy"), 0.2, kNear);
}

TEST(Mesh, ignores_a_virtual_service_of_a_gateway) {
  Shop shop;
  shop.split(0, 100);
  Json routed = shop.find(kube::kVirtualServices, "checkout");
  routed["spec"]["gateways"] = {"istio-system/gateway"};
  shop.put(kube::kVirtualServices, routed);
  shop.mesh.start();
  shop.pass(1s);
  EXPECT_NEAR(shop.mesh.share("checkout-v1"), 0.5, kNear);
}

TEST(Mesh, lets_a_wildcard_rule_apply_only_where_none_names_the_host) {
  Shop shop;
  shop.split(0, 100);
  Json wildcard = destination_rule({subset("v2")});
  wildcard["metadata"]["name"] = "all";
  wildcard["spec"]["host"] = "*.shop.svc.cluster.local";
  shop.put(kube::kDestinationRules, wildcard);
  shop.put(kube::kDestinationRules, destination_rule({subset("v1")}));
  shop.mesh.start();
  shop.pass(1s);
  EXPECT_NEAR(shop.mesh.lost(), shop.mesh.sent(), kNear);
  shop.erase(kube::kDestinationRules, "checkout");
  shop.pass(3s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 1, kNear);
}

TEST(Mesh, counts_failures_and_latencies_as_the_pods_behave) {
  Shop shop;
  shop.cluster.set_behaviour("checkout-v1", {.error_rate = 0.2, .latency = 100ms});
  shop.pass(3s);
  shop.mesh.start();
  shop.pass(50s);
  const Counts counts = shop.mesh.total("checkout-v1");
  EXPECT_NEAR(counts.failed / shop.mesh.sent(), 0.2, 0.02);
  EXPECT_NEAR(counts.failed + counts.answered, shop.mesh.sent(), 1e-3);
  EXPECT_EQ(counts.at_most.front(), 0);
  EXPECT_NEAR(counts.at_most[3] / shop.mesh.sent(), 0.5, 1e-3);
  EXPECT_NEAR(counts.at_most.back(), shop.mesh.sent(), 1e-3);
}

TEST(Mesh, goes_the_same_way_again_with_the_same_seed) {
  const auto run = [](std::uint64_t seed) {
    Shop shop({}, seed);
    shop.cluster.set_behaviour("checkout-v1", {.error_rate = 0.2});
    shop.pass(3s);
    shop.mesh.start();
    shop.cluster.kill_one("checkout-v1");
    shop.pass(10s);
    return std::pair(shop.mesh.lost(), shop.mesh.total("checkout-v1").failed);
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

TEST(Mesh, has_no_host_for_what_a_breaker_has_ejected_until_it_closes) {
  Shop shop;
  shop.split(50, 50);
  shop.mesh.start();
  shop.mesh.eject("checkout-v2", 10s);
  shop.pass(5s);
  EXPECT_NEAR(shop.mesh.share("checkout-v1"), 0.5, kNear);
  EXPECT_EQ(shop.mesh.share("checkout-v2"), 0);
  EXPECT_TRUE(shop.mesh.told(0).contains({"checkout", "unknown", 503, "UH"}));
  shop.pass(6s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 0.5, kNear);
}

TEST(Mesh, lets_a_proxy_stand_still_and_take_all_that_it_has_missed_at_once) {
  Shop shop({.proxies = 2});
  shop.split(100, 0);
  shop.mesh.start();
  shop.mesh.stand(1, 20s);
  shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", 0), to("v2", 100)}}}}));
  shop.pass(10s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 0.5, kNear);
  shop.pass(11s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 1, kNear);
}

TEST(Mesh, loses_what_a_proxy_that_stands_still_sends_to_pods_that_were_taken_away) {
  Shop shop({.proxies = 2});
  shop.split(50, 50);
  shop.mesh.start();
  shop.mesh.stand(1, 60s);
  shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", 100), to("v2", 0)}}}}));
  shop.pass(5s);
  EXPECT_EQ(shop.mesh.lost(), 0);
  shop.put(kube::kDeployments, deployment("v2", 0));
  shop.pass(20s);
  EXPECT_GT(shop.mesh.lost(), 0);
}

TEST(Mesh, lets_a_proxy_refuse_routes_and_take_endpoints) {
  Shop shop({.proxies = 1});
  shop.split(50, 50);
  shop.mesh.start();
  shop.mesh.refuse_routes(0, 60s);
  shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", 0), to("v2", 100)}}}}));
  shop.pass(5s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 0.5, kNear);
  shop.put(kube::kServices, service("checkout", {{"app", "checkout"}, {"version", "v2"}}));
  shop.pass(5s);
  EXPECT_NEAR(shop.mesh.share("unknown"), 0.5, kNear);
  shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("", 100)}}}}));
  shop.pass(5s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 1, kNear) << "mended by then";
}

TEST(Mesh, lets_no_proxy_begin_to_refuse_routes_that_are_as_their_owner_wrote_them) {
  Shop shop({.proxies = 1});
  shop.split(50, 50);
  shop.mesh.start();
  shop.put(kube::kServices, service("checkout", {{"app", "checkout"}, {"version", "v2"}}));
  shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("", 100)}}}}));
  shop.mesh.refuse_routes(0, 60s);
  shop.pass(5s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 1, kNear);
}

TEST(Mesh, lets_a_proxy_come_back_with_the_routes_of_before) {
  Shop shop({.proxies = 1});
  shop.split(50, 50);
  shop.mesh.start();
  shop.put(kube::kVirtualServices, virtual_service({{{"route", {to("v1", 0), to("v2", 100)}}}}));
  shop.pass(5s);
  shop.mesh.come_back_old(0, 10s);
  shop.pass(5s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 0.5, kNear);
  shop.pass(6s);
  EXPECT_NEAR(shop.mesh.share("checkout-v2"), 1, kNear);
}

}  // namespace
}  // namespace weir::simulation
