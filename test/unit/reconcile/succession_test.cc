// A promotion after which another one came, whose Canary goes: what that one promoted is not the first one's
// to undo.
#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <vector>

#include "operator/reconcile/controller.h"
#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::IsEmpty;

// The first release guards its Service, and all versions keep their pods.
class SuccessionTest : public ::testing::Test, protected ReleaseWorld {
 protected:
  SuccessionTest() {
    world.stores.on_change([this](const kube::Resource& resource, const kube::Change& change) {
      controller.changed(resource, change);
    });
    fill();
    auto first = object(kube::kCanaries, "checkout-v2");
    first["spec"]["stable"] = {{"afterPromotion", "Keep"}};
    first["spec"]["guardAfterPromotion"] = true;
    world.api.put(kube::kCanaries, first);
  }

  Listener listener() {
    Listener listener;
    listener.on_event = [this](const canary::Canary& canary, const strategies::Event& event) {
      if (canary.name == "checkout-v2") events.push_back(event.reason);
    };
    return listener;
  }

  void work(seconds time) { ReleaseWorld::work(controller, time); }
  void work_until_promoted(const std::string& name) {
    const auto phase_of = [&] {
      return object(kube::kCanaries, name).value("status", Json::object()).value("phase", "");
    };
    for (int i = 0; i < 60 && phase_of() != "Succeeded"; ++i) work(minutes(1));
    ASSERT_EQ(phase_of(), "Succeeded");
  }

  void write_to_service(const Json& change, const char* manager) {
    auto service = object(kube::kServices, "checkout");
    service.merge_patch(change);
    world.api.put(kube::kServices, service, manager);
    follow();
  }
  void add_third_version() {
    auto third = object(kube::kDeployments, "checkout-v2");
    third["metadata"] = {{"name", "checkout-v3"}, {"namespace", "shop"}};
    third["spec"]["template"]["metadata"]["labels"]["version"] = "v3";
    third["spec"]["selector"]["matchLabels"]["version"] = "v3";
    world.api.put(kube::kDeployments, third);
    follow();
  }
  // Of the third version, as somebody makes it.
  Json second_canary() {
    auto second = object(kube::kCanaries, "checkout-v2");
    second["metadata"] = {{"name", "checkout-v3"}, {"namespace", "shop"}};
    second["spec"]["targetRef"]["name"] = "checkout-v3";
    second["spec"].erase("guardAfterPromotion");
    second.erase("status");
    return second;
  }
  void leave_third_version_without_pods() {
    auto third = object(kube::kDeployments, "checkout-v3");
    third["spec"]["replicas"] = 0;
    world.api.put(kube::kDeployments, third);
    follow();
  }

  void promote_both(const Json& second) {
    work_until_promoted("checkout-v2");
    add_third_version();
    world.api.put(kube::kCanaries, second);
    work_until_promoted("checkout-v3");
    EXPECT_EQ(successor(), "checkout-v3");
    EXPECT_EQ(selected(), "v3");
    events.clear();
  }
  // Whatever is written to the Service when the Canary of the third version is gone, and its pods are.
  void expect_undone_by_nobody() {
    work(minutes(1));
    ASSERT_TRUE(object(kube::kCanaries, "checkout-v3").is_null());
    leave_third_version_without_pods();
    for (const Json& change : {Json{{"metadata", {{"annotations", {{"a", "b"}}}}}},
                               Json{{"spec", {{"selector", {{"version", "v0"}}}}}},
                               Json{{"spec", {{"selector", {{"version", "v3"}}}}}}}) {
      write_to_service(change, "kubectl");
      const auto left = selected();
      work(minutes(1));
      EXPECT_EQ(selected(), left);
    }
    EXPECT_THAT(events, IsEmpty());
  }

  std::string selected() {
    return object(kube::kServices, "checkout")["spec"]["selector"].value("version", "");
  }
  std::string successor() { return status().value("successor", ""); }

  std::vector<std::string> events;  // of the first release, their reasons
  Reconciler reconciler{world.api, world.api, world.stores, analyst, world.clock, listener()};
  Controller controller{reconciler, world.stores, world.clock,
                        [](const kube::Key&, const Round&, std::chrono::duration<double>) {}};
};

TEST_F(SuccessionTest, a_later_release_whose_canary_is_deleted_is_undone_by_nobody) {
  promote_both(second_canary());
  world.api.erase(kube::kCanaries, {"shop", "checkout-v3"});
  expect_undone_by_nobody();
}

TEST_F(SuccessionTest, a_later_release_whose_time_to_live_is_over_is_undone_by_nobody) {
  auto second = second_canary();
  second["spec"]["ttlSecondsAfterFinished"] = 120;
  promote_both(second);
  work(minutes(5));
  expect_undone_by_nobody();
}

TEST_F(SuccessionTest, a_later_release_that_went_before_it_was_noted_is_undone_by_nobody) {
  work_until_promoted("checkout-v2");
  add_third_version();
  leave_third_version_without_pods();
  events.clear();
  world.clock.advance(seconds(2));
  write_to_service({{"spec", {{"selector", {{"version", "v3"}}}}}}, "weir");
  work(minutes(1));
  EXPECT_EQ(selected(), "v3");
  EXPECT_THAT(events, IsEmpty());
}

TEST_F(SuccessionTest, a_release_whose_spec_cannot_be_read_any_more_notes_its_successor_alone) {
  work_until_promoted("checkout-v2");
  const auto before = status();
  auto second = second_canary();
  second["status"] = before;
  second["status"].update({{"target", "checkout-v3"}, {"lastTransitionTime", "2999-01-01T00:00:00.000Z"}});
  auto first = object(kube::kCanaries, "checkout-v2");
  first["spec"]["analysis"]["metrics"] = Json::array();
  world.api.put(kube::kCanaries, first);
  events.clear();
  world.api.put(kube::kCanaries, second);
  (void)reconciler.reconcile(key);
  EXPECT_EQ(successor(), "checkout-v3");
  EXPECT_EQ(message(), before["message"]);
  EXPECT_THAT(events, IsEmpty());
}

}  // namespace
}  // namespace weir::reconcile
