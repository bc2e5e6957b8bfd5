// The writes of each action, as values.
#include "operator/reconcile/writes.h"

#include "operator/lead/epoch.h"
#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using strategies::Selects;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WritesTest : public ObservedRelease {
 protected:
  std::vector<kube::Write> writes(const strategies::Action& action) { return writes(action, look()); }
  std::vector<kube::Write> writes(const strategies::Action& action, const Snapshot& snapshot) {
    return writes_of(action, snapshot, world.stores, std::nullopt).value();
  }
  // The only one.
  kube::Write write(const strategies::Action& action) {
    const auto all = writes(action);
    if (all.size() != 1) throw std::logic_error(std::to_string(all.size()) + " writes");
    return all.front();
  }
  // "make Service/checkout-v1".
  std::vector<std::string> described(const strategies::Action& action) {
    std::vector<std::string> lines;
    for (const auto& one : writes(action)) {
      const char* verb = one.before.is_null() ? "make " : one.after.is_null() ? "delete " : "change ";
      lines.push_back(verb + name_of(one.kind, one.before.is_null() ? one.after : one.before));
    }
    return lines;
  }
  void mark(const kube::Resource& resource, const char* name) {
    edit(resource, name, "/metadata/annotations/weir.dev~1epoch", "7000001");
  }
};

// What the router of `snapshot` answers is what is written.
void expect_same(const std::vector<kube::Write>& writes, const routing::Writes& wanted) {
  ASSERT_TRUE(wanted);
  ASSERT_EQ(writes.size(), wanted->size());
  for (std::size_t i = 0; i < writes.size(); ++i) {
    EXPECT_EQ(writes[i].kind, wanted->at(i).kind);
    EXPECT_EQ(writes[i].before, wanted->at(i).before);
    EXPECT_EQ(writes[i].after, wanted->at(i).after);
  }
}

// ---- the Canary ----

TEST_F(WritesTest, the_finalizer_is_added_to_those_of_others) {
  edit(kube::kCanaries, "checkout-v2", "/metadata/finalizers", Json::array({"team/audit"}));
  const auto made = write(strategies::EnsureFinalizer{});
  EXPECT_EQ(made.kind, kube::kCanaries);
  EXPECT_EQ(made.after["metadata"]["finalizers"], Json::array({"team/audit", "weir.dev/traffic"}));
  EXPECT_EQ(made.after["spec"], made.before["spec"]);
  EXPECT_FALSE(lead::is_claimed(made.after)) << "who leads alone signs nothing";
}

TEST_F(WritesTest, an_elected_leader_signs_the_canary_that_it_begins_on) {
  const auto made =
      writes_of(strategies::EnsureFinalizer{}, look(), world.stores, /*term=*/7).value().front();
  EXPECT_EQ(lead::term_of_claim(made.after), 7);
}

TEST_F(WritesTest, letting_go_takes_the_finalizer_the_mark_and_the_request_for_a_rollback_off) {
  edit(kube::kCanaries, "checkout-v2", "/metadata/finalizers",
       Json::array({"team/audit", "weir.dev/traffic"}));
  edit(kube::kCanaries, "checkout-v2", "/metadata/annotations",
       {{"weir.dev/rollback", "too slow"}, {"team", "shop"}});
  mark(kube::kCanaries, "checkout-v2");
  const auto metadata = write(strategies::LetGo{}).after["metadata"];
  EXPECT_EQ(metadata["finalizers"], Json::array({"team/audit"}));
  EXPECT_FALSE(metadata["annotations"].contains("weir.dev/rollback"));
  EXPECT_FALSE(metadata["annotations"].contains("weir.dev/epoch"));
  EXPECT_TRUE(metadata["annotations"].contains("team"));
}

TEST_F(WritesTest, letting_go_leaves_no_empty_list_of_finalizers) {
  edit(kube::kCanaries, "checkout-v2", "/metadata/finalizers", Json::array({"weir.dev/traffic"}));
  EXPECT_FALSE(write(strategies::LetGo{}).after["metadata"].contains("finalizers"));
}

TEST_F(WritesTest, a_canary_that_has_lived_long_enough_is_deleted) {
  EXPECT_THAT(described(strategies::DeleteCanary{}), ElementsAre("delete Canary/checkout-v2"));
}

// ---- the release's own Services ----

TEST_F(WritesTest, own_services_that_do_not_exist_are_made) {
  EXPECT_THAT(described(strategies::EnsureVersionServices{}),
              ElementsAre("make Service/checkout-v1", "make Service/checkout-v2"));
}

TEST_F(WritesTest, own_services_that_are_as_they_should_be_are_not_written) {
  begin();
  EXPECT_THAT(writes(strategies::EnsureVersionServices{}), IsEmpty());
}

TEST_F(WritesTest, of_an_own_service_that_somebody_changed_selector_and_ports_are_put_back) {
  begin();
  edit(kube::kServices, "checkout-v1", "/spec/selector/app", "cart");
  edit(kube::kServices, "checkout-v1", "/spec/ports/0/port", 81);
  edit(kube::kServices, "checkout-v1", "/spec/ipFamilies", Json::array({"IPv6"}));
  const auto mended = write(strategies::EnsureVersionServices{});
  EXPECT_EQ(mended.after["spec"]["selector"], Json({{"app", "checkout"}, {"version", "v1"}}));
  EXPECT_EQ(mended.after["spec"]["ports"][0]["port"], 80);
  EXPECT_EQ(mended.after["spec"]["ipFamilies"], Json::array({"IPv6"}));
  EXPECT_EQ(mended.after["metadata"], mended.before["metadata"]);
}

TEST_F(WritesTest, own_services_are_deleted_and_nobody_elses_of_their_names) {
  world.api.put(kube::kServices, {{"metadata", {{"name", "checkout-v1"}, {"namespace", "shop"}}},
                                  {"spec", {{"selector", {{"app", "cart"}}}}}});
  EXPECT_THAT(writes(strategies::DeleteVersionServices{}), IsEmpty());
  world.api.erase(kube::kServices, {"shop", "checkout-v1"});
  begin();
  EXPECT_THAT(described(strategies::DeleteVersionServices{}),
              ElementsAre("delete Service/checkout-v1", "delete Service/checkout-v2"));
}

TEST_F(WritesTest, an_own_service_that_a_route_of_somebodys_leads_to_stays) {
  begin();
  world.api.put(kube::kVirtualServices,
                Json::parse(R"({"metadata": {"name": "preview", "namespace": "shop"}, "spec": {
                  "hosts": ["preview"], "http": [{"route": [{"destination": {"host": "checkout-v2"}}]}]}})"));
  EXPECT_THAT(described(strategies::DeleteVersionServices{}), ElementsAre("delete Service/checkout-v1"));
}

// ---- routes ----

TEST_F(WritesTest, of_routes_are_what_the_router_answers) {
  const auto before = look();
  const auto& router = *before.router;
  expect_same(writes(strategies::Prepare{}, before), router.prepare(before.target, before.objects));
  begin();
  const auto snapshot = look();
  const auto& [target, objects] = std::tie(snapshot.target, snapshot.objects);
  const strategies::Traffic half{*strategies::Weight::of(50)};
  expect_same(writes(strategies::Route{half}, snapshot), router.route(target, objects, half));
  expect_same(writes(strategies::MovePinned{}, snapshot), router.move_pinned(target, objects));
  for (const bool promoted : {false, true}) {
    expect_same(writes(strategies::RestoreRoutes{promoted}, snapshot),
                router.restore(target, objects, promoted));
    expect_same(writes(strategies::CleanUp{.promoted = promoted, .words = ""}, snapshot),
                router.clean_up(target, objects, promoted));
  }
}

TEST_F(WritesTest, of_routes_that_the_router_refuses_there_are_none_and_its_sentence_is_the_error) {
  edit(kube::kCanaries, "checkout-v2", "/spec/routing", Json::object({{"provider", "noop"}}));
  auto snapshot = look();
  snapshot.objects = {};
  const auto refused = writes_of(strategies::Route{}, snapshot, world.stores, std::nullopt);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, kube::Code::Invalid);
  EXPECT_EQ(refused.error().message, "Service checkout does not exist in namespace shop");
}

// ---- the Service ----

TEST_F(WritesTest, the_selector_changes_by_its_version_alone) {
  const auto selector = [this](Selects selects) {
    const auto moved = write(strategies::SetSelector{selects});
    EXPECT_EQ(moved.kind, kube::kServices);
    EXPECT_EQ(moved.after["spec"]["ports"], moved.before["spec"]["ports"]);
    EXPECT_EQ(moved.after["metadata"], moved.before["metadata"]);
    return moved.after["spec"]["selector"];
  };
  EXPECT_EQ(selector(Selects::Both), Json({{"app", "checkout"}}));
  EXPECT_EQ(selector(Selects::Candidate), Json({{"app", "checkout"}, {"version", "v2"}}));
  EXPECT_EQ(selector(Selects::Stable), Json({{"app", "checkout"}, {"version", "v1"}}));
}

TEST_F(WritesTest, the_selector_is_moved_to_no_third_version) {
  const auto refused = writes_of(strategies::SetSelector{Selects::Other}, look(), world.stores, std::nullopt);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, kube::Code::Invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("another version"));
}

// ---- workloads ----

TEST_F(WritesTest, the_workload_that_is_named_is_scaled_by_its_scaler) {
  const auto up = write(strategies::Scale{.workload = "checkout-v2", .replicas = 3});
  EXPECT_EQ(name_of(up.kind, up.after), "Deployment/checkout-v2");
  EXPECT_EQ(up.after["spec"]["replicas"], 3);
  EXPECT_EQ(up.after["spec"]["template"], up.before["spec"]["template"]);
  const auto down = write(strategies::Scale{.workload = "checkout-v1", .replicas = 0});
  EXPECT_EQ(name_of(down.kind, down.after), "Deployment/checkout-v1");
  EXPECT_EQ(down.after["spec"]["replicas"], 0);
}

TEST_F(WritesTest, a_workload_that_has_as_many_pods_as_it_should_is_not_written) {
  EXPECT_THAT(writes(strategies::Scale{.workload = "checkout-v1", .replicas = 2}), IsEmpty());
}

TEST_F(WritesTest, stables_workload_is_deleted_where_the_canary_asks_for_it) {
  EXPECT_THAT(described(strategies::DeleteWorkload{.workload = "checkout-v1"}),
              ElementsAre("delete Deployment/checkout-v1"));
}

// ---- marks and leftovers ----

TEST_F(WritesTest, marks_are_taken_off_the_users_objects_and_nothing_else_is_changed) {
  begin();
  const auto service = object(kube::kServices, "checkout")["metadata"].value("annotations", Json());
  mark(kube::kVirtualServices, "checkout");
  mark(kube::kServices, "checkout");
  mark(kube::kServices, "checkout-v1");
  EXPECT_THAT(described(strategies::ClearMarks{}),
              ElementsAre("change VirtualService/checkout", "change Service/checkout"));
  const auto cleared = writes(strategies::ClearMarks{}).back();
  EXPECT_EQ(cleared.after["metadata"].value("annotations", Json()), service);
  EXPECT_EQ(cleared.after["spec"], cleared.before["spec"]);
}

TEST_F(WritesTest, leftovers_are_each_looked_at_before_one_is_removed) {
  begin();
  edit(kube::kCanaries, "checkout-v2", "/status/phase", "Failed");
  EXPECT_THAT(look().leftovers, testing::Not(IsEmpty()));
  EXPECT_THAT(writes(strategies::RemoveLeftovers{}), IsEmpty());
}

}  // namespace
}  // namespace weir::reconcile
