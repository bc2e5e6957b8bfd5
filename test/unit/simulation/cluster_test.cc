#include "test/simulation/cluster.h"

#include <gtest/gtest.h>

#include "operator/canary/workload.h"
#include "test/unit/simulation/shop.h"

namespace weir::simulation {
namespace {

strategies::Workload workload(Shop& shop, const std::string& name) {
  return canary::read_deployment(shop.find(kube::kDeployments, name), "version");
}

std::string problem(Shop& shop, const std::string& version) {
  return canary::pod_problem(shop.server.objects().list(kube::kPods, "shop", "version=" + version).value());
}

TEST(Cluster, makes_a_deployment_available_once_its_pods_are_ready) {
  Shop shop;
  shop.pass(700ms);
  EXPECT_FALSE(workload(shop, "checkout-v1").available);
  EXPECT_EQ(workload(shop, "checkout-v1").ready, 0);
  shop.pass(2s);
  EXPECT_TRUE(workload(shop, "checkout-v1").available);
  EXPECT_EQ(workload(shop, "checkout-v1").ready, 2);
  EXPECT_EQ(shop.count("checkout", "ready"), 2);
}

TEST(Cluster, writes_a_status_without_raising_the_generation) {
  Shop shop;
  shop.pass(3s);
  const Json deployment = shop.find(kube::kDeployments, "checkout-v1");
  EXPECT_EQ(deployment["metadata"]["generation"], 1);
  EXPECT_EQ(deployment["status"]["observedGeneration"], 1);
}

TEST(Cluster, writes_nothing_once_it_has_settled) {
  Shop shop;
  shop.pass(3s);
  int changes = 0;
  shop.server.on_change([&](const Change&) { ++changes; });
  shop.pass(60s);
  EXPECT_EQ(changes, 0);
}

TEST(Cluster, takes_a_terminating_pod_out_of_the_endpoints_and_lets_it_serve_through_its_grace) {
  Shop shop;
  shop.pass(3s);
  const std::string address = shop.cluster.pods_of("checkout-v1").front()->address;
  shop.put(kube::kDeployments, deployment("v1", 0));
  shop.pass(1s);
  EXPECT_EQ(shop.count("checkout", "ready"), 0);
  EXPECT_EQ(shop.count("checkout", "terminating"), 2);
  EXPECT_EQ(shop.cluster.ready_pods("checkout-v1"), 0);
  ASSERT_NE(shop.cluster.at(address), nullptr);
  shop.pass(Cluster::kGrace);
  EXPECT_EQ(shop.cluster.at(address), nullptr);
  EXPECT_TRUE(shop.cluster.pods_of("checkout-v1").empty());
  EXPECT_TRUE(shop.server.objects().list(kube::kPods, "shop", "").value().empty());
}

TEST(Cluster, scales_to_nothing_and_back) {
  Shop shop;
  shop.pass(3s);
  shop.put(kube::kDeployments, deployment("v1", 0));
  shop.pass(1s);
  EXPECT_EQ(workload(shop, "checkout-v1").ready, 0);
  EXPECT_TRUE(workload(shop, "checkout-v1").available);
  shop.put(kube::kDeployments, deployment("v1", 3));
  shop.pass(200ms);
  EXPECT_FALSE(workload(shop, "checkout-v1").available);
  shop.pass(3s);
  EXPECT_EQ(workload(shop, "checkout-v1").ready, 3);
  EXPECT_TRUE(workload(shop, "checkout-v1").available);
}

TEST(Cluster, replaces_a_template_without_ever_having_too_few_ready_pods) {
  Shop shop;
  shop.pass(3s);
  int fewest = 2;
  std::size_t most = 2;
  shop.executor.after_each([&] {
    fewest = std::min(fewest, shop.cluster.ready_pods("checkout-v1"));
    const auto pods = shop.cluster.pods_of("checkout-v1");
    const auto active = std::ranges::count(pods, false, [](const Pod* pod) { return pod->terminating; });
    most = std::max(most, static_cast<std::size_t>(active));
  });
  shop.put(kube::kDeployments, deployment("v1", 2, "other"));
  shop.pass(200ms);
  EXPECT_FALSE(workload(shop, "checkout-v1").available);
  shop.pass(20s);
  EXPECT_TRUE(workload(shop, "checkout-v1").available);
  EXPECT_EQ(fewest, 2);
  EXPECT_EQ(most, 3U);
  for (const Pod* pod : shop.cluster.pods_of("checkout-v1")) EXPECT_EQ(pod->variant, "other");
}

TEST(Cluster, gives_pods_the_behaviour_of_their_templates_variant) {
  Shop shop;
  shop.cluster.set_behaviour("checkout-v1", {.latency = 7ms});
  shop.cluster.set_behaviour("checkout-v1", "bad", {.error_rate = 0.5});
  shop.put(kube::kDeployments, deployment("v2", 1));
  shop.pass(3s);
  EXPECT_EQ(shop.cluster.behaviour(*shop.cluster.pods_of("checkout-v1").front()).latency, 7ms);
  EXPECT_EQ(shop.cluster.behaviour(*shop.cluster.pods_of("checkout-v2").front()).latency,
            Behaviour{}.latency);
  shop.put(kube::kDeployments, deployment("v1", 2, "bad"));
  shop.pass(20s);
  EXPECT_EQ(shop.cluster.behaviour(*shop.cluster.pods_of("checkout-v1").front()).error_rate, 0.5);
}

TEST(Cluster, says_why_pods_that_crash_are_not_ready) {
  Shop shop;
  shop.cluster.set_behaviour("checkout-v2", {.never_ready = true});
  shop.put(kube::kDeployments, deployment("v2", 1));
  shop.pass(3s);
  EXPECT_EQ(workload(shop, "checkout-v2").ready, 0);
  EXPECT_TRUE(problem(shop, "v2").starts_with("CrashLoopBackOff: ")) << problem(shop, "v2");
  EXPECT_EQ(shop.cluster.at(shop.cluster.pods_of("checkout-v2").front()->address), nullptr);
  // They count no longer once they are on their way out.
  shop.put(kube::kDeployments, deployment("v2", 0));
  shop.pass(1s);
  EXPECT_EQ(problem(shop, "v2"), "");
}

TEST(Cluster, disturbs_pods_for_a_while) {
  Shop shop;
  shop.pass(3s);
  const std::string address = shop.cluster.pods_of("checkout-v1").front()->address;
  shop.cluster.disturb("checkout-v1", 5s, false);
  EXPECT_NE(shop.cluster.at(address), nullptr);
  shop.pass(1s);
  EXPECT_EQ(shop.count("checkout", "ready"), 0);
  EXPECT_EQ(problem(shop, "v1"), "");
  shop.cluster.disturb("checkout-v1", 5s, true);
  EXPECT_EQ(shop.cluster.at(address), nullptr);
  EXPECT_TRUE(problem(shop, "v1").starts_with("CrashLoopBackOff"));
  shop.pass(4'500ms);
  EXPECT_EQ(shop.cluster.ready_pods("checkout-v1"), 0);
  shop.pass(1s);
  EXPECT_EQ(shop.count("checkout", "ready"), 2);
  EXPECT_NE(shop.cluster.at(address), nullptr);
  EXPECT_EQ(problem(shop, "v1"), "");
}

TEST(Cluster, makes_another_pod_for_one_that_is_killed) {
  Shop shop;
  shop.pass(3s);
  shop.cluster.kill_one("checkout-v1");
  EXPECT_EQ(shop.cluster.pods_of("checkout-v1").size(), 1U);
  EXPECT_EQ(shop.server.objects().list(kube::kPods, "shop", "").value().size(), 1U);
  shop.pass(3s);
  EXPECT_EQ(shop.cluster.ready_pods("checkout-v1"), 2);
  EXPECT_EQ(shop.count("checkout", "ready"), 2);
}

TEST(Cluster, ends_the_pods_of_a_deleted_deployment_and_makes_new_ones_when_it_is_back) {
  Shop shop;
  shop.pass(3s);
  shop.erase(kube::kDeployments, "checkout-v1");
  shop.put(kube::kDeployments, deployment("v1", 1));
  shop.pass(3s);
  EXPECT_EQ(shop.cluster.ready_pods("checkout-v1"), 1);
  EXPECT_EQ(shop.count("checkout", "terminating"), 2);
  EXPECT_TRUE(workload(shop, "checkout-v1").available);
  shop.erase(kube::kDeployments, "checkout-v1");
  shop.pass(200ms);
  EXPECT_EQ(shop.cluster.ready_pods("checkout-v1"), 0);
}

TEST(Cluster, keeps_one_slice_for_each_service_with_a_selector) {
  Shop shop;
  shop.put(kube::kServices, service("nobody", {{"app", "nobody"}}));
  shop.put(kube::kServices, service("outside", Json::object()));
  shop.pass(3s);
  EXPECT_EQ(shop.slice("nobody")["endpoints"], Json::array());
  EXPECT_TRUE(shop.slice("outside").is_null());

  shop.put(kube::kServices, service("nobody", {{"app", "checkout"}}));
  shop.pass(300ms);
  EXPECT_EQ(shop.count("nobody", "ready"), 2);
  shop.erase(kube::kServices, "nobody");
  shop.pass(300ms);
  EXPECT_TRUE(shop.slice("nobody").is_null());
  EXPECT_EQ(shop.count("checkout", "ready"), 2);

  shop.erase(kube::kEndpointSlices, kube::key_of(shop.slice("checkout")).name);
  shop.pass(300ms);
  EXPECT_EQ(shop.count("checkout", "ready"), 2);
}

}  // namespace
}  // namespace weir::simulation
