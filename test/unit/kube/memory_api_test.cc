#include "operator/kube/memory_api.h"

#include <gtest/gtest.h>

#include "operator/kube/object.h"
#include "test/unit/kube/objects.h"

namespace weir::kube {
namespace {

using std::chrono::seconds;

class MemoryApiTest : public testing::Test {
 protected:
  Json current(const Resource& resource, const std::string& name) {
    return api.get(resource, {"shop", name}).value();
  }
  static std::string version(const Json& object) { return metadata_text(object, "resourceVersion"); }
  static Json with_spec(Json object, const Json& spec) {
    object["spec"] = spec;
    return object;
  }
  static Json owned_by(const Json& owner, Json object) {
    object["metadata"]["ownerReferences"].push_back({{"uid", metadata_text(owner, "uid")}});
    return object;
  }

  VirtualClock clock;
  Stores stores;
  MemoryApi api{clock, &stores};
};

TEST_F(MemoryApiTest, gives_a_new_object_the_servers_own_fields) {
  const Json made = api.create(kDeployments, object("web")).value();
  EXPECT_FALSE(metadata_text(made, "uid").empty());
  EXPECT_TRUE(numeric_version(made));
  EXPECT_EQ(made["metadata"]["generation"], 1);
  EXPECT_EQ(metadata_text(made, "creationTimestamp"), "2026-01-01T00:00:00Z");
  EXPECT_EQ(made["apiVersion"], "apps/v1");
  EXPECT_EQ(made["kind"], "Deployment");
  EXPECT_EQ(current(kDeployments, "web"), made);
}

TEST_F(MemoryApiTest, refuses_to_make_an_object_twice) {
  ASSERT_TRUE(api.create(kServices, object("web")));
  EXPECT_EQ(api.create(kServices, object("web")).error().code, Code::AlreadyExists);
}

TEST_F(MemoryApiTest, names_an_object_from_its_generate_name) {
  Json event = object("");
  event["metadata"].erase("name");
  event["metadata"]["generateName"] = "web-";
  const std::string first = metadata_text(api.create(kEvents, event).value(), "name");
  EXPECT_TRUE(first.starts_with("web-"));
  EXPECT_NE(metadata_text(api.create(kEvents, event).value(), "name"), first);
}

TEST_F(MemoryApiTest, refuses_an_object_without_a_name) {
  EXPECT_EQ(api.create(kEvents, Json::object()).error().code, Code::Invalid);
}

TEST_F(MemoryApiTest, says_not_found_for_what_is_not_there) {
  EXPECT_EQ(api.get(kServices, {"shop", "web"}).error().code, Code::NotFound);
  EXPECT_EQ(api.update(kServices, served("web", "1"), served("web", "1", {{"n", 1}})).error().code,
            Code::NotFound);
}

TEST_F(MemoryApiTest, raises_the_generation_only_with_the_spec) {
  const Json made = api.create(kCanaries, object("web")).value();
  Json labelled = made;
  labelled["metadata"]["labels"] = {{"a", "b"}};
  const Json second = api.update(kCanaries, made, labelled).value();
  EXPECT_EQ(second["metadata"]["generation"], 1);
  EXPECT_NE(version(second), version(made));
  EXPECT_EQ(api.update(kCanaries, second, with_spec(second, {{"n", 1}})).value()["metadata"]["generation"],
            2);
}

TEST_F(MemoryApiTest, refuses_a_write_on_an_old_version_as_a_conflict) {
  const Json made = api.create(kServices, object("web")).value();
  ASSERT_TRUE(api.update(kServices, made, with_spec(made, {{"n", 1}})));
  EXPECT_EQ(api.update(kServices, made, with_spec(made, {{"n", 2}})).error().code, Code::Conflict);
  EXPECT_EQ(current(kServices, "web")["spec"]["n"], 1);
}

TEST_F(MemoryApiTest, sends_nothing_for_equal_objects_even_if_they_are_old) {
  const Json made = api.create(kServices, object("web")).value();
  ASSERT_TRUE(api.update(kServices, made, with_spec(made, {{"n", 1}})));
  EXPECT_EQ(api.update(kServices, made, made).value(), made);
}

TEST_F(MemoryApiTest, writes_status_and_object_apart) {
  Json wanted = object("web");
  wanted["status"] = {{"phase", "Pending"}};
  const Json made = api.create(kCanaries, wanted).value();
  EXPECT_FALSE(made.contains("status"));

  Json both = with_spec(made, {{"n", 1}});
  both["status"] = {{"phase", "Progressing"}};
  const Json second = api.update(kCanaries, made, both).value();
  EXPECT_FALSE(second.contains("status"));

  Json other = with_spec(second, {{"n", 2}});
  other["status"] = {{"phase", "Progressing"}};
  const Json third = api.update_status(kCanaries, second, other).value();
  EXPECT_EQ(third["status"]["phase"], "Progressing");
  EXPECT_EQ(third["spec"]["n"], 1);
  EXPECT_EQ(third["metadata"]["generation"], 2);
}

TEST_F(MemoryApiTest, knows_no_status_of_kinds_without_the_subresource) {
  const Json made = api.create(kLeases, object("lock")).value();
  Json after = made;
  after["status"] = {{"n", 1}};
  EXPECT_EQ(api.update_status(kLeases, made, after).error().code, Code::NotFound);
}

TEST_F(MemoryApiTest, lists_by_namespace_and_label) {
  Json labelled = object("a");
  labelled["metadata"]["labels"] = {{"app", "web"}};
  api.put(kPods, labelled);
  api.put(kPods, object("b"));
  api.put(kPods, object("c", {}, "other"));
  api.put(kServices, labelled);
  EXPECT_EQ(api.list(kPods, "shop", "").value().size(), 2U);
  EXPECT_EQ(api.list(kPods, "", "").value().size(), 3U);
  const auto found = api.list(kPods, "shop", "app=web").value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(metadata_text(found[0], "name"), "a");
  EXPECT_EQ(api.list(kPods, "shop", "app=").value().size(), 0U);
  EXPECT_EQ(api.list(kPods, "shop", "=").error().code, Code::Invalid);
}

TEST_F(MemoryApiTest, removes_an_object_only_if_it_is_still_the_same_one) {
  const Json made = api.create(kServices, object("web")).value();
  Json other = made;
  other["metadata"]["uid"] = "another";
  EXPECT_EQ(api.remove(kServices, other).error().code, Code::Conflict);
  EXPECT_TRUE(api.remove(kServices, made));
  EXPECT_EQ(api.get(kServices, {"shop", "web"}).error().code, Code::NotFound);
  EXPECT_TRUE(api.remove(kServices, made));
}

TEST_F(MemoryApiTest, keeps_a_removed_object_until_its_last_finalizer_goes) {
  Json guarded = object("web");
  guarded["metadata"]["finalizers"] = {"weir.dev/traffic"};
  const Json made = api.create(kCanaries, guarded).value();
  ASSERT_TRUE(api.remove(kCanaries, made));
  const Json going = current(kCanaries, "web");
  EXPECT_EQ(metadata_text(going, "deletionTimestamp"), "2026-01-01T00:00:00Z");
  EXPECT_EQ(going["metadata"]["generation"], 2);
  EXPECT_TRUE(stores.canaries.get({"shop", "web"})->object->at("metadata").contains("deletionTimestamp"));

  Json released = going;
  released["metadata"].erase("finalizers");
  ASSERT_TRUE(api.update(kCanaries, going, released));
  EXPECT_EQ(api.get(kCanaries, {"shop", "web"}).error().code, Code::NotFound);
  EXPECT_FALSE(stores.canaries.get({"shop", "web"}));
}

TEST_F(MemoryApiTest, collects_dependents_when_their_last_owner_goes) {
  const Json first = api.put(kCanaries, object("first"));
  const Json second = api.put(kCanaries, object("second"));
  api.put(kServices, owned_by(first, object("one")));
  api.put(kServices, owned_by(second, owned_by(first, object("both"))));
  ASSERT_TRUE(api.remove(kCanaries, first));
  EXPECT_FALSE(api.get(kServices, {"shop", "one"}));
  EXPECT_FALSE(stores.services.get({"shop", "one"}));
  EXPECT_EQ(current(kServices, "both")["metadata"]["ownerReferences"].size(), 1U);
  ASSERT_TRUE(api.remove(kCanaries, second));
  EXPECT_FALSE(api.get(kServices, {"shop", "both"}));
}

TEST_F(MemoryApiTest, mirrors_every_change_into_the_stores) {
  EXPECT_TRUE(stores.services.synced());
  const Json made = api.create(kServices, object("web", {{"n", 1}})).value();
  const auto since = stores.services.get({"shop", "web"})->since;
  clock.advance(seconds(5));
  ASSERT_TRUE(api.update(kServices, made, with_spec(made, {{"n", 2}})));
  EXPECT_EQ(stores.services.get({"shop", "web"})->since, since + seconds(5));
  api.erase(kServices, {"shop", "web"});
  EXPECT_FALSE(stores.services.get({"shop", "web"}));
}

TEST_F(MemoryApiTest, tells_of_each_write_but_not_of_what_others_do) {
  std::vector<Write> writes;
  api.on_write([&](const Write& write) {
    writes.push_back(write);
    (void)api.list(write.resource, "", "");  // may call back
  });
  const Json made = api.create(kCanaries, object("web")).value();
  const Json second = api.update(kCanaries, made, with_spec(made, {{"n", 1}})).value();
  ASSERT_TRUE(api.update(kCanaries, second, second));
  EXPECT_FALSE(api.update(kCanaries, made, with_spec(made, {{"n", 3}})));
  Json after = second;
  after["status"] = {{"n", 1}};
  const Json third = api.update_status(kCanaries, second, after).value();
  ASSERT_TRUE(api.remove(kCanaries, third));
  api.put(kServices, object("web"));
  api.erase(kServices, {"shop", "web"});

  ASSERT_EQ(writes.size(), 4U);
  EXPECT_EQ(writes[0].verb, Verb::Create);
  EXPECT_TRUE(writes[0].before.is_null());
  EXPECT_EQ(writes[1].verb, Verb::Update);
  EXPECT_EQ(writes[1].before, made);
  EXPECT_EQ(writes[1].after, second);
  EXPECT_EQ(writes[2].verb, Verb::UpdateStatus);
  EXPECT_EQ(to_string(writes[2].verb), "update status");
  EXPECT_EQ(writes[3].verb, Verb::Remove);
  EXPECT_TRUE(writes[3].after.is_null());
}

TEST_F(MemoryApiTest, notes_the_last_writer_of_each_field_in_managed_fields) {
  const Json made = api.create(kVirtualServices, object("web")).value();
  EXPECT_EQ(made["metadata"]["managedFields"].back()["manager"], "weir");
  clock.advance(seconds(1));
  const Json edited = api.put(kVirtualServices, with_spec(made, {{"n", 1}}), "kubectl-edit");
  const Json& last = edited["metadata"]["managedFields"].back();
  EXPECT_EQ(last["manager"], "kubectl-edit");
  EXPECT_TRUE(last["fieldsV1"].contains("f:spec"));
  EXPECT_EQ(last["time"], "2026-01-01T00:00:01Z");
  EXPECT_EQ(api.put(kVirtualServices, edited, "kubectl-edit"), edited);
}

TEST_F(MemoryApiTest, keeps_unknown_fields) {
  Json odd = object("web", {{"unknown", {{"deep", {1, nullptr}}}}});
  odd["alien"] = 7;
  const Json made = api.create(kVirtualServices, odd).value();
  EXPECT_EQ(made["alien"], 7);
  EXPECT_EQ(made["spec"], odd["spec"]);
}

}  // namespace
}  // namespace weir::kube
