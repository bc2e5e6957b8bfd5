// How the writes of an action are sent, and what becomes of the answers.
#include "operator/reconcile/act.h"

#include "operator/lead/fence.h"
#include "operator/reconcile/kinds.h"
#include "operator/reconcile/trim.h"
#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using kube::Code;
using std::chrono::seconds;
using strategies::Selects;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ActTest : public ActingRelease {
 protected:
  kube::Result<void> perform_apart(const strategies::Action& action, const Snapshot& snapshot) {
    return Actor(api, apart, world.clock, std::nullopt).perform(action, snapshot);
  }

  // Follows nothing: what is in it was put there by the actor.
  kube::Stores apart{kept_kinds()};
};

struct Case {
  strategies::Action action;
  kube::Resource resource;  // what it writes first
  const char* name;
};

std::vector<Case> cases() {
  return {{strategies::EnsureFinalizer{}, kube::kCanaries, "checkout-v2"},
          {strategies::LetGo{}, kube::kCanaries, "checkout-v2"},
          {strategies::DeleteCanary{}, kube::kCanaries, "checkout-v2"},
          {strategies::DeleteVersionServices{}, kube::kServices, "checkout-v1"},
          {strategies::Route{}, kube::kVirtualServices, "checkout"},
          {strategies::RestoreRoutes{}, kube::kVirtualServices, "checkout"},
          {strategies::SetSelector{Selects::Stable}, kube::kServices, "checkout"},
          {strategies::Scale{.workload = "checkout-v2", .replicas = 5}, kube::kDeployments, "checkout-v2"},
          {strategies::DeleteWorkload{.workload = "checkout-v1"}, kube::kDeployments, "checkout-v1"}};
}

TEST_F(ActTest, writes_nothing_over_what_has_changed_since_it_was_read) {
  begin();
  int changes = 0;
  for (const auto& [action, resource, name] : cases()) {
    SCOPED_TRACE(strategies::describe(action));
    const auto snapshot = look();
    edit(resource, name, "/metadata/labels/touched", std::to_string(++changes));
    const auto done = perform(action, snapshot);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::Conflict);
    EXPECT_THAT(written(), IsEmpty());
  }
}

TEST_F(ActTest, puts_what_the_server_answers_into_the_stores) {
  begin();
  ASSERT_TRUE(perform_apart(strategies::SetSelector{Selects::Stable}, look()));
  const auto stored = apart.services.get({"shop", "checkout"});
  ASSERT_TRUE(stored);
  EXPECT_EQ((*stored->object)["spec"]["selector"]["version"], "v1");
  EXPECT_EQ(kube::metadata_text(*stored->object, "resourceVersion"),
            kube::metadata_text(object(kube::kServices, "checkout"), "resourceVersion"));
}

TEST_F(ActTest, puts_what_it_has_made_into_the_stores) {
  ASSERT_TRUE(perform_apart(strategies::EnsureVersionServices{}, look()));
  EXPECT_THAT(apart.services.keys("shop"),
              ElementsAre(kube::Key{"shop", "checkout-v1"}, kube::Key{"shop", "checkout-v2"}));
}

TEST_F(ActTest, forgets_what_it_has_deleted_unless_finalizers_keep_it) {
  begin();
  edit(kube::kServices, "checkout-v2", "/metadata/finalizers", Json::array({"team/audit"}));
  const auto snapshot = look();
  for (const auto& service : snapshot.existing_services) apart.services.put(service, world.clock.steady());
  ASSERT_TRUE(perform_apart(strategies::DeleteVersionServices{}, snapshot));
  EXPECT_THAT(apart.services.keys("shop"), ElementsAre(kube::Key{"shop", "checkout-v2"}));
  EXPECT_FALSE(kube::metadata_text(object(kube::kServices, "checkout-v2"), "deletionTimestamp").empty());
}

TEST_F(ActTest, signs_what_it_writes_as_the_operators_field_manager) {
  begin();
  auto changed = object(kube::kServices, "checkout");
  changed["spec"]["ports"][0]["port"] = 81;
  world.clock.advance(seconds(5));
  world.api.put(kube::kServices, changed, "helm");
  world.clock.advance(seconds(5));
  ASSERT_TRUE(perform(strategies::SetSelector{Selects::Stable}, look()));
  EXPECT_EQ(last_write(object(kube::kServices, "checkout"))["manager"], strategies::kFieldManager);
}

TEST_F(ActTest, sends_nothing_where_everything_is_as_it_should_be) {
  begin();
  lead::Fence fence{lead::leads_alone};
  lead::FencedApi fenced(world.api, fence, key, {"shop", "checkout"}, 0);
  Actor actor(fenced, world.stores, world.clock, std::nullopt);
  const std::vector<strategies::Action> actions{strategies::EnsureVersionServices{},
                                                strategies::Route{{*strategies::Weight::of(10)}},
                                                strategies::SetSelector{Selects::Both},
                                                strategies::Scale{.workload = "checkout-v1", .replicas = 2},
                                                strategies::ClearMarks{},
                                                strategies::RemoveLeftovers{}};
  for (const auto& action : actions) {
    EXPECT_TRUE(actor.perform(action, look())) << strategies::describe(action);
    EXPECT_FALSE(fenced.sent()) << strategies::describe(action);
  }
  EXPECT_TRUE(actor.perform(strategies::SetSelector{Selects::Stable}, look()));
  EXPECT_TRUE(fenced.sent());
}

TEST_F(ActTest, stops_at_the_first_write_that_fails) {
  const auto snapshot = look();
  world.api.put(kube::kServices, {{"metadata", {{"name", "checkout-v1"}, {"namespace", "shop"}}},
                                  {"spec", {{"selector", {{"app", "cart"}}}}}});
  const auto done = perform(strategies::EnsureVersionServices{}, snapshot);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::AlreadyExists);
  EXPECT_THAT(written(), IsEmpty());
  EXPECT_TRUE(object(kube::kServices, "checkout-v2").is_null());
}

TEST_F(ActTest, says_of_a_namespace_that_is_being_deleted_that_nothing_can_be_made_in_it) {
  const auto snapshot = look();
  world.api.end_namespace("shop");
  const auto done = perform(strategies::EnsureVersionServices{}, snapshot);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::Terminating);
}

TEST_F(ActTest, believes_nothing_of_a_write_that_was_not_answered) {
  begin();
  api.astray = [](offline::Verb, const kube::Resource&, const Json&) { return true; };
  const auto done = perform_apart(strategies::SetSelector{Selects::Stable}, look());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::Timeout);
  EXPECT_FALSE(apart.services.contains({"shop", "checkout"}));
}

TEST_F(ActTest, finds_a_canary_that_is_gone_already_deleted) {
  const auto snapshot = look();
  world.api.erase(kube::kCanaries, key);
  EXPECT_TRUE(perform(strategies::DeleteCanary{}, snapshot));
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(ActTest, removes_each_leftover_that_no_route_leads_to_by_now) {
  begin();
  edit(kube::kCanaries, "checkout-v2", "/status/phase", "Failed");
  const auto snapshot = look();
  ASSERT_EQ(snapshot.leftovers.size(), 2U);
  edit(kube::kVirtualServices, "checkout", "/spec/http/0/route/0/destination/host", "checkout-v1");
  EXPECT_TRUE(perform(strategies::RemoveLeftovers{}, snapshot));
  EXPECT_THAT(written(), ElementsAre("remove Service/checkout-v2"));
}

}  // namespace
}  // namespace weir::reconcile
