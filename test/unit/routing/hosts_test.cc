#include "operator/routing/istio/hosts.h"

#include <gtest/gtest.h>

namespace weir::routing {
namespace {

TEST(Hosts, of_a_service_are_its_short_name_at_home_and_its_qualified_names_anywhere) {
  for (const char* host :
       {"checkout", "checkout.shop", "checkout.shop.svc", "checkout.shop.svc.cluster.local"}) {
    EXPECT_TRUE(names_service(host, "shop", "checkout", "shop")) << host;
  }
  for (const char* host : {"checkout.shop", "checkout.shop.svc", "checkout.shop.svc.cluster.local"}) {
    EXPECT_TRUE(names_service(host, "web", "checkout", "shop")) << host;
  }
  EXPECT_FALSE(names_service("checkout", "web", "checkout", "shop"));
}

TEST(Hosts, that_only_look_like_the_service_are_others) {
  for (const char* host :
       {"", "checkout-v1", "check", "checkout.", "checkout.web", "checkout.shopping", "checkout.shop.",
        "checkout.shop.example.com", "checkout.shop.svc.cluster", "api.checkout.shop",
        "checkout.shop.svc.cluster.local.evil", "*.shop.svc.cluster.local"}) {
    EXPECT_FALSE(names_service(host, "shop", "checkout", "shop")) << host;
  }
}

TEST(Hosts, with_a_wildcard_cover_the_full_name) {
  for (const char* host : {"*", "*.local", "*.svc.cluster.local", "*.shop.svc.cluster.local"}) {
    EXPECT_TRUE(wildcard_covers(host, "checkout", "shop")) << host;
  }
  for (const char* host : {"*.web.svc.cluster.local", "*.com", "checkout.shop.svc.cluster.local", ""}) {
    EXPECT_FALSE(wildcard_covers(host, "checkout", "shop")) << host;
  }
}

}  // namespace
}  // namespace weir::routing
