#include <gmock/gmock.h>

#include "operator/reconcile/kinds.h"
#include "operator/reconcile/orphans.h"
#include "operator/routing/ownership.h"

namespace weir::reconcile {
namespace {

using kube::Json;
using kube::Key;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Interest : public ::testing::Test {
 protected:
  Interest() {
    stores.on_change([this](const kube::Resource& resource, const kube::Change& change) {
      found = concerned(stores, resource, change);
    });
  }
  void add(const std::string& name, const std::string& service, const std::string& phase) {
    Json canary{
        {"metadata", {{"name", name}, {"namespace", "shop"}, {"uid", name}, {"resourceVersion", "1"}}},
        {"spec", {{"service", {{"name", service}}}}}};
    if (!phase.empty()) {
      canary["status"] = {{"phase", phase}, {"target", name}, {"stable", {{"name", service + "-v1"}}}};
    }
    stores.canaries.put(canary, {});
  }
  // Whom a change of the object concerns.
  std::vector<Key> put(const kube::Resource& resource, const std::string& name, Json object) {
    object["metadata"].update({{"name", name}, {"namespace", "shop"}, {"uid", "of " + name}});
    object["metadata"]["resourceVersion"] = std::to_string(++version);
    found.clear();
    stores.of(resource)->put(std::move(object), {});
    return found;
  }
  std::vector<Key> erase(const kube::Resource& resource, const std::string& name) {
    found.clear();
    stores.of(resource)->erase({"shop", name}, {});
    return found;
  }
  std::vector<Key> deploy(const std::string& name, const std::string& app) {
    return put(kube::kDeployments, name,
               {{"spec", {{"template", {{"metadata", {{"labels", {{"app", app}, {"version", name}}}}}}}}}});
  }
  std::vector<Key> slice(const std::string& name, const std::string& service) {
    return put(kube::kEndpointSlices, name,
               {{"metadata", {{"labels", {{"kubernetes.io/service-name", service}}}}}});
  }
  std::vector<Key> route(const std::string& name, const Json& spec) {
    return put(kube::kVirtualServices, name, {{"spec", spec}});
  }

  int version = 1;
  std::vector<Key> found;
  kube::Stores stores{kept_kinds()};
};

const Key kCheckout{"shop", "checkout-v2"};

Json to(const std::string& host) {
  return Json::array({{{"route", Json::array({{{"destination", {{"host", host}}}}})}}});
}

TEST_F(Interest, of_a_deployment_is_with_the_releases_that_name_it) {
  add("checkout-v2", "checkout", "Progressing");
  add("cart-v2", "cart", "Progressing");
  EXPECT_THAT(deploy("checkout-v1", "checkout"), ElementsAre(kCheckout));
  EXPECT_THAT(deploy("checkout-v2", "checkout"), ElementsAre(kCheckout));
  EXPECT_THAT(deploy("other", "other"), IsEmpty());
  EXPECT_THAT(erase(kube::kDeployments, "checkout-v1"), ElementsAre(kCheckout));
}

TEST_F(Interest, of_a_deployment_that_a_service_selects_is_with_a_release_that_still_looks_for_stable) {
  add("checkout-v2", "checkout", "Pending");
  put(kube::kServices, "checkout", {{"spec", {{"selector", {{"app", "checkout"}, {"version", "any"}}}}}});
  EXPECT_THAT(deploy("anything", "checkout"), ElementsAre(kCheckout));
  EXPECT_THAT(deploy("other", "other"), IsEmpty());
  EXPECT_THAT(erase(kube::kDeployments, "anything"), ElementsAre(kCheckout));
}

TEST_F(Interest, of_endpoints_is_with_the_service_and_those_made_for_its_versions) {
  add("checkout-v2", "checkout", "Progressing");
  EXPECT_THAT(slice("checkout-v2-x7k2p", "checkout-v2"), ElementsAre(kCheckout));
  EXPECT_THAT(slice("checkout-b3c4d", "checkout"), ElementsAre(kCheckout));
  EXPECT_THAT(slice("cart-abcde", "cart"), IsEmpty());
  EXPECT_THAT(slice("checkouts-abcde", "checkouts"), IsEmpty());
}

// For the release of checkout-v2.
Json made_by_an_older_operator() {
  const Json owner{{"apiVersion", "weir.dev/v1alpha1"},
                   {"kind", "Canary"},
                   {"name", "checkout-v2"},
                   {"uid", "checkout-v2"}};
  return {{"metadata",
           {{"labels", {{routing::kManagedBy, routing::kWeir}}}, {"ownerReferences", Json::array({owner})}}}};
}

TEST_F(Interest, of_endpoints_is_with_the_release_that_made_their_service_whatever_that_is_called) {
  const std::string service(60, 's');
  add("checkout-v2", service, "Progressing");
  const auto cut = std::string(54, 's') + "-0f1e2d3c";
  EXPECT_THAT(slice(cut + "-abcde", cut), IsEmpty());
  put(kube::kServices, cut, made_by_an_older_operator());
  EXPECT_THAT(slice(cut + "-abcde", cut), ElementsAre(kCheckout));
}

TEST_F(Interest, of_routes_and_rules_is_with_the_service_that_they_name_in_whatever_way) {
  add("checkout-v2", "checkout", "Progressing");
  EXPECT_THAT(route("short", {{"http", to("checkout")}}), ElementsAre(kCheckout));
  EXPECT_THAT(route("full", {{"tcp", to("checkout.shop.svc.cluster.local")}}), ElementsAre(kCheckout));
  EXPECT_THAT(route("bound", {{"hosts", {"checkout.shop"}}}), ElementsAre(kCheckout));
  EXPECT_THAT(route("other", {{"hosts", {"example.com"}}, {"http", to("cart")}}), IsEmpty());
  EXPECT_THAT(put(kube::kDestinationRules, "rule", {{"spec", {{"host", "checkout.shop.svc"}}}}),
              ElementsAre(kCheckout));
  EXPECT_THAT(put(kube::kDestinationRules, "all", {{"spec", {{"host", "*.local"}}}}), ElementsAre(kCheckout));
  EXPECT_THAT(put(kube::kDestinationRules, "other", {{"spec", {{"host", "cart"}}}}), IsEmpty());
}

TEST_F(Interest, of_a_route_is_also_with_the_release_whose_service_it_no_longer_names) {
  add("checkout-v2", "checkout", "Progressing");
  route("web", {{"http", to("checkout")}});
  EXPECT_THAT(route("web", {{"http", to("cart")}}), ElementsAre(kCheckout));
  EXPECT_THAT(route("web", {{"http", to("cart2")}}), IsEmpty());
}

TEST_F(Interest, of_a_route_is_also_with_the_release_that_made_the_service_it_names) {
  add("checkout-v2", "checkout", "Progressing");
  EXPECT_THAT(route("orders", {{"http", to("checkout-v1")}}), IsEmpty());
  put(kube::kServices, "checkout-v1", made_by_an_older_operator());
  EXPECT_THAT(route("orders", {{"http", to("checkout-v1.shop.svc.cluster.local")}}), ElementsAre(kCheckout));
  EXPECT_THAT(route("orders", {{"http", to("cart")}}), ElementsAre(kCheckout));
  EXPECT_THAT(route("orders", {{"http", to("cart2")}}), IsEmpty());
}

TEST_F(Interest, of_a_root_is_with_the_releases_of_what_it_delegates_to) {
  add("checkout-v2", "checkout", "Progressing");
  route("leaf", {{"http", to("checkout")}});
  const Json delegate{{"delegate", {{"name", "leaf"}}}};
  EXPECT_THAT(route("root", {{"hosts", {"example.com"}}, {"http", Json::array({delegate})}}),
              ElementsAre(kCheckout));
}

TEST_F(Interest, in_a_canary_is_shared_by_those_of_its_service_when_it_begins_or_ends) {
  add("checkout-v3", "checkout", "Pending");
  add("cart-v2", "cart", "Pending");
  add("checkout-v2", "checkout", "Pending");
  EXPECT_THAT(found, ElementsAre(kCheckout)) << "a newcomer waits";
  const auto canary = [](const std::string& phase, int weight) {
    return Json{{"spec", {{"service", {{"name", "checkout"}}}}},
                {"status", {{"phase", phase}, {"canaryWeight", weight}}}};
  };
  const auto both = UnorderedElementsAre(kCheckout, Key{"shop", "checkout-v3"});
  EXPECT_THAT(put(kube::kCanaries, "checkout-v2", canary("Initializing", 0)), both);
  EXPECT_THAT(put(kube::kCanaries, "checkout-v2", canary("Progressing", 10)), ElementsAre(kCheckout));
  EXPECT_THAT(put(kube::kCanaries, "checkout-v2", canary("Succeeded", 100)), both);
  EXPECT_THAT(erase(kube::kCanaries, "checkout-v2"), ElementsAre(kCheckout));
}

TEST_F(Interest, in_a_release_that_supersedes_is_shared_by_those_that_it_supersedes) {
  add("checkout-v2", "checkout", "Progressing");
  EXPECT_THAT(put(kube::kCanaries, "checkout-v3",
                  {{"spec", {{"service", {{"name", "checkout"}}}, {"supersede", true}}}}),
              UnorderedElementsAre(kCheckout, Key{"shop", "checkout-v3"}));
}

TEST_F(Interest, of_a_template_is_with_the_releases_that_name_it) {
  put(kube::kCanaries, "checkout-v2",
      {{"spec",
        {{"service", {{"name", "checkout"}}},
         {"analysis",
          {{"metrics", Json::array({{{"name", "m"}, {"templateRef", {{"name", "errors"}}}}})}}}}}});
  EXPECT_THAT(put(kube::kMetricTemplates, "errors", Json::object()), ElementsAre(kCheckout));
  EXPECT_THAT(put(kube::kMetricTemplates, "latency", Json::object()), IsEmpty());
}

TEST_F(Interest, ends_with_the_release) {
  add("checkout-v2", "checkout", "Succeeded");
  EXPECT_THAT(found, ElementsAre(kCheckout));
  EXPECT_THAT(deploy("checkout-v2", "checkout"), IsEmpty());
  EXPECT_THAT(route("checkout", {{"hosts", {"checkout"}}}), IsEmpty());
  EXPECT_THAT(slice("checkout-abcde", "checkout"), IsEmpty());
}

TEST_F(Interest, of_a_service_is_with_the_release_that_was_promoted_to_it_last) {
  add("checkout-v2", "checkout", "Succeeded");
  add("checkout-v3", "checkout", "Succeeded");
  add("checkout-v4", "checkout", "Failed");
  add("cart-v2", "cart", "Succeeded");
  const Json selector{{"spec", {{"selector", {{"app", "checkout"}, {"version", "v1"}}}}}};
  const Key last{"shop", "checkout-v3"};
  EXPECT_THAT(put(kube::kServices, "checkout", selector), ElementsAre(last));
  add("checkout-v5", "checkout", "Progressing");
  EXPECT_THAT(put(kube::kServices, "checkout", selector), ElementsAre(Key{"shop", "checkout-v5"}));
  EXPECT_THAT(erase(kube::kCanaries, "checkout-v5"), ElementsAre(last, Key{"shop", "checkout-v5"}));
  EXPECT_THAT(erase(kube::kServices, "checkout"), ElementsAre(last));
}

TEST_F(Interest, of_a_deployment_that_gets_other_labels_is_with_the_promotion_whose_service_selects_it) {
  add("checkout-v2", "checkout", "Succeeded");
  put(kube::kServices, "checkout", {{"spec", {{"selector", {{"app", "checkout"}, {"version", "v2"}}}}}});
  put(kube::kServices, "cart", {{"spec", {{"selector", {{"app", "cart"}}}}}});
  add("cart-v2", "cart", "Succeeded");
  const auto labelled = [this](const char* label, int replicas) {
    return put(kube::kDeployments, "checkout-v2",
               {{"spec",
                 {{"replicas", replicas},
                  {"template", {{"metadata", {{"labels", {{"app", "checkout"}, {"version", label}}}}}}}}}});
  };
  labelled("v2", 1);
  EXPECT_THAT(labelled("v2", 2), IsEmpty());
  EXPECT_THAT(labelled("v3", 2), ElementsAre(kCheckout));
}

TEST_F(Interest, in_a_promotion_is_also_with_those_before_it_that_have_noted_none) {
  add("checkout-v1", "checkout", "Succeeded");
  put(kube::kCanaries, "checkout-v0",
      {{"spec", {{"service", {{"name", "checkout"}}}}},
       {"status", {{"phase", "Succeeded"}, {"successor", "checkout-v1"}}}});
  add("checkout-v4", "checkout", "Pending");
  add("checkout-v2", "checkout", "Finalizing");
  const Json over{{"spec", {{"service", {{"name", "checkout"}}}}}, {"status", {{"phase", "Succeeded"}}}};
  EXPECT_THAT(put(kube::kCanaries, "checkout-v2", over),
              ElementsAre(Key{"shop", "checkout-v1"}, kCheckout, Key{"shop", "checkout-v4"}));
}

TEST_F(Interest, of_a_service_is_with_nobody_once_the_canary_of_the_last_promotion_is_gone) {
  put(kube::kCanaries, "checkout-v2",
      {{"spec", {{"service", {{"name", "checkout"}}}}},
       {"status", {{"phase", "Succeeded"}, {"successor", "checkout-v3"}}}});
  EXPECT_THAT(put(kube::kServices, "checkout", {{"spec", {{"selector", {{"version", "v3"}}}}}}), IsEmpty());
}

TEST_F(Interest, of_endpoints_is_with_a_promotion_that_says_what_has_become_of_its_service) {
  const auto says = [](const std::string& reason) {
    return Json{{"spec", {{"service", {{"name", "checkout"}}}}},
                {"status",
                 {{"phase", "Succeeded"},
                  {"conditions", Json::array({{{"type", "Promoted"}, {"reason", reason}}})}}}};
  };
  for (const char* reason : {"Undone", "Superseded"}) {
    put(kube::kCanaries, "checkout-v2", says(reason));
    EXPECT_THAT(slice("checkout-abcde", "checkout"), ElementsAre(kCheckout)) << reason;
    EXPECT_THAT(slice("checkout-v1-abcde", "checkout-v1"), IsEmpty());
  }
  put(kube::kCanaries, "checkout-v2", says("Promoted"));
  EXPECT_THAT(slice("checkout-abcde", "checkout"), IsEmpty());
}

// Of this name by the release of checkout-v2.
Json made_as(const char* name) {
  Json made{{"metadata", {{"name", name}, {"namespace", "shop"}}}};
  routing::sign(made, {.canary = "checkout-v2", .uid = "checkout-v2", .service = "checkout"});
  return made;
}

TEST_F(Interest, in_what_a_release_made_goes_on_when_it_is_over) {
  add("checkout-v2", "checkout", "Succeeded");
  add("checkout-v3", "checkout", "Succeeded");
  EXPECT_THAT(put(kube::kServices, "checkout-v1", made_as("checkout-v1")), ElementsAre(kCheckout));
  EXPECT_THAT(put(kube::kDestinationRules, "checkout-weir", made_as("checkout-weir")),
              ElementsAre(kCheckout));
  EXPECT_THAT(slice("checkout-v1", "checkout-v1"), IsEmpty());
}

TEST_F(Interest, in_what_an_older_operator_made_is_the_releases_too) {
  add("checkout-v2", "checkout", "Progressing");
  EXPECT_THAT(put(kube::kServices, "another-name", made_by_an_older_operator()), ElementsAre(kCheckout));
}

TEST_F(Interest, in_what_is_left_of_a_canary_that_is_gone_is_with_its_service) {
  add("checkout-v2", "checkout", "Progressing");
  put(kube::kServices, "checkout-v1", made_as("checkout-v1"));
  const auto orphans = orphans_of({"shop", "checkout"});
  EXPECT_THAT(erase(kube::kCanaries, "checkout-v2"), ElementsAre(kCheckout, orphans));
  EXPECT_THAT(put(kube::kDestinationRules, "checkout-weir", made_as("checkout-weir")), ElementsAre(orphans));
  EXPECT_EQ(everything_due(stores).size(), 1U);
  EXPECT_EQ(leader_of(orphans, stores), (Key{"shop", "checkout"}));
}

}  // namespace
}  // namespace weir::reconcile
