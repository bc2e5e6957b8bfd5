// The invariants of traffic: weights, endpoints, selectors and lost requests. Each sees what breaks it.
#include "test/unit/simulation/invariants_release.h"

namespace weir::simulation {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST_F(InvariantsTest, s1_weights_that_do_not_sum_to_100) {
  first_step();
  destinations({destination("v1", 90), destination("v2", 5)});
  expect("S1", "sum to 95 instead of 100");
}

TEST_F(InvariantsTest, s1_holds_what_a_person_wrote_against_no_claim) {
  share_of_one();
  first_step();
  destinations({of_one("v1", 70), of_one("v2", 20), legacy(9900)}, kPerson);
  edit(kube::kVirtualServices, "checkout",
       [](Json& object) { object["metadata"]["annotations"] = {{"weir.dev/epoch", "2"}}; });
  expect_nothing();
  destinations({of_one("v1", 90), of_one("v2", 5), legacy(9900)});
  expect("S1", "sum to 9995 instead of 100");
}

TEST_F(InvariantsTest, s1_reads_no_subset_once_the_rules_went_with_their_namespace) {
  first_step();
  erase(kube::kDestinationRules, "checkout-weir", kPerson);
  expected_.namespace_ends = true;
  destinations({destination("nobodys", 100), destination("v2", 0)});
  expect_nothing();
  expected_.namespace_ends = false;
  destinations({destination("another", 100), destination("v2", 0)});
  expect("S1", "stands where its owner wrote");
}

TEST_F(InvariantsTest, judge_a_share_by_its_part_of_the_whole_route) {
  share_of_one();
  first_step();
  destinations({of_one("v1", 9), of_one("v2", 1), legacy(990)});
  destinations({of_one("v1", 90), of_one("v2", 10), legacy(9900)});
  expect_nothing();
}

TEST_F(InvariantsTest, s1_a_destination_whose_weight_is_not_multiplied_with_the_others) {
  share_of_one();
  first_step();
  destinations({of_one("v1", 9), of_one("v2", 1), legacy(90)});
  expect("S1", "stands where its owner wrote");
}

TEST_F(InvariantsTest, s1_weights_that_are_no_multiple_of_the_owners) {
  share_of_one();
  first_step();
  destinations({of_one("v1", 9), of_one("v2", 1), legacy(980)});
  expect("S1", "sum to 990 instead of 100");
}

TEST_F(InvariantsTest, s1_weights_that_stay_multiplied_at_the_end) {
  share_of_one();
  promote();
  destinations({of_one(nullptr, 10), legacy(990)});
  phase("Succeeded");
  EXPECT_THAT(messages(),
              HasSubstr("Succeeded: VirtualService checkout spec.http[0].route: the weights sum to 1000"));
}

TEST_F(InvariantsTest, s5_a_part_of_a_share_that_is_rounded_up) {
  share_of_one();
  first_step();
  destinations({of_one("v1", 0), of_one("v2", 1), legacy(99)});
  expect("S5", "raises the candidate's part from 0.1 to 1 of 1; status authorises 10 %");
}

TEST_F(InvariantsTest, s1_an_owners_destination_that_is_lost) {
  const Json legacy{{"destination", {{"host", "legacy"}}}, {"weight", 20}};
  Json own = whole_;
  own["weight"] = 80;
  destinations({own, legacy}, kPerson);
  initialize();
  expect("S1", "stands where its owner wrote");
}

TEST_F(InvariantsTest, s1_a_route_that_does_not_come_back_as_it_was) {
  promote();
  Json other = whole_;
  other["destination"].erase("port");
  destinations(Json::array({other}));
  expect("S1", "stands where its owner wrote");
}

TEST_F(InvariantsTest, s1_subsets_and_routes_that_are_left_at_the_end) {
  promote();
  phase("Succeeded");
  expect("S1", "Succeeded: VirtualService checkout");
}

TEST_F(InvariantsTest, s2_weight_for_a_version_without_endpoints) {
  first_step();
  endpoints({"v1"});
  wait(12s);
  status([&](Json& status) {
    status["checks"] = Json::array({check("Pass")});
    take_step(status, 2);
  });
  divide(50);
  expect("S2", "version v2, which has no ready endpoint behind Service checkout");
}

TEST_F(InvariantsTest, s2_an_endpoint_that_was_ready_at_the_reading_is_enough) {
  first_step();
  wait(12s);
  endpoints({"v1"});
  wait(1s);
  status([&](Json& status) {
    status["checks"] = Json::array({check("Pass")});
    take_step(status, 2);
  });
  divide(50);
  expect_nothing();
}

TEST_F(InvariantsTest, s2_weight_for_stable_without_endpoints_while_the_candidate_has_some) {
  second_step();
  endpoints({"v2"});
  wait(3s);
  roll_back();
  divide(0);
  expect("S2", "version v1, which has no ready endpoint behind Service checkout, while version v2 has some");
}

TEST_F(InvariantsTest, s2_takes_a_candidate_whose_pods_are_not_ready_for_one_that_serves_nobody) {
  second_step();
  endpoints({"v2"});
  wait(3s);
  ready("checkout-v2", 0);
  roll_back();
  divide(0);
  expect_nothing();
}

TEST_F(InvariantsTest, s2_a_dead_version_that_keeps_its_weight_in_calm) {
  first_step();
  expected_.calm = true;
  invariants_.look(now_, 0, {});
  endpoints({"v1"});
  wait(4s);
  invariants_.look(now_, 0, {});
  expect_nothing();
  wait(3s);
  invariants_.look(now_, 0, {});
  expect("S2", "gives 10 to version v2, which has had no ready endpoint");
}

TEST_F(InvariantsTest, s2_a_subset_that_is_taken_away_under_its_route) {
  promote();
  erase(kube::kDestinationRules, "checkout-weir");
  expect("S2", "subset v2 leaves DestinationRule checkout-weir, and VirtualService checkout gives it 100");
}

TEST_F(InvariantsTest, s3_a_selector_for_too_few_pods) {
  pass_last_step();
  weight(100);
  divide(100);
  ready("checkout-v2", 1);
  wait(3s);
  select("v2");
  expect("S3", "of which 1 pods are ready; needed are 2");
}

TEST_F(InvariantsTest, s4_a_selector_that_moves_before_the_routes) {
  pass_last_step();
  weight(100);
  select("v2");
  expect("S4", "gives it 50 of 100");
}

TEST_F(InvariantsTest, s4_stables_pods_that_go_while_routes_lead_to_them) {
  promote();
  weight(50);
  divide(50);
  scale("checkout-v1", 0);
  expect("S4", "Deployment checkout-v1 loses its pods while");
}

TEST_F(InvariantsTest, s4_the_candidates_pods_that_go_before_the_way_back_is_over) {
  second_step();
  roll_back();
  scale("checkout-v2", 0);
  expect("S4", "Deployment checkout-v2 loses its pods while Service checkout selects them");
}

TEST_F(InvariantsTest, s5_weight_above_what_status_says) {
  first_step();
  divide(50);
  expect("S5", "raises the candidate's part from 10 to 50 of 100; status authorises 10 %");
}

TEST_F(InvariantsTest, s5_a_selector_of_both_versions_before_the_routes_are_divided) {
  wait(3s);
  begin_status();
  select(nullptr);
  expect("S5", "raises the candidate's part from 0 to 100");
}

TEST_F(InvariantsTest, s7_weight_that_rises_in_a_rollback) {
  second_step();
  roll_back();
  divide(0);
  status([](Json& status) { status["canaryWeight"] = 10; });
  divide(10);
  expect("S7", "raises the candidate's part from 0 to 10 of 100; the release is being taken back");
}

TEST_F(InvariantsTest, s7_the_way_back_of_a_promoted_release_divides_its_routes_first) {
  promote();
  clean_up();
  roll_back();
  put(kube::kDestinationRules,
      {{"metadata", {{"name", "checkout-weir"}, {"ownerReferences", {{{"kind", "Canary"}}}}}},
       {"spec",
        {{"host", "checkout"},
         {"subsets",
          {{{"name", "v1"}, {"labels", {{"version", "v1"}}}},
           {{"name", "v2"}, {"labels", {{"version", "v2"}}}}}}}}},
      kOperator);
  divide(100);
  select(nullptr);
  endpoints({"v1", "v2"});
  divide(0);
  expect_nothing();
}

TEST_F(InvariantsTest, s7_takes_back_what_a_person_moved_while_the_service_selects_the_candidate) {
  promote();
  roll_back();
  divide(18, kPerson);
  divide(100);
  expect_nothing();
  select(nullptr);
  endpoints({"v1", "v2"});
  divide(18, kPerson);
  divide(100);
  EXPECT_THAT(names(), Contains("S7"));
}

TEST_F(InvariantsTest, lost_requests_are_told_with_their_reason_unless_they_are_expected) {
  invariants_.look(now_, 0.5, {{.at = now_, .proxy = 1, .requests = 0.5, .reason = "no route"}});
  expect("lost", "0.50 requests were not answered by any pod; at proxy 1: no route");
  expected_.requests_may_be_lost = true;
  invariants_.look(now_, 9, {});
  EXPECT_EQ(invariants_.violations().size(), 1U);
}

}  // namespace
}  // namespace weir::simulation
