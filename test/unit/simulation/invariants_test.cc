// Each invariant sees what breaks it, and nothing in a release that goes well.
#include "test/unit/simulation/invariants_release.h"

namespace weir::simulation {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(InvariantsTest, a_good_release_breaks_nothing_and_leaves_nothing) {
  release();
  expect_nothing();
  EXPECT_THAT(invariants_.check_end(true), IsEmpty());
}

TEST_F(InvariantsTest, a_rollback_breaks_nothing_and_leaves_nothing) {
  second_step();
  roll_back();
  divide(0);
  wait(3s);
  select("v1");
  endpoints({"v1"});
  clean_up();
  scale("checkout-v2", 0);
  phase("Failed");
  drop_finalizer();
  expect_nothing();
  EXPECT_THAT(invariants_.check_end(false), IsEmpty());
}

TEST_F(InvariantsTest, edits_and_reverts_by_people_are_theirs) {
  second_step();
  divide(90, kPerson);
  divide(50);
  destinations(Json::array({whole_}), kPerson);
  divide(50);
  erase(kube::kVirtualServices, "checkout", kPerson);
  put(kube::kVirtualServices,
      {{"metadata", {{"name", "checkout"}}}, {"spec", {{"http", {route(Json::array({whole_}))}}}}});
  divide(50);
  expect_nothing();
}

TEST_F(InvariantsTest, s1_weights_that_do_not_sum_to_100) {
  first_step();
  destinations({destination("v1", 90), destination("v2", 5)});
  expect("S1", "sum to 95 instead of 100");
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

TEST_F(InvariantsTest, s6_a_step_whose_check_failed) {
  first_step();
  wait(12s);
  status([&](Json& status) {
    status["checks"] = Json::array({check("Fail")});
    take_step(status, 2);
  });
  expect("S6", "step 1 is passed although a check of it did not pass");
}

TEST_F(InvariantsTest, s6_a_promotion_before_the_last_step) {
  first_step();
  wait(12s);
  status([&](Json& status) {
    status["checks"] = Json::array({check("Pass")});
    status["phase"] = "Promoting";
  });
  expect("S6", "promoted after 1 of 2 steps");
}

TEST_F(InvariantsTest, s6_a_promotion_without_analysis) {
  initialize();
  phase("Promoting");
  expect("S6", "spec.skipAnalysis is not set");
}

TEST_F(InvariantsTest, s6_a_template_that_nobody_judged) {
  pass_last_step();
  weight(100);
  divide(100);
  edit(
      kube::kDeployments, "checkout-v2",
      [](Json& object) { object["spec"]["template"]["metadata"]["annotations"] = {{"revision", "2"}}; },
      kPerson);
  wait(3s);
  select("v2");
  expect("S6", "whose pod template is not the one that was judged");
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

TEST_F(InvariantsTest, s8_history_that_is_rewritten) {
  first_step();
  status([](Json& status) { status["history"][0]["reason"] = "Other"; });
  expect("S8", "entry 1 of history was changed");
}

TEST_F(InvariantsTest, s8_history_that_skips_a_number_or_has_no_reason) {
  first_step();
  status([](Json& status) {
    status["history"].push_back({{"sequence", 9}, {"phase", status["phase"]}, {"reason", ""}});
  });
  expect("S8", "goes on with sequence 9, not 5");
  EXPECT_THAT(messages(), HasSubstr("entry 9 of history has no reason"));
}

TEST_F(InvariantsTest, s9_a_phase_that_may_not_follow) {
  first_step();
  phase("Finalizing");
  expect("S9", "phase Finalizing follows Progressing");
}

TEST_F(InvariantsTest, s9_a_new_template_that_keeps_its_step) {
  second_step();
  status([](Json& status) { status["candidate"]["templateHash"] = "b"; });
  expect("S9", "leaves weight 50, step 2");
}

TEST_F(InvariantsTest, s10_a_deposed_leader_whose_write_is_taken) {
  first_step();
  status([](Json& status) { status["message"] = "taken over"; }, kSuccessor);
  divide(0);
  expect("S10", "VirtualService checkout was written in term 1 after a leader of term 2 had taken over");
}

TEST_F(InvariantsTest, s10_takes_a_creation_that_was_on_its_way_and_none_of_a_deposed_leader) {
  first_step();
  const auto sent_at = now();
  wait(1s);
  status([](Json& status) { status["message"] = "taken over"; }, kSuccessor);
  wait(1s);
  const auto service = [](const char* name) {
    return Json{{"metadata", {{"name", name}, {"ownerReferences", {{{"kind", "Canary"}}}}}}};
  };
  arrive(sent_at, kube::kServices, service("checkout-late"), kOperator);
  expect_nothing();
  arrive(now(), kube::kServices, service("checkout-deposed"), kOperator);
  expect("S10", "Service checkout-deposed was written in term 1 after a leader of term 2 had taken over");
}

TEST_F(InvariantsTest, s10_a_mark_that_falls) {
  first_step();
  const auto mark = [this](const char* epoch) {
    edit(kube::kVirtualServices, "checkout",
         [&](Json& object) { object["metadata"]["annotations"] = {{"weir.dev/epoch", epoch}}; });
  };
  mark("9");
  mark("10");
  expect_nothing();
  mark("8");
  expect("S10", "annotation weir.dev/epoch of VirtualService checkout falls from 10 to 8");
}

TEST_F(InvariantsTest, s11_a_check_that_passes_without_a_value) {
  first_step();
  wait(12s);
  status([&](Json& status) {
    status["checks"] = Json::array({check("Pass")});
    status["checks"][0].erase("value");
    take_step(status, 2);
  });
  expect("S11", "passes without a value");
}

TEST_F(InvariantsTest, s11_a_check_before_the_proxies_have_the_weight) {
  first_step();
  wait(1s);
  status([&](Json& status) {
    status["checks"] = Json::array({check("Pass")});
    take_step(status, 2);
  });
  expect("S11", "before the step's weight has reached every proxy");
}

TEST_F(InvariantsTest, s11_one_interval_that_is_counted_twice) {
  first_step();
  wait(12s);
  for (int i = 1; i <= 2; ++i) {
    status([&](Json& status) {
      status["checks"] = Json::array({check("Fail")});
      status["failedChecks"] = i;
      status["checksInStep"] = i;
    });
    wait(3s);
  }
  expect("S11", "two intervals are counted within 3000 ms");
}

TEST_F(InvariantsTest, s11_two_failed_checks_at_once) {
  first_step();
  status([](Json& status) { status["failedChecks"] = 2; });
  expect("S11", "failedChecks rises from 0 to 2");
}

TEST_F(InvariantsTest, s12_a_generation_that_falls_or_does_not_exist) {
  first_step();
  status([](Json& status) { status["observedGeneration"] = 2; });
  status([](Json& status) { status["observedGeneration"] = 1; });
  expect("S12", "observedGeneration is 2, generation 1");
  EXPECT_THAT(messages(), HasSubstr("observedGeneration falls from 2 to 1"));
}

TEST_F(InvariantsTest, s13_two_releases_of_one_service) {
  first_step();
  put(kube::kCanaries, canary("checkout-v3"));
  status([](Json& status) { status["phase"] = "Pending"; }, kOperator, "checkout-v3");
  expect_nothing();
  status([](Json& status) { status["phase"] = "Initializing"; }, kOperator, "checkout-v3");
  expect("S13", "which Canary checkout-v2 has in phase Progressing");
}

TEST_F(InvariantsTest, s14_a_finalizer_that_goes_while_traffic_is_divided) {
  second_step();
  drop_finalizer();
  expect("S14", "is divided: 50 and 50");
}

TEST_F(InvariantsTest, s14_a_finalizer_that_goes_while_no_selected_pod_is_ready) {
  promote();
  ready("checkout-v2", 0);
  clean_up();
  wait(3s);
  drop_finalizer();
  expect("S14", "no pod of version v2, which Service checkout selects, is ready");
}

TEST_F(InvariantsTest, s15_another_field_of_a_route) {
  first_step();
  edit(kube::kVirtualServices, "checkout", [](Json& object) { object["spec"]["http"][0]["timeout"] = "9s"; });
  EXPECT_THAT(names(), Contains("S15")) << messages();
}

TEST_F(InvariantsTest, s15_other_fields_namespaces_and_objects) {
  first_step();
  edit(kube::kServices, "checkout", [](Json& object) { object["spec"]["selector"]["app"] = "other"; });
  expect("S15", "Service checkout was changed in more than the version in its selector");
  put(kube::kServices, {{"metadata", {{"name", "mine"}, {"namespace", "elsewhere"}}}}, kOperator);
  EXPECT_THAT(messages(), HasSubstr("Service mine was written in namespace elsewhere"));
  erase(kube::kDeployments, "checkout-v1");
  EXPECT_THAT(messages(), HasSubstr("Deployment checkout-v1 was deleted"));
}

TEST_F(InvariantsTest, s15_an_object_that_is_written_before_its_release_begins) {
  divide(0);
  expect("S15", "VirtualService checkout was changed while no release was under way");
}

TEST_F(InvariantsTest, s16_weight_that_rises_while_suspended) {
  first_step();
  edit(kube::kCanaries, "checkout-v2", [](Json& object) { object["spec"]["suspend"] = true; }, kPerson);
  weight(50);
  expect("S16", "canaryWeight rises from 10 to 50 while spec.suspend is true");
}

TEST_F(InvariantsTest, lost_requests_are_told_with_their_reason_unless_they_are_expected) {
  invariants_.look(now_, 0.5, {{.at = now_, .proxy = 1, .requests = 0.5, .reason = "no route"}});
  expect("lost", "0.50 requests were not answered by any pod; at proxy 1: no route");
  expected_.requests_may_be_lost = true;
  invariants_.look(now_, 9, {});
  EXPECT_EQ(invariants_.violations().size(), 1U);
}

TEST_F(InvariantsTest, what_is_left_at_the_end_is_named) {
  promote();
  edit(kube::kServices, "checkout",
       [](Json& object) { object["metadata"]["annotations"] = {{"weir.dev/epoch", "3"}}; });
  std::string text;
  for (const auto& violation : invariants_.check_end(false)) text += violation.message + "\n";
  EXPECT_THAT(text, HasSubstr("VirtualService checkout spec.http[0].route"));
  EXPECT_THAT(text, HasSubstr("Service checkout still has annotation weir.dev/epoch"));
  EXPECT_THAT(text, HasSubstr("DestinationRule checkout-weir, which the release made, is still there"));
  EXPECT_THAT(text, HasSubstr("not version v1"));
}

}  // namespace
}  // namespace weir::simulation
