// What is read of the Services that a release makes, and of the endpoints that they tell apart.
#include "operator/reconcile/own_services.h"

#include "operator/reconcile/kinds.h"
#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using std::chrono::seconds;
using strategies::Selects;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OwnServicesTest : public ObservedRelease {
 protected:
  static std::vector<std::string> names(const std::vector<Json>& objects) {
    std::vector<std::string> names;
    for (const auto& one : objects) names.push_back(kube::metadata_text(one, "name"));
    return names;
  }
  // Of the Service that clients call.
  strategies::ServiceState service() { return look().observed.service.value(); }
  static Json taken(const std::string& name) {
    return {{"metadata", {{"name", name}, {"namespace", "shop"}}},
            {"spec", {{"selector", {{"app", "checkout"}, {"version", "v2"}}}}}};
  }
};

// ---- versions ----

TEST_F(OwnServicesTest, versions_are_those_of_the_pods_before_the_release_begins) {
  const auto target = look().target;
  EXPECT_EQ(target.stable_version, "v1");
  EXPECT_EQ(target.candidate_version, "v2");
  EXPECT_EQ(target.stable_service, "checkout-v1");
  EXPECT_EQ(target.candidate_service, "checkout-v2");
  EXPECT_EQ(target.traffic_host, "checkout");
}

TEST_F(OwnServicesTest, versions_are_what_the_status_has_recorded_whatever_becomes_of_the_pods) {
  begin();
  edit(kube::kDeployments, "checkout-v2", "/spec/template/metadata/labels/version", "v3");
  world.api.erase(kube::kDeployments, {"shop", "checkout-v1"});
  const auto target = look().target;
  EXPECT_EQ(target.stable_version, "v1");
  EXPECT_EQ(target.candidate_version, "v2");
}

TEST_F(OwnServicesTest, have_no_names_before_both_versions_are_known) {
  edit(kube::kDeployments, "checkout-v2", "/spec/template/metadata/labels",
       Json::object({{"app", "checkout"}}));
  const auto snapshot = look();
  EXPECT_EQ(snapshot.target.candidate_version, "");
  EXPECT_EQ(snapshot.target.stable_service, "");
  EXPECT_THAT(snapshot.wanted_services, IsEmpty());
  EXPECT_EQ(service().selects, Selects::Other) << "nobody can tell";
}

TEST_F(OwnServicesTest, are_in_the_cluster_domain_that_the_release_began_with) {
  means.cluster_domain = "corp.local";
  EXPECT_EQ(look().target.cluster_domain, "corp.local");
  begin();
  EXPECT_EQ(look().target.cluster_domain, kube::kDefaultClusterDomain);
  EXPECT_EQ(look().observed.cluster_domain, "corp.local");
}

// ---- wanted and existing ----

TEST_F(OwnServicesTest, are_wanted_for_each_version_and_do_not_exist_at_first) {
  const auto snapshot = look();
  EXPECT_THAT(names(snapshot.wanted_services), ElementsAre("checkout-v1", "checkout-v2"));
  EXPECT_THAT(snapshot.existing_services, IsEmpty());
  EXPECT_FALSE(snapshot.observed.version_services);
  EXPECT_FALSE(snapshot.observed.any_version_services);
}

TEST_F(OwnServicesTest, are_found_once_the_release_has_made_them) {
  begin();
  const auto snapshot = look();
  EXPECT_THAT(names(snapshot.existing_services), ElementsAre("checkout-v1", "checkout-v2"));
  EXPECT_TRUE(snapshot.observed.version_services);
  EXPECT_TRUE(snapshot.observed.any_version_services);
}

TEST_F(OwnServicesTest, that_somebody_changed_exist_and_are_not_as_they_should_be) {
  begin();
  edit(kube::kServices, "checkout-v1", "/spec/selector/app", "cart");
  const auto snapshot = look();
  EXPECT_EQ(snapshot.existing_services.size(), 2U);
  EXPECT_FALSE(snapshot.observed.version_services);
  EXPECT_TRUE(snapshot.observed.any_version_services);
}

TEST_F(OwnServicesTest, that_somebody_took_away_are_missed) {
  begin();
  world.api.erase(kube::kServices, {"shop", "checkout-v1"});
  const auto snapshot = look();
  EXPECT_THAT(names(snapshot.existing_services), ElementsAre("checkout-v2"));
  EXPECT_FALSE(snapshot.observed.version_services);
  EXPECT_TRUE(snapshot.observed.any_version_services);
}

TEST_F(OwnServicesTest, leave_alone_what_has_their_name_and_is_somebodys) {
  world.api.put(kube::kServices, taken("checkout-v2"));
  const auto snapshot = look();
  EXPECT_THAT(snapshot.existing_services, IsEmpty());
  EXPECT_FALSE(snapshot.observed.any_version_services);
  ASSERT_THAT(obstacles(), ElementsAre("NameTaken"));
  EXPECT_EQ(snapshot.observed.obstacles.front().condition, "Conflict");
  EXPECT_THAT(obstacle("NameTaken"), HasSubstr("exists and is not this release's: it is not touched"));
}

TEST_F(OwnServicesTest, wait_for_those_of_another_release_to_go) {
  auto left = taken("checkout-v2");
  routing::sign(left, {.canary = "checkout-v0", .uid = "u-0", .service = "checkout"});
  world.api.put(kube::kServices, left);
  EXPECT_THAT(look().existing_services, IsEmpty());
  EXPECT_THAT(obstacle("NameTaken"), HasSubstr("was made by another release, of Canary checkout-v0"));
}

TEST_F(OwnServicesTest, in_dedicated_mode_have_one_more_that_receives_the_traffic) {
  edit(kube::kCanaries, "checkout-v2", "/spec/service/mode", "Dedicated");
  const auto snapshot = look();
  EXPECT_THAT(names(snapshot.wanted_services), ElementsAre("checkout-v1", "checkout-v2", "checkout-weir"));
  EXPECT_EQ(snapshot.target.traffic_host, "checkout-weir");
}

// ---- what the Service selects ----

TEST_F(OwnServicesTest, of_the_service_itself_the_selector_says_which_version_it_selects) {
  EXPECT_EQ(service().selects, Selects::Stable);
  begin();
  EXPECT_EQ(service().selects, Selects::Both);
  edit(kube::kServices, "checkout", "/spec/selector/version", "v2");
  EXPECT_EQ(service().selects, Selects::Candidate);
}

TEST_F(OwnServicesTest, a_selector_of_another_version_is_in_the_way) {
  begin();
  edit(kube::kServices, "checkout", "/spec/selector/version", "v9");
  EXPECT_EQ(service().selects, Selects::Other);
  EXPECT_THAT(obstacle("SelectorMismatch"),
              "the selector of Service checkout has version=v9: accepted are v1 and v2");
}

TEST_F(OwnServicesTest, a_selector_that_the_candidates_pods_do_not_match_is_in_the_way) {
  edit(kube::kDeployments, "checkout-v2", "/spec/template/metadata/labels/app", "checkout-next");
  EXPECT_THAT(obstacle("SelectorMismatch"),
              HasSubstr("the pods of checkout-v2 lack labels of Service checkout's selector"));
}

// ---- ages and endpoints ----

TEST_F(OwnServicesTest, before_they_exist_all_endpoints_are_of_the_version_that_is_selected) {
  EXPECT_EQ(service().stable_endpoints, 2);
  EXPECT_EQ(service().candidate_endpoints, 0);
}

TEST_F(OwnServicesTest, tell_the_endpoints_of_both_versions_apart) {
  begin();
  EXPECT_EQ(service().stable_endpoints, 2);
  EXPECT_EQ(service().candidate_endpoints, 1);
}

TEST_F(OwnServicesTest, a_versions_endpoints_are_as_old_as_the_half_of_them_that_stays) {
  begin();
  world.clock.advance(seconds(60));
  const auto turn = [&](const char* ready) {
    for (const bool is : {false, true}) edit(kube::kEndpointSlices, "checkout-0", ready, is);
  };
  turn("/endpoints/0/conditions/ready");
  EXPECT_EQ(service().stable_endpoints, 2);
  EXPECT_GE(service().stable_endpoints_age, seconds(60)) << "one of two has stayed";
  turn("/endpoints/1/conditions/ready");
  EXPECT_EQ(service().stable_endpoints, 2);
  EXPECT_EQ(service().stable_endpoints_age, seconds(0));
  world.clock.advance(seconds(7));
  EXPECT_EQ(service().stable_endpoints_age, seconds(7));
  EXPECT_GE(service().candidate_endpoints_age, seconds(67)) << "of these none has changed";
  turn("/endpoints/2/conditions/ready");
  EXPECT_EQ(service().candidate_endpoints, 1);
  EXPECT_EQ(service().candidate_endpoints_age, seconds(0));
}

TEST_F(OwnServicesTest, endpoints_are_as_old_as_they_are_behind_the_service_that_carries_traffic) {
  begin();
  world.clock.advance(seconds(60));
  for (const bool ready : {false, true}) {
    edit(kube::kEndpointSlices, "checkout-v2-0", "/endpoints/0/conditions/ready", ready);
  }
  EXPECT_EQ(service().candidate_endpoints, 1);
  EXPECT_GE(service().candidate_endpoints_age, seconds(60)) << "no request comes by a version's own Service";
}

TEST_F(OwnServicesTest, endpoints_that_nothing_tells_from_others_are_as_old_as_the_youngest) {
  begin();
  world.clock.advance(seconds(60));
  world.api.erase(kube::kEndpointSlices, {"shop", "checkout-v2-0"});
  EXPECT_EQ(service().candidate_endpoints, 1);
  EXPECT_GE(service().candidate_endpoints_age, seconds(60));
  edit(kube::kEndpointSlices, "checkout-0", "/endpoints/-", {{"targetRef", {{"name", "whose"}}}});
  EXPECT_EQ(service().candidate_endpoints, 1);
  EXPECT_EQ(service().candidate_endpoints_age, seconds(0));
}

TEST_F(OwnServicesTest, endpoints_are_new_to_a_process_that_has_just_come) {
  begin();
  world.clock.advance(seconds(60));
  kube::Stores fresh{kept_kinds()};
  for (auto& [kind, store] : fresh.all()) {
    (void)store.replace(world.api.list(kind.resource, "shop", "").value_or(std::vector<Json>{}),
                        world.clock.steady());
  }
  const auto seen = [&] {
    const auto stored = fresh.canaries.get(key);
    return observe(canary::parse(*stored->object).value(), *stored->object, fresh, world.clock.steady(),
                   means)
        .observed.service.value();
  };
  EXPECT_EQ(seen().candidate_endpoints, 1);
  EXPECT_EQ(seen().candidate_endpoints_age, seconds(0));
  world.clock.advance(seconds(5));
  EXPECT_EQ(seen().stable_endpoints_age, seconds(5));
  EXPECT_EQ(seen().candidate_endpoints_age, seconds(5));
}

TEST_F(OwnServicesTest, make_the_service_as_young_as_the_one_that_receives_its_traffic) {
  edit(kube::kCanaries, "checkout-v2", "/spec/service/mode", "Dedicated");
  world.clock.advance(seconds(60));
  EXPECT_EQ(service().age, seconds(60));
  const auto wanted = look().wanted_services;
  world.api.put(kube::kServices, wanted.at(0));
  EXPECT_EQ(service().age, seconds(60)) << "a version's own";
  world.api.put(kube::kServices, wanted.at(2));
  EXPECT_EQ(service().age, seconds(0));
}

}  // namespace
}  // namespace weir::reconcile
