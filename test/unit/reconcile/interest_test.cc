#include "operator/reconcile/interest.h"

#include <gmock/gmock.h>

namespace weir::reconcile {
namespace {

using kube::Json;
using kube::Key;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Interest : public ::testing::Test {
 protected:
  void add(const std::string& name, const std::string& service, const std::string& phase) {
    Json canary{
        {"metadata", {{"name", name}, {"namespace", "shop"}, {"uid", name}, {"resourceVersion", "1"}}},
        {"spec", {{"service", {{"name", service}}}}}};
    if (!phase.empty()) {
      canary["status"] = {{"phase", phase}, {"target", name}, {"stable", {{"name", service + "-v1"}}}};
    }
    stores.canaries.put(canary, {});
  }
  std::vector<Key> concerned_by(const kube::Resource& resource, const std::string& name) {
    return concerned(stores, resource, {"shop", name});
  }

  kube::Stores stores;
};

TEST_F(Interest, of_a_deployment_is_with_the_releases_that_name_it) {
  add("checkout-v2", "checkout", "Progressing");
  add("cart-v2", "cart", "Progressing");
  EXPECT_THAT(concerned_by(kube::kDeployments, "checkout-v1"), ElementsAre(Key{"shop", "checkout-v2"}));
  EXPECT_THAT(concerned_by(kube::kDeployments, "other"), IsEmpty());
}

TEST_F(Interest, of_any_deployment_is_with_a_release_that_still_looks_for_its_own) {
  add("checkout-v2", "checkout", "Pending");
  EXPECT_THAT(concerned_by(kube::kDeployments, "anything"), ElementsAre(Key{"shop", "checkout-v2"}));
}

TEST_F(Interest, of_endpoints_is_with_the_service_and_those_made_for_its_versions) {
  add("checkout-v2", "checkout", "Progressing");
  EXPECT_THAT(concerned_by(kube::kEndpointSlices, "checkout-v2-x7k2p"),
              ElementsAre(Key{"shop", "checkout-v2"}));
  EXPECT_THAT(concerned_by(kube::kEndpointSlices, "cart-abcde"), IsEmpty());
}

TEST_F(Interest, in_a_canary_is_shared_by_those_that_wait_for_the_same_service) {
  add("checkout-v2", "checkout", "Progressing");
  add("checkout-v3", "checkout", "Pending");
  add("cart-v2", "cart", "Pending");
  EXPECT_THAT(concerned_by(kube::kCanaries, "checkout-v2"),
              UnorderedElementsAre(Key{"shop", "checkout-v2"}, Key{"shop", "checkout-v3"}));
}

TEST_F(Interest, ends_with_the_release) {
  add("checkout-v2", "checkout", "Succeeded");
  EXPECT_THAT(concerned_by(kube::kDeployments, "checkout-v2"), IsEmpty());
  EXPECT_THAT(concerned_by(kube::kVirtualServices, "checkout"), IsEmpty());
  EXPECT_THAT(concerned_by(kube::kCanaries, "checkout-v2"), ElementsAre(Key{"shop", "checkout-v2"}));
}

TEST_F(Interest, in_what_a_release_made_goes_on_when_it_is_over) {
  add("checkout-v2", "checkout", "Succeeded");
  add("checkout-v3", "checkout", "Succeeded");
  const Json owned{{"metadata",
                    {{"name", "checkout-v1"},
                     {"namespace", "shop"},
                     {"resourceVersion", "1"},
                     {"ownerReferences", Json::array({{{"kind", "Canary"}, {"uid", "checkout-v2"}}})}}}};
  stores.services.put(owned, {});
  stores.destination_rules.put(owned, {});
  EXPECT_THAT(concerned_by(kube::kServices, "checkout-v1"), ElementsAre(Key{"shop", "checkout-v2"}));
  EXPECT_THAT(concerned_by(kube::kDestinationRules, "checkout-v1"), ElementsAre(Key{"shop", "checkout-v2"}));
  EXPECT_THAT(concerned_by(kube::kEndpointSlices, "checkout-v1"), IsEmpty());
}

}  // namespace
}  // namespace weir::reconcile
