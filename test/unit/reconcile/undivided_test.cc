// Routes and mirrors beside those that a release divides, which lead to one version alone.
#include <gmock/gmock.h>

#include <string>

#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using ::testing::HasSubstr;

class Undivided : public ::testing::Test, protected ReleaseWorld {
 protected:
  Undivided() { fill(); }

  void run(const std::function<bool()>& until = [] { return false; }) {
    ReleaseWorld::run(reconciler, until);
  }
  // Another VirtualService of the namespace.
  void put_orders(const Json& route) {
    world.api.put(kube::kVirtualServices,
                  {{"apiVersion", "networking.istio.io/v1"},
                   {"kind", "VirtualService"},
                   {"metadata", {{"name", "orders"}, {"namespace", "shop"}}},
                   {"spec", {{"hosts", {"orders"}}, {"http", Json::array({route})}}}});
  }
  static Json to(const std::string& host) { return Json::array({{{"destination", {{"host", host}}}}}); }
  static Json mirrored() {
    return {{"route", to("orders")}, {"mirror", {{"host", "checkout"}, {"subset", "v1"}}}};
  }
  int replicas(const std::string& name) {
    return object(kube::kDeployments, name).value("/spec/replicas"_json_pointer, -1);
  }
  std::string selected() {
    return object(kube::kServices, "checkout").value("/spec/selector/version"_json_pointer, "");
  }

  Reconciler reconciler{world.api, world.api, world.stores, analyst, world.clock, Listener{}};
};

TEST_F(Undivided, mirror_that_comes_in_mid_release_is_waited_for_and_keeps_its_subset) {
  run([this] { return at_weight(10); });
  put_orders(mirrored());
  bool said = false;
  run([&] {
    said = said ||
           message().find("spec.http[0].mirror names subset \"v1\" of Service checkout") != std::string::npos;
    return selected() == "v2";
  });
  EXPECT_TRUE(said);
  EXPECT_EQ(phase(), "Failed") << message();
  EXPECT_THAT(message(), HasSubstr("or set spec.stable.afterPromotion to Keep"));
  EXPECT_EQ(replicas("checkout-v1"), 2);
  EXPECT_THAT(object(kube::kDestinationRules, "checkout-weir").dump(), HasSubstr("\"name\":\"v1\""));
}

TEST_F(Undivided, mirror_that_is_led_elsewhere_lets_the_release_go_on) {
  run([this] { return at_weight(10); });
  put_orders(mirrored());
  run([this] { return message().find("spec.http[0].mirror") != std::string::npos; });
  put_orders({{"route", to("orders")}});
  run([this] { return phase() == "Succeeded"; });
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_EQ(replicas("checkout-v1"), 0);
}

TEST_F(Undivided, route_to_a_versions_own_service_keeps_it_for_as_long_as_it_is_there) {
  put_orders({{"route", to("checkout-v2")}});
  run([this] { return phase() == "Succeeded"; });
  EXPECT_EQ(phase(), "Succeeded") << message();
  EXPECT_TRUE(object(kube::kServices, "checkout-v1").is_null());
  EXPECT_FALSE(object(kube::kServices, "checkout-v2").is_null());
  world.api.erase(kube::kVirtualServices, {"shop", "orders"});
  run([this] { return object(kube::kServices, "checkout-v2").is_null(); });
  EXPECT_TRUE(object(kube::kServices, "checkout-v2").is_null());
}

TEST_F(Undivided, route_to_the_candidate_keeps_its_pods_in_a_rollback) {
  put_orders({{"route", to("checkout-v2")}});
  analyst.judge = [](const Question&) { return strategies::Outcome::Fail; };
  run([this] { return phase() == "Failed"; });
  EXPECT_EQ(phase(), "Failed") << message();
  EXPECT_EQ(replicas("checkout-v2"), 1);
  EXPECT_FALSE(object(kube::kServices, "checkout-v2").is_null());
}

}  // namespace
}  // namespace weir::reconcile
