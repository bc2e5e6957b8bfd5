// Rules and routes that somebody writes in another namespace while a release runs, or before.
#include <gmock/gmock.h>

#include <string>

#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kInFull = "checkout.shop.svc.cluster.local";

class Foreign : public ::testing::Test, protected ReleaseWorld {
 protected:
  Foreign() { fill(); }

  void run(const std::function<bool()>& until = [] { return false; }) {
    ReleaseWorld::run(reconciler, until);
  }
  void put(const kube::Resource& kind, const char* kind_name, const Json& spec) {
    world.api.put(kind, {{"apiVersion", "networking.istio.io/v1"},
                         {"kind", kind_name},
                         {"metadata", {{"name", "mine"}, {"namespace", "evil"}}},
                         {"spec", spec}});
  }
  void put_rule() {
    put(kube::kDestinationRules, "DestinationRule", {{"host", kInFull}, {"exportTo", Json::array({"."})}});
  }
  // Of a gateway of its namespace: to the Service, with a copy for a subset of it.
  void put_route(const std::string& subset) {
    const Json route{{"route", Json::array({{{"destination", {{"host", kInFull}}}}})},
                     {"mirror", {{"host", kInFull}, {"subset", subset}}}};
    put(kube::kVirtualServices, "VirtualService",
        {{"hosts", {"evil.example.com"}}, {"gateways", {"gw"}}, {"http", Json::array({route})}});
  }
  Json isolated() {
    for (const auto& condition : status().value("conditions", Json::array())) {
      if (condition["type"] == "TrafficIsolated") return condition;
    }
    return {};
  }
  int replicas(const std::string& name) {
    return object(kube::kDeployments, name).value("/spec/replicas"_json_pointer, -1);
  }

  Reconciler reconciler{world.api, world.api, world.stores, analyst, world.clock, Listener{}};
};

TEST_F(Foreign, objects_of_a_namespace_that_is_not_trusted_are_said_and_hold_no_release) {
  put_rule();
  put_route("v1");
  run([this] { return at_weight(10); });
  EXPECT_EQ(isolated().value("status", ""), "False");
  EXPECT_THAT(
      isolated().value("message", ""),
      AllOf(HasSubstr("DestinationRule \"evil/mine\" has spec.host"),
            HasSubstr("VirtualService \"evil/mine\" routes to Service checkout"),
            HasSubstr("spec.http[0].mirror names subset \"v1\" of Service checkout, which has pods of "
                      "version v1 alone, and the release does not move it: after the promotion no pod "
                      "answers there; name no subset there")));
  run([this] { return phase() == "Succeeded"; });
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_EQ(replicas("checkout-v1"), 0);
  EXPECT_TRUE(object(kube::kDestinationRules, "checkout-weir").is_null());
}

TEST_F(Foreign, objects_of_a_namespace_that_is_not_trusted_undo_no_running_release) {
  run([this] { return at_weight(10); });
  put_rule();
  put_route("v1");
  run([this] { return phase() == "Succeeded"; });
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_EQ(replicas("checkout-v1"), 0);
}

TEST_F(Foreign, objects_of_a_namespace_that_is_not_trusted_do_not_keep_others_from_being_counted) {
  put_route("v1");
  analyst.count = [](const Question& question) {
    EXPECT_TRUE(question.request.only_trusted);
    EXPECT_EQ(question.subject.trusted, routing::TrustedNamespaces{})
        << "its gateway's proxies may run anywhere";
    return analysis::Split{.division = analysis::Division::Differs, .message = "gateway-1 lags"};
  };
  run([this] { return message() == "gateway-1 lags"; });
  EXPECT_EQ(message(), "gateway-1 lags");
  EXPECT_TRUE(at_weight(10));
}

TEST_F(Foreign, mirror_of_a_namespace_that_is_not_trusted_keeps_nothing_after_a_rollback) {
  analyst.judge = [](const Question&) { return strategies::Outcome::Fail; };
  run([this] { return at_weight(10); });
  put_route("v2");
  run();
  EXPECT_EQ(phase(), "Failed") << message();
  EXPECT_EQ(replicas("checkout-v2"), 0);
  EXPECT_TRUE(object(kube::kDestinationRules, "checkout-weir").is_null());
}

TEST_F(Foreign, route_of_a_trusted_namespace_is_waited_for_before_the_release_begins) {
  reconciler.trust({"evil"});
  put_route("v1");
  run([this] { return phase() == "Failed"; });
  EXPECT_EQ(phase(), "Failed");
  EXPECT_THAT(message(), HasSubstr("VirtualService \"evil/mine\" routes to Service checkout"));
  EXPECT_EQ(object(kube::kServices, "checkout").value("/spec/selector/version"_json_pointer, ""), "v1");
}

TEST_F(Foreign, mirror_of_a_trusted_namespace_that_comes_in_mid_release_keeps_stables_pods) {
  reconciler.trust({"evil"});
  run([this] { return at_weight(10); });
  put_rule();
  put_route("v1");
  run([this] { return at_weight(50); });
  EXPECT_THAT(isolated().value("message", ""),
              HasSubstr("does not move it: these pods stay; name no subset there"));
  run([this] { return phase() == "Succeeded"; });
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_EQ(replicas("checkout-v1"), 2);
}

}  // namespace
}  // namespace weir::reconcile
