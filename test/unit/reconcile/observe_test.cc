// One reading of a release as a whole; its parts have tests of their own.
#include "operator/reconcile/observe.h"

#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class ObserveTest : public ObservedRelease {
 protected:
  static std::vector<std::string> names(const std::vector<ManagedObject>& objects) {
    std::vector<std::string> names;
    for (const auto& one : objects) names.push_back(name_of(one.resource, *one.object));
    return names;
  }
  // The only metric is what a MetricTemplate of this namespace asks.
  void ask_by_template_of(const char* name_space) {
    edit(kube::kCanaries, "checkout-v2", "/spec/analysis/metrics",
         Json::parse(
             R"([{"name": "errors", "templateRef": {"name": "errors"}, "thresholdRange": {"max": 1}}])"));
    edit(kube::kCanaries, "checkout-v2", "/spec/analysis/metrics/0/templateRef/namespace", name_space);
  }
  void put_template_in(const char* name_space) {
    world.api.put(kube::kMetricTemplates, Json::parse(R"({
      "apiVersion": "weir.dev/v1alpha1", "kind": "MetricTemplate",
      "metadata": {"name": "errors", "namespace": ")" +
                                                      std::string(name_space) + R"("},
      "spec": {"query": "up", "provider": {"type": "prometheus", "address": "http://prometheus:9090"}}})"));
  }
};

TEST(AgeOf, an_object_is_how_long_it_is_known_and_never_negative) {
  const base::Clock::Steady now{seconds(100)};
  EXPECT_EQ(age_of({.object = nullptr, .since = now - seconds(7)}, now), seconds(7));
  EXPECT_EQ(age_of({.object = nullptr, .since = now + seconds(7)}, now), seconds(0));
}

TEST_F(ObserveTest, says_what_the_canary_itself_says) {
  edit(kube::kCanaries, "checkout-v2", "/metadata/finalizers", Json::array({"weir.dev/traffic"}));
  edit(kube::kCanaries, "checkout-v2", "/metadata/annotations/weir.dev~1rollback", "too slow");
  auto seen = look().observed;
  EXPECT_TRUE(seen.has_finalizer);
  EXPECT_FALSE(seen.deleting);
  EXPECT_EQ(seen.rollback_requested, "too slow");
  world.api.erase(kube::kCanaries, key);
  seen = look().observed;
  EXPECT_TRUE(seen.deleting);
  EXPECT_EQ(seen.generation, object(kube::kCanaries, "checkout-v2")["metadata"]["generation"]);
}

TEST_F(ObserveTest, says_in_what_the_spec_departs_from_the_record_of_a_release_that_has_begun) {
  begin();
  EXPECT_THAT(look().observed.departures, IsEmpty());
  edit(kube::kCanaries, "checkout-v2", "/spec/service/mode", "Dedicated");
  EXPECT_EQ(look().observed.departures.size(), 1U);
}

TEST_F(ObserveTest, finds_nothing_in_the_way_of_a_release_whose_objects_are_in_order) {
  const auto snapshot = look();
  EXPECT_THAT(snapshot.observed.obstacles, IsEmpty());
  EXPECT_THAT(snapshot.observed.warnings, IsEmpty());
  EXPECT_FALSE(snapshot.observed.verdict);
  EXPECT_NE(snapshot.router, nullptr);
}

TEST_F(ObserveTest, names_every_obstacle_and_another_release_first) {
  add("checkout-v3", {{"phase", "Progressing"}, {"target", "checkout-v3"}});
  world.api.erase(kube::kServices, {"shop", "checkout"});
  world.api.erase(kube::kDeployments, {"shop", "checkout-v2"});
  ask_by_template_of("shop");
  EXPECT_THAT(obstacles(),
              ElementsAre("OtherRelease", "ServiceNotFound", "TargetNotFound", "MetricTemplateNotFound"));
}

// ---- what a release manages ----

TEST_F(ObserveTest, manages_the_canary_and_the_candidate_alone_before_the_release_begins) {
  EXPECT_THAT(names(look().managed), ElementsAre("Canary/checkout-v2", "Deployment/checkout-v2"));
}

TEST_F(ObserveTest, manages_routes_first_then_the_canary_then_the_rest) {
  begin();
  EXPECT_THAT(names(look().managed),
              ElementsAre("VirtualService/checkout", "Canary/checkout-v2", "DestinationRule/checkout-weir",
                          "Service/checkout", "Service/checkout-v1", "Service/checkout-v2",
                          "Deployment/checkout-v1", "Deployment/checkout-v2"));
}

TEST_F(ObserveTest, manages_a_route_that_it_has_written_to_although_that_leads_elsewhere_by_now) {
  begin();
  edit(kube::kVirtualServices, "checkout", "/spec",
       Json::parse(R"({"hosts": ["cart"], "http": [{"route": [{"destination": {"host": "cart"}}]}]})"));
  EXPECT_EQ(names(look().managed).front(), "VirtualService/checkout");
}

TEST_F(ObserveTest, tells_what_is_the_users_and_what_is_written_last) {
  begin();
  std::vector<std::string> made;
  std::vector<std::string> late;
  for (const auto& one : look().managed) {
    if (!one.of_user) made.push_back(name_of(one.resource, *one.object));
    if (one.late) late.push_back(name_of(one.resource, *one.object));
  }
  EXPECT_THAT(made, ElementsAre("Canary/checkout-v2", "Service/checkout-v1", "Service/checkout-v2"));
  EXPECT_THAT(late, ElementsAre("Service/checkout-v1", "Service/checkout-v2", "Deployment/checkout-v1",
                                "Deployment/checkout-v2"));
}

TEST_F(ObserveTest, sees_a_mark_of_the_operators_on_an_object_of_the_user_and_no_other) {
  begin();
  edit(kube::kServices, "checkout-v1", "/metadata/annotations/weir.dev~1epoch", "1000000");
  EXPECT_FALSE(look().observed.marked) << "the operator made that Service";
  edit(kube::kServices, "checkout", "/metadata/annotations/weir.dev~1epoch", "1000000");
  EXPECT_TRUE(look().observed.marked);
}

TEST_F(ObserveTest, knows_a_service_to_be_gone_since_the_caches_know_it) {
  begin();
  world.clock.advance(seconds(60));
  world.api.erase(kube::kServices, {"shop", "checkout"});
  ASSERT_FALSE(look().observed.service);
  EXPECT_EQ(look().observed.service_gone, seconds(0));
  world.clock.advance(seconds(7));
  EXPECT_EQ(look().observed.service_gone, seconds(7));
}

// ---- another release of the Service ----

TEST_F(ObserveTest, is_asked_to_take_back_what_a_newer_release_supersedes) {
  begin();
  add("checkout-v3", Json::object(), {{"supersede", true}});
  const auto seen = look().observed;
  EXPECT_EQ(seen.rollback_requested, "superseded by Canary checkout-v3");
  EXPECT_FALSE(seen.candidate_is_anothers);
}

TEST_F(ObserveTest, leaves_the_candidate_to_a_newer_release_of_the_same_target) {
  begin();
  add("checkout-again", Json::object(),
      {{"supersede", true}, {"targetRef", object(kube::kCanaries, "checkout-v2")["spec"]["targetRef"]}});
  EXPECT_TRUE(look().observed.candidate_is_anothers);
}

TEST_F(ObserveTest, keeps_a_persons_reason_for_a_rollback_although_it_is_superseded_too) {
  begin();
  add("checkout-v3", Json::object(), {{"supersede", true}});
  edit(kube::kCanaries, "checkout-v2", "/metadata/annotations/weir.dev~1rollback", "too slow");
  EXPECT_EQ(look().observed.rollback_requested, "too slow");
}

TEST_F(ObserveTest, does_not_take_back_for_a_newer_release_what_is_promoted_already) {
  begin();
  add("checkout-v3", Json::object(), {{"supersede", true}});
  edit(kube::kCanaries, "checkout-v2", "/status/phase", "Finalizing");
  EXPECT_EQ(look().observed.rollback_requested, "");
}

// ---- MetricTemplates ----

TEST_F(ObserveTest, refuses_a_metric_template_that_is_not_there) {
  ask_by_template_of("shop");
  EXPECT_THAT(obstacles(), ElementsAre("MetricTemplateNotFound"));
  put_template_in("shop");
  EXPECT_THAT(obstacles(), IsEmpty());
}

TEST_F(ObserveTest, takes_a_metric_template_of_another_namespace_only_where_that_is_allowed) {
  ask_by_template_of("monitoring");
  put_template_in("monitoring");
  EXPECT_THAT(obstacles(), ElementsAre("CrossNamespaceReference"));
  means.cross_namespace_templates = true;
  EXPECT_THAT(obstacles(), IsEmpty());
}

TEST_F(ObserveTest, looks_for_no_metric_template_once_everything_is_judged) {
  begin();
  ask_by_template_of("shop");
  EXPECT_THAT(obstacles(), Contains("MetricTemplateNotFound"));
  edit(kube::kCanaries, "checkout-v2", "/status/phase", "Promoting");
  EXPECT_THAT(obstacles(), Not(Contains("MetricTemplateNotFound")));
}

// ---- a release that is over ----

TEST_F(ObserveTest, reads_of_a_release_that_is_over_its_canary_and_no_more) {
  begin();
  edit(kube::kCanaries, "checkout-v2", "/status/phase", "Failed");
  world.api.erase(kube::kDeployments, {"shop", "checkout-v2"});
  const auto snapshot = look();
  EXPECT_THAT(names(snapshot.managed), ElementsAre("Canary/checkout-v2"));
  EXPECT_THAT(snapshot.observed.obstacles, IsEmpty()) << "nothing holds what is over";
  EXPECT_FALSE(snapshot.observed.routes);
  EXPECT_FALSE(snapshot.observed.service);
  EXPECT_TRUE(snapshot.service.is_null());
}

TEST_F(ObserveTest, calls_left_over_what_no_route_leads_to) {
  begin();
  edit(kube::kCanaries, "checkout-v2", "/status/phase", "Failed");
  const auto snapshot = look();
  EXPECT_THAT(names(snapshot.leftovers), ElementsAre("Service/checkout-v1", "Service/checkout-v2"));
  EXPECT_TRUE(snapshot.observed.leftovers);
  EXPECT_TRUE(snapshot.observed.leftovers_wait) << "a route names subsets of the DestinationRule still";
}

TEST_F(ObserveTest, waits_with_leftovers_until_every_proxy_has_forgotten_the_routes_to_them) {
  Unused unused;
  means.unused = &unused;
  begin();
  edit(kube::kCanaries, "checkout-v2", "/status/phase", "Failed");
  EXPECT_FALSE(look().observed.leftovers);
  EXPECT_TRUE(look().observed.leftovers_wait);
  world.clock.advance(seconds(15));
  EXPECT_THAT(names(look().leftovers), ElementsAre("Service/checkout-v1", "Service/checkout-v2"));
}

TEST_F(ObserveTest, has_nothing_to_look_at_in_a_service_that_is_as_its_promotion_left_it) {
  promote();
  const auto snapshot = look();
  EXPECT_FALSE(snapshot.observed.standing);
  EXPECT_TRUE(snapshot.service.is_null());
  EXPECT_FALSE(snapshot.observed.leftovers);
  EXPECT_FALSE(snapshot.observed.leftovers_wait);
}

TEST_F(ObserveTest, looks_by_the_record_at_a_service_that_was_led_away_from_what_was_promoted) {
  promote();
  edit(kube::kServices, "checkout", "/spec/selector/version", "v1");
  const auto snapshot = look();
  ASSERT_TRUE(snapshot.observed.standing);
  EXPECT_EQ(snapshot.observed.standing->selected, "v1");
  EXPECT_EQ(snapshot.target.candidate_version, "v2");
  EXPECT_EQ(snapshot.canary.spec.service.version_label, "version");
  EXPECT_EQ(name_of(kube::kServices, snapshot.service), "Service/checkout");
  EXPECT_EQ(name_of(kube::kDeployments, snapshot.candidate), "Deployment/checkout-v2");
}

}  // namespace
}  // namespace weir::reconcile
