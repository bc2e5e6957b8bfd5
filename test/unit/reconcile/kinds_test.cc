#include "operator/reconcile/kinds.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "operator/routing/kinds.h"

namespace weir::reconcile {
namespace {

using kube::Json;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::vector<std::string> plurals(bool optional) {
  std::vector<std::string> found;
  for (const auto& [kind, form, concerned] : watched_kinds()) {
    if (kind.optional == optional) found.emplace_back(kind.resource.plural);
  }
  return found;
}

TEST(Kinds, of_routers_may_be_missing_and_no_others) {
  std::vector<std::string> of_routers;
  for (const auto& kind : routing::kinds()) of_routers.emplace_back(kind.plural);
  EXPECT_EQ(plurals(true), of_routers);
  EXPECT_THAT(plurals(false), UnorderedElementsAre("canaries", "metrictemplates", "deployments", "services",
                                                   "endpointslices"));
}

TEST(Kinds, of_routers_are_asked_for_in_their_best_version_first) {
  for (const auto& row : watched_kinds()) {
    if (row.kind.resource.group != "networking.istio.io") continue;
    EXPECT_EQ(row.kind.resource.version, "v1");
    EXPECT_THAT(row.kind.other_versions, ElementsAre("v1beta1", "v1alpha3"));
  }
}

TEST(Kinds, have_a_store_each_in_their_order) {
  kube::Stores stores{kept_kinds()};
  ASSERT_EQ(stores.all().size(), watched_kinds().size());
  for (std::size_t i = 0; i < stores.all().size(); ++i) {
    const auto& resource = watched_kinds()[i].kind.resource;
    EXPECT_EQ(stores.all()[i].kind.resource, resource);
    EXPECT_EQ(stores.of(resource), &stores.all()[i].store);
  }
}

TEST(Kinds, that_are_not_watched_concern_nobody_and_are_trimmed_of_metadata_alone) {
  kube::Stores stores{kept_kinds()};
  EXPECT_TRUE(concerned(stores, kube::kLeases, {.key = {"shop", "weir"}, .before = {}, .after = {}}).empty());
  Json lease{{"metadata", {{"name", "weir"}, {"managedFields", Json::array({1})}}}, {"status", {{"n", 1}}}};
  form_of(kube::kLeases).trim(lease);
  EXPECT_EQ(lease, Json({{"metadata", {{"name", "weir"}}}, {"status", {{"n", 1}}}}));
}

TEST(Kinds, are_listed_with_those_that_are_not_watched) {
  for (const auto& resource : {kube::kCanaries, kube::kVirtualServices, kube::kPods, kube::kLeases}) {
    EXPECT_EQ(std::ranges::count(all_kinds(), resource, &kube::Kind::resource), 1) << resource.plural;
  }
}

}  // namespace
}  // namespace weir::reconcile
