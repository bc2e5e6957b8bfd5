#include "operator/reconcile/orphans.h"

#include <gmock/gmock.h>

#include "operator/routing/ownership.h"
#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const kube::Key kCheckout{"shop", "checkout"};

class OrphansTest : public ObservedRelease {
 protected:
  // A Service that the release of a Canary with this uid has made.
  void made(const char* name, const std::string& uid) {
    Json service = {{"metadata", {{"name", name}, {"namespace", "shop"}, {"uid", name}}},
                    {"spec", {{"selector", {{"app", "checkout"}}}}}};
    routing::sign(service, {.canary = "gone", .uid = uid, .service = "checkout"});
    world.api.put(kube::kServices, service);
  }
  std::vector<std::string> orphans() {
    std::vector<std::string> names;
    for (const auto& one : find_orphans(kCheckout, world.stores))
      names.push_back(name_of(one.resource, *one.object));
    return names;
  }
  kube::Result<Removal> removed(const char* name) {
    const ManagedObject made{kube::kServices, std::make_shared<const Json>(object(kube::kServices, name)),
                             false, true};
    return remove_orphan(made, {}, world.api, world.stores, world.clock.steady());
  }
};

TEST_F(OrphansTest, are_due_under_a_key_that_no_canary_can_have) {
  const auto due = orphans_of(kCheckout);
  EXPECT_EQ(service_of_orphans(due), kCheckout);
  EXPECT_FALSE(service_of_orphans(key));
  EXPECT_EQ(leader_of(due, world.stores), kCheckout);
  EXPECT_EQ(leader_of(key, world.stores), kCheckout);
  EXPECT_FALSE(leader_of({"shop", "nobody"}, world.stores));
}

TEST_F(OrphansTest, are_what_a_canary_made_that_is_gone_and_nothing_else) {
  made("checkout-old", "gone-1");
  made("checkout-now", kube::metadata_text(object(kube::kCanaries, "checkout-v2"), "uid"));
  EXPECT_THAT(orphans(), ElementsAre("Service/checkout-old"));
  EXPECT_EQ(made_by("gone-1", "shop", world.stores).size(), 1U);
  EXPECT_THAT(made_by("gone-1", "elsewhere", world.stores), IsEmpty());
}

TEST_F(OrphansTest, are_due_for_a_round_beside_the_releases) {
  EXPECT_EQ(everything_due(world.stores).size(), 1U);
  made("checkout-old", "gone-1");
  const auto due = everything_due(world.stores);
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[1].key, orphans_of(kCheckout));
  EXPECT_EQ(due[1].service, kCheckout);
}

TEST_F(OrphansTest, that_are_going_already_are_left_alone) {
  made("checkout-old", "gone-1");
  edit(kube::kServices, "checkout-old", "/metadata/finalizers", Json::array({"somebody.example/waits"}));
  ASSERT_TRUE(world.api.remove(kube::kServices, object(kube::kServices, "checkout-old")));
  ASSERT_FALSE(object(kube::kServices, "checkout-old").is_null());
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(OrphansTest, are_removed_unless_a_route_leads_to_them) {
  made("checkout-old", "gone-1");
  edit(kube::kVirtualServices, "checkout", "/spec/http",
       Json::parse(R"([{"route": [{"destination": {"host": "checkout-old"}}]}])"));
  EXPECT_EQ(removed("checkout-old").value(), Removal::InUse);
  edit(kube::kVirtualServices, "checkout", "/spec/http",
       Json::parse(R"([{"route": [{"destination": {"host": "checkout"}}]}])"));
  EXPECT_EQ(removed("checkout-old").value(), Removal::Done);
  EXPECT_TRUE(object(kube::kServices, "checkout-old").is_null());
  EXPECT_THAT(orphans(), IsEmpty()) << "the next reading sees that it is gone";
}

TEST_F(OrphansTest, are_none_if_the_api_server_has_their_canary) {
  made("checkout-old", "late");
  auto canary = object(kube::kCanaries, "checkout-v2");
  canary["metadata"] = {{"name", "gone"}, {"namespace", "shop"}, {"uid", "late"}};
  world.api.put(kube::kCanaries, canary);
  EXPECT_EQ(removed("checkout-old").value(), Removal::InUse);
}

TEST(UnusedObjects, count_from_when_no_route_leads_to_them_and_afresh_after_one_did) {
  Unused unused;
  const ManagedObject made{kube::kServices, std::make_shared<const Json>(Json{{"metadata", {{"uid", "1"}}}}),
                           false, true};
  const base::Clock::Steady begin{};
  EXPECT_FALSE(unused.note(made, false, begin));
  EXPECT_FALSE(unused.note(made, false, begin + seconds(14)));
  EXPECT_TRUE(unused.note(made, false, begin + seconds(15)));
  EXPECT_FALSE(unused.note(made, true, begin + seconds(16)));
  EXPECT_FALSE(unused.note(made, false, begin + seconds(17)));
  unused.forget(made);
  EXPECT_FALSE(unused.note(made, false, begin + seconds(40)));
}

}  // namespace
}  // namespace weir::reconcile
