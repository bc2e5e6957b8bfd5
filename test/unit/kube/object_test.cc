#include "operator/kube/object.h"

#include <gtest/gtest.h>

#include "operator/base/clock.h"
#include "operator/kube/patch.h"
#include "test/unit/kube/objects.h"

namespace weir::kube {
namespace {

TEST(Resource, has_the_paths_of_the_api) {
  EXPECT_EQ(kPods.path("shop", "web-1"), "/api/v1/namespaces/shop/pods/web-1");
  EXPECT_EQ(kDeployments.path("shop"), "/apis/apps/v1/namespaces/shop/deployments");
  EXPECT_EQ(kCanaries.path(""), "/apis/weir.dev/v1alpha1/canaries");
  EXPECT_EQ(kPods.api_version(), "v1");
  EXPECT_EQ(kDeployments.api_version(), "apps/v1");
}

TEST(Resource, encodes_names_in_paths) {
  EXPECT_EQ(kPods.path("shop", "a/b?c"), "/api/v1/namespaces/shop/pods/a%2Fb%3Fc");
}

TEST(Object, reads_metadata_that_is_absent_or_of_another_type_as_empty) {
  EXPECT_EQ(metadata_text({{"metadata", {{"uid", 7}}}}, "uid"), "");
  EXPECT_EQ(metadata_text({{"metadata", "text"}}, "uid"), "");
  EXPECT_EQ(metadata_text(Json(), "uid"), "");
  EXPECT_EQ(key_of(object("web")), (Key{"shop", "web"}));
}

TEST(Object, compares_versions_only_as_whole_numbers) {
  EXPECT_EQ(numeric_version(served("web", "12")), 12U);
  EXPECT_FALSE(numeric_version(served("web", "12a")));
  EXPECT_FALSE(numeric_version(object("web")));
}

TEST(Patch, leaves_status_and_the_servers_fields_alone) {
  const Json before = served("web", "1", {{"n", 1}});
  Json after = served("web", "2", {{"n", 1}}, "u2");
  after["status"] = {{"ready", true}};
  after["metadata"]["managedFields"] = Json::array({1});
  after["metadata"]["generation"] = 4;
  EXPECT_TRUE(object_patch(before, after).empty());
}

TEST(Patch, is_as_small_as_the_change) {
  const Json before = served("web", "1", {{"a", 1}, {"b", {1, 2}}});
  const Json patch = object_patch(before, served("web", "1", {{"a", 1}, {"b", {1, 3}}}));
  EXPECT_EQ(patch, Json::parse(R"([{"op":"replace","path":"/spec/b/1","value":3}])"));
}

TEST(Patch, of_status_takes_nothing_else) {
  const Json before = served("web", "1", {{"n", 1}});
  Json after = served("web", "1", {{"n", 2}});
  after["status"] = {{"phase", "Pending"}};
  EXPECT_EQ(status_patch(before, after),
            Json::parse(R"([{"op":"add","path":"/status","value":{"phase":"Pending"}}])"));
}

TEST(Patch, names_the_version_it_was_made_for_first) {
  const Json guarded =
      with_precondition(Json::parse(R"([{"op":"remove","path":"/spec"}])"), served("web", "17"));
  ASSERT_EQ(guarded.size(), 2U);
  EXPECT_EQ(guarded[0], Json::parse(R"({"op":"replace","path":"/metadata/resourceVersion","value":"17"})"));
}

}  // namespace
}  // namespace weir::kube
