// Each invariant sees what breaks it, and nothing in a release that goes well. Those of traffic are in
// invariants_traffic_test.cc.
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
  return_to_stable();
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

TEST_F(InvariantsTest, s6_takes_a_template_that_was_changed_behind_the_reading_for_the_judged_one) {
  const auto revise = [this](const Json& annotations) {
    edit(
        kube::kDeployments, "checkout-v2",
        [&](Json& object) { object["spec"]["template"]["metadata"]["annotations"] = annotations; }, kPerson);
  };
  revise({{"revision", "1"}});
  wait(60s);
  revise({{"revision", "2"}});
  pass_last_step();
  revise({{"revision", "1"}});
  weight(100);
  divide(100);
  wait(3s);
  select("v2");
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

TEST_F(InvariantsTest, s14_takes_pods_that_go_with_their_namespace_for_gone) {
  promote();
  clean_up();
  expected_.namespace_ends = true;
  ready("checkout-v2", 0);
  erase(kube::kDeployments, "checkout-v2", kPerson);
  wait(3s);
  drop_finalizer();
  expect_nothing();
}

TEST_F(InvariantsTest, s14_does_not_keep_a_finalizer_for_pods_that_went_with_their_namespace) {
  second_step();
  return_to_stable();
  expected_.namespace_ends = true;
  ready("checkout-v1", 0);
  wait(3s);
  erase(kube::kDeployments, "checkout-v2", kPerson);
  drop_finalizer();
  expect_nothing();
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

TEST_F(InvariantsTest, s15_a_neighbour_of_the_release) {
  first_step();
  const Json selector{{"app", "checkout"}, {"version", "v1"}};
  put(kube::kServices,
      {{"metadata", {{"name", "checkout-grpc"}, {"namespace", "shop"}}}, {"spec", {{"selector", selector}}}});
  edit(kube::kServices, "checkout-grpc", [](Json& object) { object["spec"]["selector"]["version"] = "v2"; });
  expect("S15", "Service checkout-grpc was written, and is no part of a release");
}

TEST_F(InvariantsTest, s15_a_workload_whose_canary_went_in_pending_long_ago) {
  status([](Json& status) {
    status["phase"] = "RollingBack";
    status["target"] = "checkout-v2";
  });
  erase(kube::kCanaries, "checkout-v2", kPerson);
  scale("checkout-v2", 0);
  expect_nothing();
  wait(3s);
  scale("checkout-v2", 2);
  expect("S15", "Deployment checkout-v2 was written, and is no part of a release");
}

TEST_F(InvariantsTest, s15_an_object_that_is_written_before_its_release_begins) {
  divide(0);
  expect("S15", "VirtualService checkout was changed while no release was under way");
}

TEST_F(InvariantsTest, s15_a_selector_that_is_put_back_after_the_end_and_is_not_guarded) {
  release();
  ready("checkout-v1", 0);
  wait(10s);
  reapply();
  select("v2");
  expect("S15", "Service checkout was changed while no release was under way");
}

TEST_F(InvariantsTest, s3_a_guard_that_takes_the_service_from_pods_that_are_ready) {
  release();
  edit(
      kube::kCanaries, "checkout-v2", [](Json& object) { object["spec"]["guardAfterPromotion"] = true; },
      kPerson);
  ready("checkout-v1", 0);
  wait(10s);
  reapply();
  select("v2");
  expect_nothing();
  ready("checkout-v1", 2);
  wait(10s);
  reapply();
  select("v2");
  expect("S3", "is taken from version \"v1\", of which 2 pods are ready, after the end of the release");
}

TEST_F(InvariantsTest, s16_weight_that_rises_while_suspended) {
  first_step();
  edit(kube::kCanaries, "checkout-v2", [](Json& object) { object["spec"]["suspend"] = true; }, kPerson);
  weight(50);
  expect("S16", "canaryWeight rises from 10 to 50 while spec.suspend is true");
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
