#include "operator/routing/istio/hosts.h"

#include <gmock/gmock.h>

#include "operator/routing/terms.h"
#include "test/unit/routing/world.h"

namespace weir::routing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr MeshService kCheckout{"checkout", "shop", "cluster.local"};
constexpr MeshService kElsewhere{"checkout", "shop", "corp.internal"};

TEST(Hosts, of_a_service_are_its_short_name_at_home_and_its_full_name_anywhere) {
  EXPECT_TRUE(names_service("checkout", "shop", kCheckout));
  EXPECT_FALSE(names_service("checkout", "web", kCheckout));
  for (const char* name_space : {"shop", "web"}) {
    EXPECT_TRUE(names_service("checkout.shop.svc.cluster.local", name_space, kCheckout));
    EXPECT_TRUE(names_service("checkout.shop.svc.corp.internal", name_space, kElsewhere));
    EXPECT_FALSE(names_service("checkout.shop.svc.cluster.local", name_space, kElsewhere));
  }
}

TEST(Hosts, that_only_look_like_the_service_are_others) {
  for (const char* host :
       {"", "checkout-v1", "check", "checkout.", "checkout.web", "checkout.shop", "checkout.shop.svc",
        "checkout.shopping", "checkout.shop.", "checkout.shop.example.com", "checkout.shop.svc.cluster",
        "api.checkout.shop", "checkout.shop.svc.cluster.local.evil", "*.shop.svc.cluster.local"}) {
    EXPECT_FALSE(names_service(host, "shop", kCheckout)) << host;
  }
}

TEST(Hosts, that_are_meant_for_the_service_are_its_names_without_or_with_another_domain) {
  for (const char* host : {"checkout.shop", "checkout.shop.svc", "checkout.shop.svc.corp.internal"})
    EXPECT_TRUE(is_meant_for(host, kCheckout)) << host;
  for (const char* host : {"checkout", "checkout.shop.svc.cluster.local", "checkout.web", "checkout.shop.com",
                           "checkout.shop.svcs", "checkout-v1.shop", ""})
    EXPECT_FALSE(is_meant_for(host, kCheckout)) << host;
}

TEST(Hosts, with_a_wildcard_cover_the_full_name) {
  for (const char* host : {"*", "*.local", "*.svc.cluster.local", "*.shop.svc.cluster.local"}) {
    EXPECT_TRUE(wildcard_covers(host, kCheckout)) << host;
  }
  for (const char* host : {"*.web.svc.cluster.local", "*.com", "checkout.shop.svc.cluster.local", ""}) {
    EXPECT_FALSE(wildcard_covers(host, kCheckout)) << host;
  }
  EXPECT_TRUE(wildcard_covers("*.svc.corp.internal", kElsewhere));
  EXPECT_FALSE(wildcard_covers("*.svc.cluster.local", kElsewhere));
}

TEST(Hosts, are_found_by_one_term_however_they_are_spelt_and_in_any_domain) {
  for (const char* host : {"checkout", "checkout.shop", "checkout.shop.svc",
                           "checkout.shop.svc.cluster.local", "checkout.shop.svc.corp.internal"})
    EXPECT_EQ(host_term(host, "shop"), host_term("checkout", "shop")) << host;
  for (const char* host : {"checkout.web", "checkout.shop.example.com", "checkout.shop.svcs", "*.shop"})
    EXPECT_NE(host_term(host, "shop"), host_term("checkout", "shop")) << host;
}

TEST(Hosts, of_rules_and_routes_that_weir_writes_are_in_the_clusters_domain) {
  for (const char* mode : {"Placeholder", "Dedicated"}) {
    World world(mode == std::string("Dedicated") ? dedicated_mode() : placeholder());
    world.target.cluster_domain = "corp.internal";
    world.with(simple({{{"route", {to("checkout.shop.svc.corp.internal")}}}}));
    const auto before = world.objects;
    world.begin();
    const auto host = world.target.traffic_host + ".shop.svc.corp.internal";
    EXPECT_EQ(world.rule()["spec"]["host"], host);
    EXPECT_EQ(world.route_of()[0]["destination"]["host"], host);
    world.finish(false);
    EXPECT_TRUE(world.objects == before) << text_of(world.objects);
  }
}

TEST(Hosts, that_were_only_meant_for_the_service_get_no_subsets_and_are_named) {
  for (const char* host : {"checkout.shop", "checkout.shop.svc", "checkout.shop.svc.corp.internal"}) {
    World world(placeholder());
    world.with(simple({{{"route", {to("checkout")}}}}));
    world.with(destination_rule("checkout", {{"host", host}}));
    const auto rule = world.rule();
    EXPECT_THAT(world.read().not_isolated,
                Contains(AllOf(HasSubstr("DestinationRule \"checkout\" spec.host is \"" + std::string(host)),
                               HasSubstr("write \"checkout\" or \"checkout.shop.svc.cluster.local\""))));
    EXPECT_THAT(world.read().refusals, IsEmpty());
    world.begin();
    EXPECT_EQ(world.rule(), rule);
    EXPECT_EQ(world.rule(1)["spec"]["host"], "checkout.shop.svc.cluster.local");
  }
}

TEST(Hosts, of_routes_that_were_only_meant_for_the_service_are_named_and_refused_if_there_is_no_other) {
  World world(placeholder());
  world.with(simple({{{"name", "all"}, {"route", {to("checkout.shop")}}}}));
  const auto reading = world.read();
  EXPECT_FALSE(reading.routes);
  ASSERT_EQ(reading.refusals.size(), 1U);
  EXPECT_EQ(reading.refusals[0].reason, "HostNamesNoService");
  EXPECT_THAT(reading.refusals[0].message,
              HasSubstr("spec.http[0] (\"all\").route[0].destination.host is \"checkout.shop\""));
}

TEST(Hosts, of_a_virtual_service_in_the_mesh_must_be_the_services_in_one_of_them) {
  World world(placeholder());
  const Json http{{{"route", {to("checkout")}}}};
  world.with(virtual_service("checkout", {{"hosts", {"checkout.shop"}}, {"http", http}}));
  EXPECT_THAT(world.read().not_isolated, Contains(HasSubstr("spec.hosts is \"checkout.shop\"")));
  World both(placeholder());
  both.with(virtual_service("checkout", {{"hosts", {"checkout.shop", "checkout"}}, {"http", http}}));
  EXPECT_THAT(both.read().not_isolated, IsEmpty());
  World gateway(placeholder());
  gateway.with(virtual_service("checkout", {{"hosts", {"checkout"}}, {"http", http}}));
  gateway.with(
      virtual_service("edge", {{"hosts", {"checkout.shop"}}, {"gateways", {"web"}}, {"http", http}}));
  EXPECT_THAT(gateway.read().not_isolated, IsEmpty());
}

}  // namespace
}  // namespace weir::routing
