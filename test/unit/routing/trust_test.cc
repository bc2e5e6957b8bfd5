#include "operator/routing/trust.h"

#include <gtest/gtest.h>

namespace weir::routing {
namespace {

TEST(Trust, is_of_the_releases_own_namespace_and_of_those_that_are_listed) {
  EXPECT_TRUE(is_trusted({}, "shop", "shop"));
  EXPECT_FALSE(is_trusted({}, "shop", "istio-system"));
  EXPECT_TRUE(is_trusted(trusted_by_default(), "shop", "istio-system"));
  EXPECT_FALSE(is_trusted({"edge"}, "shop", "web"));
}

TEST(Trust, is_read_from_names_with_commas_between_them) {
  EXPECT_EQ(read_trusted(""), TrustedNamespaces{});
  EXPECT_EQ(read_trusted("edge"), TrustedNamespaces{"edge"});
  EXPECT_EQ(read_trusted("istio-system,edge"), (TrustedNamespaces{"edge", "istio-system"}));
  for (const char* names : {",", "edge,", ",edge", "a,,b", "Edge", "a b", "a, b", "-a", "a-", "*", "a.b"})
    EXPECT_FALSE(read_trusted(names)) << names;
  EXPECT_FALSE(read_trusted(std::string(64, 'a')));
}

}  // namespace
}  // namespace weir::routing
