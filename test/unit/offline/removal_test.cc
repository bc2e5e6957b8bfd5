// What a MemoryApi does with objects that are deleted, and with those that they own.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "operator/kube/object.h"
#include "operator/offline/memory_api.h"
#include "test/unit/kube/objects.h"
#include "test/unit/offline/mirrored_api.h"

namespace weir::offline {
namespace {

using kube::object;

Json owned_by(const Json& owner, Json object) {
  object["metadata"]["ownerReferences"].push_back({{"uid", kube::metadata_text(owner, "uid")}});
  return object;
}

TEST_F(MemoryApiTest, removes_an_object_only_if_it_is_still_the_same_one_and_has_not_changed) {
  const Json old = api.create(kube::kServices, object("web")).value();
  const Json made = api.update(kube::kServices, old, with_spec(old, {{"n", 1}})).value();
  EXPECT_EQ(api.remove(kube::kServices, old).error().code, kube::Code::Conflict);
  Json other = made;
  other["metadata"]["uid"] = "another";
  EXPECT_EQ(api.remove(kube::kServices, other).error().code, kube::Code::Conflict);
  EXPECT_TRUE(api.remove(kube::kServices, made));
  EXPECT_EQ(api.get(kube::kServices, {"shop", "web"}).error().code, kube::Code::NotFound);
  EXPECT_TRUE(api.remove(kube::kServices, made));
}

TEST_F(MemoryApiTest, keeps_a_removed_object_until_its_last_finalizer_goes) {
  Json guarded = object("web");
  guarded["metadata"]["finalizers"] = {"weir.dev/traffic"};
  const Json made = api.create(kube::kCanaries, guarded).value();
  ASSERT_TRUE(api.remove(kube::kCanaries, made));
  const Json going = current(kube::kCanaries, "web");
  EXPECT_EQ(kube::metadata_text(going, "deletionTimestamp"), "2026-01-01T00:00:00Z");
  EXPECT_EQ(going["metadata"]["generation"], 2);
  EXPECT_TRUE(stores.canaries.get({"shop", "web"})->object->at("metadata").contains("deletionTimestamp"));

  Json released = going;
  released["metadata"].erase("finalizers");
  ASSERT_TRUE(api.update(kube::kCanaries, going, released));
  EXPECT_EQ(api.get(kube::kCanaries, {"shop", "web"}).error().code, kube::Code::NotFound);
  EXPECT_FALSE(stores.canaries.get({"shop", "web"}));
}

TEST_F(MemoryApiTest, collects_dependents_when_their_last_owner_goes) {
  const Json first = api.put(kube::kCanaries, object("first"));
  const Json second = api.put(kube::kCanaries, object("second"));
  api.put(kube::kServices, owned_by(first, object("one")));
  api.put(kube::kServices, owned_by(second, owned_by(first, object("both"))));
  ASSERT_TRUE(api.remove(kube::kCanaries, first));
  EXPECT_FALSE(api.get(kube::kServices, {"shop", "one"}));
  EXPECT_FALSE(stores.services.get({"shop", "one"}));
  EXPECT_EQ(current(kube::kServices, "both")["metadata"]["ownerReferences"].size(), 1U);
  ASSERT_TRUE(api.remove(kube::kCanaries, second));
  EXPECT_FALSE(api.get(kube::kServices, {"shop", "both"}));
}

TEST_F(MemoryApiTest, deleted_in_the_foreground_an_object_waits_for_those_that_block_it) {
  Json guarded = object("web");
  guarded["metadata"]["finalizers"] = {"weir.dev/traffic"};
  const Json owner = api.put(kube::kCanaries, guarded);
  Json blocking = owned_by(owner, object("blocking"));
  blocking["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = true;
  blocking["metadata"]["finalizers"] = {"someone.else/waits"};
  api.put(kube::kServices, blocking);
  api.put(kube::kServices, owned_by(owner, object("plain")));
  ASSERT_TRUE(api.erase(kube::kCanaries, {"shop", "web"}, Propagation::Foreground));
  EXPECT_FALSE(api.get(kube::kServices, {"shop", "plain"})) << "before its owner, which has a finalizer";
  Json going = current(kube::kCanaries, "web");
  EXPECT_EQ(going["metadata"]["finalizers"], (Json{"weir.dev/traffic", "foregroundDeletion"}));
  going["metadata"]["finalizers"] = {"foregroundDeletion"};
  api.put(kube::kCanaries, going);
  EXPECT_TRUE(api.get(kube::kCanaries, {"shop", "web"}));
  Json let_go = current(kube::kServices, "blocking");
  let_go["metadata"].erase("finalizers");
  api.put(kube::kServices, let_go);
  EXPECT_FALSE(api.get(kube::kServices, {"shop", "blocking"}));
  EXPECT_FALSE(api.get(kube::kCanaries, {"shop", "web"}));
}

TEST_F(MemoryApiTest, orphaned_dependents_stay_without_their_owner) {
  const Json owner = api.put(kube::kCanaries, object("web"));
  api.put(kube::kServices, owned_by(owner, object("one")));
  ASSERT_TRUE(api.erase(kube::kCanaries, {"shop", "web"}, Propagation::Orphan));
  EXPECT_FALSE(api.get(kube::kCanaries, {"shop", "web"}));
  EXPECT_FALSE(current(kube::kServices, "one")["metadata"].contains("ownerReferences"));
}

TEST_F(MemoryApiTest, makes_nothing_in_a_namespace_that_is_being_deleted) {
  const Json there = api.put(kube::kServices, object("there"));
  api.end_namespace("shop");
  EXPECT_EQ(api.create(kube::kServices, object("web")).error().code, kube::Code::Terminating);
  api.put(kube::kServices, object("web"));
  EXPECT_FALSE(api.get(kube::kServices, {"shop", "web"}));
  EXPECT_TRUE(api.update(kube::kServices, there, with_spec(there, {{"n", 1}})))
      << "what is there may be written";
}

TEST_F(MemoryApiTest, gives_a_deletion_a_version_of_its_own) {
  std::vector<Changed> changes;
  api.on_change([&](const Changed& changed) { changes.push_back(changed); });
  const Json made = api.put(kube::kServices, object("web"));
  ASSERT_TRUE(api.erase(kube::kServices, {"shop", "web"}));
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(kube::numeric_version(*changes[1].after).value(), kube::numeric_version(made).value() + 1);
  EXPECT_EQ(api.last_version(), kube::numeric_version(*changes[1].after));
  Json last = *changes[1].after;
  last["metadata"]["resourceVersion"] = version(made);
  EXPECT_EQ(last, made);
}

TEST_F(MemoryApiTest, says_which_changes_are_the_garbage_collectors) {
  const Json first = api.put(kube::kCanaries, object("first"));
  const Json second = api.put(kube::kCanaries, object("second"));
  api.put(kube::kServices, owned_by(first, object("one")));
  api.put(kube::kServices, owned_by(second, owned_by(first, object("both"))));
  std::map<std::string, Changed> changes;
  api.on_change(
      [&](const Changed& changed) { changes[kube::metadata_text(*changed.after, "name")] = changed; });
  ASSERT_TRUE(api.remove(kube::kCanaries, first));
  EXPECT_FALSE(changes.at("first").collected);
  EXPECT_TRUE(changes.at("one").collected);
  EXPECT_TRUE(changes.at("one").gone);
  EXPECT_TRUE(changes.at("both").collected);
  EXPECT_FALSE(changes.at("both").gone);
}

TEST_F(MemoryApiTest, deletes_a_going_object_with_the_write_that_takes_its_last_finalizer) {
  Json guarded = object("web");
  guarded["metadata"]["finalizers"] = {"weir.dev/traffic"};
  api.put(kube::kCanaries, guarded);
  ASSERT_TRUE(api.erase(kube::kCanaries, {"shop", "web"}));
  std::vector<Changed> changes;
  api.on_change([&](const Changed& changed) { changes.push_back(changed); });
  Json released = current(kube::kCanaries, "web");
  released["metadata"].erase("finalizers");
  api.put(kube::kCanaries, released);
  EXPECT_FALSE(api.find(kube::kCanaries, {"shop", "web"}));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_TRUE(changes[0].gone);
}

TEST_F(MemoryApiTest, removes_on_the_preconditions_that_are_given) {
  const Json made = api.put(kube::kServices, object("web"));
  const Key key{"shop", "web"};
  EXPECT_EQ(api.remove(kube::kServices, key, {.uid = "another"}).error().code, kube::Code::Conflict);
  EXPECT_EQ(api.remove(kube::kServices, key, {.resource_version = "999"}).error().code, kube::Code::Conflict);
  EXPECT_FALSE(api.remove(kube::kServices, key, {kube::metadata_text(made, "uid"), version(made)}).value());
  EXPECT_EQ(api.remove(kube::kServices, key, {}).error().code, kube::Code::NotFound);
}

}  // namespace
}  // namespace weir::offline
