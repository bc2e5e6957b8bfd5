// Edits in mid-release of what tells the versions apart, over a cluster in memory.
#include <gmock/gmock.h>

#include "test/unit/kube/forwarding_api.h"
#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using ::testing::HasSubstr;

class IdentityTest : public ::testing::Test, protected ReleaseWorld {
 protected:
  IdentityTest() {
    fill();
    service = object(kube::kServices, "checkout")["spec"];
    routes = object(kube::kVirtualServices, "checkout")["spec"];
  }

  void run(const std::function<bool()>& until = [] { return false; }) {
    ReleaseWorld::run(reconciler, until);
  }
  void expect_taken_back() {
    EXPECT_EQ(phase(), "Failed") << message();
    EXPECT_EQ(status()["rollbackReason"], "IdentityChanged");
    EXPECT_EQ(object(kube::kServices, "checkout")["spec"], service);
    EXPECT_EQ(object(kube::kVirtualServices, "checkout")["spec"], routes);
    EXPECT_TRUE(world.api.list(kube::kDestinationRules, "shop", "")->empty());
    EXPECT_TRUE(object(kube::kServices, "checkout-v1").is_null());
    EXPECT_TRUE(object(kube::kServices, "checkout-v2").is_null());
  }

  Reconciler reconciler{world.api, world.api, world.stores, analyst, world.clock, Listener{}};
  Json service, routes;  // as their owner wrote them
};

constexpr const char* kLabel = "/spec/template/metadata/labels/version";

TEST_F(IdentityTest, takes_back_a_candidate_that_gets_another_version_label) {
  run([this] { return at_weight(50); });
  edit(kube::kDeployments, "checkout-v2", kLabel, "v3");
  run();
  expect_taken_back();
  EXPECT_THAT(message(),
              HasSubstr("checkout-v2 has version=v3 now, and this release knows it by version=v2"));
}

TEST_F(IdentityTest, takes_back_a_release_whose_version_label_is_another_one) {
  run([this] { return at_weight(50); });
  edit(kube::kCanaries, "checkout-v2", "/spec/service/versionLabel", "app.kubernetes.io/version");
  run();
  expect_taken_back();
  EXPECT_THAT(message(), HasSubstr("spec.service.versionLabel is \"app.kubernetes.io/version\" now"));
}

TEST_F(IdentityTest, takes_back_a_release_whose_mode_or_routes_are_others) {
  for (const auto& [pointer, value] : {std::pair{"/spec/service/mode", Json("Dedicated")},
                                       std::pair{"/spec/routing/istio/destinationRule", Json("another")}}) {
    edit(kube::kCanaries, "checkout-v2", "/status", Json::object());
    edit(kube::kCanaries, "checkout-v2", "/spec/service/mode", "Placeholder");
    edit(kube::kCanaries, "checkout-v2", "/spec/routing", Json::object());
    edit(kube::kDeployments, "checkout-v2", "/spec/replicas", 1);
    run([this] { return at_weight(50); });
    edit(kube::kCanaries, "checkout-v2", pointer, value);
    run();
    expect_taken_back();
  }
}

TEST_F(IdentityTest, holds_while_stable_has_another_version_label) {
  run([this] { return at_weight(10); });
  edit(kube::kDeployments, "checkout-v1", kLabel, "v0");
  run([this] { return message().contains("VersionLabel") || message().contains("set it back"); });
  EXPECT_EQ(phase(), "Progressing");
  EXPECT_THAT(message(), HasSubstr("the pod template of checkout-v1 has version=v0 now"));
  edit(kube::kDeployments, "checkout-v1", kLabel, "v1");
  run();
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_EQ(object(kube::kServices, "checkout")["spec"]["selector"]["version"], "v2");
}

TEST_F(IdentityTest, a_rollback_is_asked_of_one_release_and_not_of_the_next) {
  run([this] { return at_weight(10); });
  edit(kube::kCanaries, "checkout-v2", "/metadata/annotations",
       {{"weir.dev/rollback", "too slow"}, {"a", "b"}});
  run();
  EXPECT_EQ(phase(), "Failed");
  EXPECT_EQ(object(kube::kCanaries, "checkout-v2")["metadata"]["annotations"], Json({{"a", "b"}}));
  auto next = object(kube::kDeployments, "checkout-v2");
  next["metadata"] = {{"name", "checkout-v3"}, {"namespace", "shop"}};
  next["spec"]["replicas"] = 1;
  next["spec"]["template"]["metadata"]["labels"]["version"] = "v3";
  world.api.put(kube::kDeployments, next);
  edit(kube::kCanaries, "checkout-v2", "/spec/targetRef/name", "checkout-v3");
  run();
  EXPECT_EQ(phase(), "Succeeded") << message();
}

// Written past a definition that is newer than this operator.
TEST_F(IdentityTest, takes_back_a_release_whose_spec_cannot_be_read_any_more) {
  run([this] { return at_weight(50); });
  edit(kube::kCanaries, "checkout-v2", "/spec/analysis/stepWeights", "steep");
  run();
  expect_taken_back();
  EXPECT_THAT(message(), HasSubstr("stepWeights"));
}

TEST_F(IdentityTest, lets_a_deleted_canary_go_whose_spec_cannot_be_read_any_more) {
  run([this] { return at_weight(50); });
  edit(kube::kCanaries, "checkout-v2", "/spec/analysis/stepWeights", "steep");
  ASSERT_TRUE(world.api.remove(kube::kCanaries, object(kube::kCanaries, "checkout-v2")));
  run();
  EXPECT_TRUE(object(kube::kCanaries, "checkout-v2").is_null());
  EXPECT_EQ(object(kube::kServices, "checkout")["spec"], service);
}

// Begun by an operator that recorded no identity, and that read more of the spec.
TEST_F(IdentityTest, takes_a_deleted_canary_back_that_recorded_nothing_and_cannot_be_read) {
  run([this] { return at_weight(50); });
  auto old = object(kube::kCanaries, "checkout-v2");
  old["status"].erase("identity");
  old["spec"]["analysis"]["stepWeights"] = "steep";
  world.api.put(kube::kCanaries, old);
  ASSERT_TRUE(world.api.remove(kube::kCanaries, object(kube::kCanaries, "checkout-v2")));
  run();
  EXPECT_TRUE(object(kube::kCanaries, "checkout-v2").is_null());
  EXPECT_EQ(object(kube::kServices, "checkout")["spec"], service);
  EXPECT_EQ(object(kube::kVirtualServices, "checkout")["spec"], routes);
}

TEST_F(IdentityTest, looks_after_a_release_that_was_relabelled_while_the_operator_was_exchanged) {
  run([this] { return at_weight(50); });
  auto old = object(kube::kCanaries, "checkout-v2");
  old["status"].erase("identity");
  world.api.put(kube::kCanaries, old);
  edit(kube::kDeployments, "checkout-v2", kLabel, "v3");
  run();
  expect_taken_back();
}

TEST_F(IdentityTest, lets_a_deleted_canary_go_whose_workloads_are_gone) {
  run([this] { return at_weight(50); });
  for (const auto* name : {"checkout-v1", "checkout-v2"})
    ASSERT_TRUE(world.api.remove(kube::kDeployments, object(kube::kDeployments, name)));
  ASSERT_TRUE(world.api.remove(kube::kCanaries, object(kube::kCanaries, "checkout-v2")));
  run();
  EXPECT_TRUE(object(kube::kCanaries, "checkout-v2").is_null());
  EXPECT_EQ(object(kube::kServices, "checkout")["spec"], service);
  EXPECT_EQ(object(kube::kVirtualServices, "checkout")["spec"], routes);
}

TEST_F(IdentityTest, leaves_the_candidate_to_the_release_that_supersedes_it_with_the_same_target) {
  run([this] { return at_weight(50); });
  auto newer = object(kube::kCanaries, "checkout-v2");
  newer["metadata"] = {{"name", "checkout-again"}, {"namespace", "shop"}};
  newer["spec"]["supersede"] = true;
  newer.erase("status");
  ASSERT_TRUE(world.api.create(kube::kCanaries, newer));
  run([this] { return phase() == "Failed"; });
  EXPECT_EQ(phase(), "Failed");
  EXPECT_EQ(object(kube::kDeployments, "checkout-v2")["spec"]["replicas"], 1);
}

// The watch has not brought the new template yet.
TEST_F(IdentityTest, does_not_promote_a_template_that_only_the_api_server_has) {
  run([this] { return phase() == "Promoting"; });
  const auto cached = world.api.list(kube::kDeployments, "shop", "").value_or(std::vector<Json>{});
  edit(kube::kDeployments, "checkout-v2", "/spec/template/spec/containers/0/image", "demo-app:never-judged");
  for (int i = 0; i < 20; ++i) {
    (void)world.stores.deployments.replace(cached, world.clock.steady());
    (void)reconciler.reconcile(key);
    world.clock.advance(std::chrono::seconds(10));
  }
  EXPECT_NE(object(kube::kServices, "checkout")["spec"]["selector"].value("version", ""), "v2");
}

// It is a version that another release of the Service knows: people whose routes are divided lose nothing.
TEST_F(IdentityTest, goes_on_beside_a_third_version_of_the_service_and_says_so) {
  auto third = object(kube::kDeployments, "checkout-v2");
  third["metadata"] = {{"name", "checkout-v0"}, {"namespace", "shop"}};
  third["spec"]["template"]["metadata"]["labels"] = {{"app", "checkout"}, {"version", "v0"}, {"tier", "old"}};
  world.api.put(kube::kDeployments, third);
  run([this] { return message().contains("checkout-v0"); });
  EXPECT_EQ(phase(), "Pending");
  EXPECT_THAT(message(), HasSubstr("also matches the pods of checkout-v0"));
  auto before = object(kube::kCanaries, "checkout-v2");
  before["metadata"] = {{"name", "checkout-v0"}, {"namespace", "shop"}};
  before["spec"]["targetRef"]["name"] = "checkout-v0";
  before["status"] = {{"phase", "Succeeded"}, {"target", "checkout-v0"}};
  world.api.put(kube::kCanaries, before);
  run([this] { return at_weight(10); });
  const auto conditions = status()["conditions"];
  const auto isolated =
      std::ranges::find_if(conditions, [](const Json& one) { return one["type"] == "TrafficIsolated"; });
  ASSERT_NE(isolated, conditions.end());
  EXPECT_EQ((*isolated)["status"], "False");
  EXPECT_THAT((*isolated)["message"].get<std::string>(), HasSubstr("checkout-v0"));
}

// Runs something of somebody else's right before the Service's selector is moved to the candidate.
class OvertakenApi final : public kube::ForwardingApi {
 public:
  OvertakenApi(kube::Api& api, std::function<void()> overtake)
      : ForwardingApi(api), overtake_(std::move(overtake)) {}
  kube::Result<Json> update(const kube::Resource& resource, const Json& before, const Json& after) override {
    if (resource == kube::kServices && after["spec"]["selector"].value("version", "") == "v2") overtake_();
    return ForwardingApi::update(resource, before, after);
  }

 private:
  std::function<void()> overtake_;
};

TEST_F(IdentityTest, takes_the_selector_back_from_a_template_pushed_after_the_last_look) {
  bool pushed = false;
  OvertakenApi api(world.api, [&] {
    if (!std::exchange(pushed, true))
      edit(kube::kDeployments, "checkout-v2", "/spec/template/spec/containers/0/image", "demo-app:unseen");
  });
  Reconciler process{api, api, world.stores, analyst, world.clock, Listener{}};
  ReleaseWorld::run(process, [&] { return pushed; });
  ASSERT_TRUE(pushed);
  EXPECT_FALSE(object(kube::kServices, "checkout")["spec"]["selector"].contains("version"));
  ReleaseWorld::run(process, [this] { return phase() == "Progressing"; });
  EXPECT_EQ(phase(), "Progressing") << "it is judged from the beginning";
  ReleaseWorld::run(process, [] { return false; });
  EXPECT_EQ(phase(), "Succeeded") << message();
}

// The watch has not brought the other Service yet.
TEST_F(IdentityTest, keeps_stables_pods_that_only_the_api_server_knows_another_user_of) {
  run([this] { return phase() == "Finalizing"; });
  auto other = object(kube::kServices, "checkout");
  other["metadata"] = {{"name", "checkout-grpc"}, {"namespace", "shop"}};
  other["spec"]["selector"] = {{"app", "checkout"}, {"version", "v1"}};
  world.api.put(kube::kServices, other);
  for (int i = 0; i < 50; ++i) {
    world.stores.services.erase({"shop", "checkout-grpc"}, world.clock.steady());
    (void)reconciler.reconcile(key);
    world.clock.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(object(kube::kDeployments, "checkout-v1")["spec"]["replicas"], 2);
}

}  // namespace
}  // namespace weir::reconcile
