#include "operator/offline/memory_api.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "operator/kube/object.h"
#include "test/unit/kube/objects.h"
#include "test/unit/offline/mirrored_api.h"

namespace weir::offline {

using kube::object;
using kube::served;
namespace {

using std::chrono::seconds;

TEST_F(MemoryApiTest, gives_a_new_object_the_servers_own_fields) {
  const Json made = api.create(kube::kDeployments, object("web")).value();
  EXPECT_FALSE(kube::metadata_text(made, "uid").empty());
  EXPECT_TRUE(kube::numeric_version(made));
  EXPECT_EQ(made["metadata"]["generation"], 1);
  EXPECT_EQ(kube::metadata_text(made, "creationTimestamp"), "2026-01-01T00:00:00Z");
  EXPECT_EQ(made["apiVersion"], "apps/v1");
  EXPECT_EQ(made["kind"], "Deployment");
  EXPECT_EQ(current(kube::kDeployments, "web"), made);
}

TEST_F(MemoryApiTest, refuses_to_make_an_object_twice) {
  ASSERT_TRUE(api.create(kube::kServices, object("web")));
  EXPECT_EQ(api.create(kube::kServices, object("web")).error().code, kube::Code::AlreadyExists);
}

TEST_F(MemoryApiTest, names_an_object_from_its_generate_name) {
  Json event = object("");
  event["metadata"].erase("name");
  event["metadata"]["generateName"] = "web-";
  const std::string first = kube::metadata_text(api.create(kube::kEvents, event).value(), "name");
  EXPECT_TRUE(first.starts_with("web-"));
  EXPECT_NE(kube::metadata_text(api.create(kube::kEvents, event).value(), "name"), first);
}

TEST_F(MemoryApiTest, refuses_an_object_without_a_name) {
  EXPECT_EQ(api.create(kube::kEvents, Json::object()).error().code, kube::Code::Invalid);
}

TEST_F(MemoryApiTest, says_not_found_for_what_is_not_there) {
  EXPECT_EQ(api.get(kube::kServices, {"shop", "web"}).error().code, kube::Code::NotFound);
  EXPECT_EQ(api.update(kube::kServices, served("web", "1"), served("web", "1", {{"n", 1}})).error().code,
            kube::Code::NotFound);
}

TEST_F(MemoryApiTest, raises_the_generation_only_with_the_spec) {
  const Json made = api.create(kube::kCanaries, object("web")).value();
  Json labelled = made;
  labelled["metadata"]["labels"] = {{"a", "b"}};
  const Json second = api.update(kube::kCanaries, made, labelled).value();
  EXPECT_EQ(second["metadata"]["generation"], 1);
  EXPECT_NE(version(second), version(made));
  EXPECT_EQ(
      api.update(kube::kCanaries, second, with_spec(second, {{"n", 1}})).value()["metadata"]["generation"],
      2);
}

TEST_F(MemoryApiTest, refuses_a_write_on_an_old_version_as_a_conflict) {
  const Json made = api.create(kube::kServices, object("web")).value();
  ASSERT_TRUE(api.update(kube::kServices, made, with_spec(made, {{"n", 1}})));
  EXPECT_EQ(api.update(kube::kServices, made, with_spec(made, {{"n", 2}})).error().code,
            kube::Code::Conflict);
  EXPECT_EQ(current(kube::kServices, "web")["spec"]["n"], 1);
}

TEST_F(MemoryApiTest, sends_nothing_for_equal_objects_even_if_they_are_old) {
  const Json made = api.create(kube::kServices, object("web")).value();
  ASSERT_TRUE(api.update(kube::kServices, made, with_spec(made, {{"n", 1}})));
  EXPECT_EQ(api.update(kube::kServices, made, made).value(), made);
}

TEST_F(MemoryApiTest, writes_status_and_object_apart) {
  Json wanted = object("web");
  wanted["status"] = {{"phase", "Pending"}};
  const Json made = api.create(kube::kCanaries, wanted).value();
  EXPECT_FALSE(made.contains("status"));

  Json both = with_spec(made, {{"n", 1}});
  both["status"] = {{"phase", "Progressing"}};
  const Json second = api.update(kube::kCanaries, made, both).value();
  EXPECT_FALSE(second.contains("status"));

  Json other = with_spec(second, {{"n", 2}});
  other["status"] = {{"phase", "Progressing"}};
  const Json third = api.update_status(kube::kCanaries, second, other).value();
  EXPECT_EQ(third["status"]["phase"], "Progressing");
  EXPECT_EQ(third["spec"]["n"], 1);
  EXPECT_EQ(third["metadata"]["generation"], 2);
}

TEST_F(MemoryApiTest, takes_a_name_with_a_slash_for_a_subresource) {
  (void)api.create(kube::kServices, object("web"));
  EXPECT_EQ(api.get(kube::kServices, {"shop", "web/scale"}).error().code, kube::Code::Forbidden);
}

TEST_F(MemoryApiTest, knows_no_status_of_kinds_without_the_subresource) {
  const Json made = api.create(kube::kLeases, object("lock")).value();
  Json after = made;
  after["status"] = {{"n", 1}};
  EXPECT_EQ(api.update_status(kube::kLeases, made, after).error().code, kube::Code::NotFound);
}

TEST_F(MemoryApiTest, lists_by_namespace_and_label) {
  Json labelled = object("a");
  labelled["metadata"]["labels"] = {{"app", "web"}};
  api.put(kube::kPods, labelled);
  api.put(kube::kPods, object("b"));
  api.put(kube::kPods, object("c", {}, "other"));
  api.put(kube::kServices, labelled);
  EXPECT_EQ(api.list(kube::kPods, "shop", "").value().size(), 2U);
  EXPECT_EQ(api.list(kube::kPods, "", "").value().size(), 3U);
  const auto found = api.list(kube::kPods, "shop", "app=web").value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(kube::metadata_text(found[0], "name"), "a");
  EXPECT_EQ(api.list(kube::kPods, "shop", "app=").value().size(), 0U);
  EXPECT_EQ(api.list(kube::kPods, "shop", "=").error().code, kube::Code::Invalid);
}

TEST_F(MemoryApiTest, mirrors_every_change_into_the_stores) {
  EXPECT_TRUE(stores.services.synced());
  const Json made = api.create(kube::kServices, object("web", {{"n", 1}})).value();
  const auto since = stores.services.get({"shop", "web"})->since;
  clock.advance(seconds(5));
  ASSERT_TRUE(api.update(kube::kServices, made, with_spec(made, {{"n", 2}})));
  EXPECT_EQ(stores.services.get({"shop", "web"})->since, since + seconds(5));
  api.erase(kube::kServices, {"shop", "web"});
  EXPECT_FALSE(stores.services.get({"shop", "web"}));
}

TEST_F(MemoryApiTest, tells_of_each_write_but_not_of_what_others_do) {
  std::vector<Write> writes;
  api.on_write([&](const Write& write) {
    writes.push_back(write);
    (void)api.list(write.resource, "", "");  // may call back
  });
  const Json made = api.create(kube::kCanaries, object("web")).value();
  const Json second = api.update(kube::kCanaries, made, with_spec(made, {{"n", 1}})).value();
  ASSERT_TRUE(api.update(kube::kCanaries, second, second));
  EXPECT_FALSE(api.update(kube::kCanaries, made, with_spec(made, {{"n", 3}})));
  Json after = second;
  after["status"] = {{"n", 1}};
  const Json third = api.update_status(kube::kCanaries, second, after).value();
  ASSERT_TRUE(api.remove(kube::kCanaries, third));
  api.put(kube::kServices, object("web"));
  api.erase(kube::kServices, {"shop", "web"});

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

TEST_F(MemoryApiTest, tells_of_every_change_whoever_makes_it) {
  std::vector<Changed> changes;
  api.on_change([&](const Changed& changed) { changes.push_back(changed); });
  const Json made = api.put(kube::kCanaries, object("web"));
  const Json second = api.update(kube::kCanaries, made, with_spec(made, {{"n", 1}})).value();
  Json after = second;
  after["status"] = {{"n", 1}};
  const Json third = api.update_status(kube::kCanaries, second, after).value();
  ASSERT_TRUE(api.update(kube::kCanaries, third, third));
  api.put(kube::kCanaries, third);
  ASSERT_TRUE(api.erase(kube::kCanaries, {"shop", "web"}));

  ASSERT_EQ(changes.size(), 4U);
  EXPECT_FALSE(changes[0].before);
  EXPECT_EQ(*changes[0].after, made);
  EXPECT_EQ(*changes[1].before, made);
  EXPECT_EQ(*changes[1].after, second);
  EXPECT_EQ(changes[1].subresource, Subresource::None);
  EXPECT_EQ(*changes[2].after, third);
  EXPECT_EQ(changes[2].subresource, Subresource::Status);
  EXPECT_FALSE(changes[2].gone);
  EXPECT_TRUE(changes[3].gone);
  EXPECT_EQ(*changes[3].before, third);
}

TEST_F(MemoryApiTest, can_be_read_by_whoever_is_told_of_a_change) {
  std::size_t seen = 0;
  api.on_change([&](const Changed& changed) { seen = api.list(changed.resource, "", "").value().size(); });
  api.put(kube::kServices, object("web"));
  EXPECT_EQ(seen, 1U);
}

TEST_F(MemoryApiTest, applies_a_raw_patch_to_the_object_as_it_is) {
  api.put(kube::kServices, object("web", {{"n", 1}, {"m", 1}}));
  const Json operations = Json::parse(R"([{"op":"replace","path":"/spec/n","value":2}])");
  const auto patched =
      api.patch(kube::kServices, {"shop", "web"}, operations, Subresource::None, "tool").value();
  EXPECT_EQ((*patched)["spec"], Json::parse(R"({"n":2,"m":1})"));
  EXPECT_EQ((*patched)["metadata"]["managedFields"].back()["manager"], "tool");
  const Json merge = Json::parse(R"({"spec":{"m":null,"k":3}})");
  const auto merged = api.patch(kube::kServices, {"shop", "web"}, merge, Subresource::None, "tool").value();
  EXPECT_EQ((*merged)["spec"], Json::parse(R"({"n":2,"k":3})"));
}

TEST_F(MemoryApiTest, answers_a_patch_that_names_another_version_with_a_conflict) {
  const Json old = api.put(kube::kServices, object("web", {{"n", 1}}));
  api.put(kube::kServices, object("web", {{"n", 2}}));
  const Json guarded =
      Json::array({{{"op", "replace"}, {"path", "/metadata/resourceVersion"}, {"value", version(old)}},
                   {{"op", "replace"}, {"path", "/spec/n"}, {"value", 3}}});
  const auto refused = api.patch(kube::kServices, {"shop", "web"}, guarded, Subresource::None, "tool");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 409);
  EXPECT_EQ(refused.error().code, kube::Code::Conflict);
  EXPECT_EQ(current(kube::kServices, "web")["spec"]["n"], 2);
}

TEST_F(MemoryApiTest, answers_a_patch_that_does_not_apply_with_invalid_and_no_field) {
  api.put(kube::kServices, object("web", {{"n", 1}}));
  for (const char* operations :
       {R"([{"op":"remove","path":"/spec/absent"}])", R"([{"op":"test","path":"/spec/n","value":9}])",
        R"([{"op":"nonsense"}])", R"("neither")"}) {
    const auto refused =
        api.patch(kube::kServices, {"shop", "web"}, Json::parse(operations), Subresource::None, "tool");
    ASSERT_FALSE(refused) << operations;
    EXPECT_EQ(refused.error().status, 422) << operations;
    EXPECT_EQ(refused.error().field, "");
  }
}

TEST_F(MemoryApiTest, lets_no_patch_rename_an_object) {
  api.put(kube::kServices, object("web"));
  for (const char* operations : {R"([{"op":"replace","path":"/metadata/name","value":"other"}])",
                                 R"([{"op":"replace","path":"","value":7}])"}) {
    const auto refused =
        api.patch(kube::kServices, {"shop", "web"}, Json::parse(operations), Subresource::None, "tool");
    ASSERT_FALSE(refused) << operations;
    EXPECT_EQ(refused.error().status, 400) << operations;
  }
}

TEST_F(MemoryApiTest, ignores_what_a_patch_changes_outside_of_its_part) {
  Json whole = object("web", {{"n", 1}});
  whole["status"] = {{"n", 1}};
  api.put(kube::kCanaries, whole);
  const Json both =
      Json::parse(R"({"spec":{"n":2},"status":{"n":2},"alien":1,"metadata":{"labels":{"a":"b"}}})");
  const auto status = *api.patch(kube::kCanaries, {"shop", "web"}, both, Subresource::Status, "tool").value();
  EXPECT_EQ(status["status"]["n"], 2);
  EXPECT_EQ(status["spec"]["n"], 1);
  EXPECT_FALSE(status.contains("alien"));
  EXPECT_FALSE(status["metadata"].contains("labels"));
  EXPECT_EQ(status["metadata"]["generation"], 1);

  const Json other = Json::parse(R"({"spec":{"n":3},"status":{"n":3}})");
  const auto spec = *api.patch(kube::kCanaries, {"shop", "web"}, other, Subresource::None, "tool").value();
  EXPECT_EQ(spec["status"]["n"], 2);
  EXPECT_EQ(spec["spec"]["n"], 3);
}

TEST_F(MemoryApiTest, fills_in_what_a_server_fills_in_before_it_keeps_an_object) {
  api.on_admission([](const kube::Resource& resource, Json& object, const Json& before) {
    if (resource == kube::kServices) object["spec"]["ip"] = before.is_null() ? "new" : before["spec"]["ip"];
  });
  EXPECT_EQ(api.create(kube::kServices, object("web")).value()["spec"]["ip"], "new");
  EXPECT_EQ(api.put(kube::kServices, object("web", {{"n", 1}}))["spec"]["ip"], "new");
}

TEST_F(MemoryApiTest, shares_the_objects_that_it_finds) {
  const Json made = api.put(kube::kServices, object("web"));
  const auto found = api.find(kube::kServices, {"shop", "web"});
  EXPECT_EQ(*found, made);
  EXPECT_EQ(api.select(kube::kServices, "shop", "").value().at(0), found);
  EXPECT_FALSE(api.find(kube::kServices, {"shop", "none"}));
}

TEST_F(MemoryApiTest, notes_the_last_writer_of_each_field_in_managed_fields) {
  const Json made = api.create(kube::kVirtualServices, object("web")).value();
  EXPECT_EQ(made["metadata"]["managedFields"].back()["manager"], "weir");
  clock.advance(seconds(1));
  const Json edited = api.put(kube::kVirtualServices, with_spec(made, {{"n", 1}}), "kubectl-edit");
  const Json& last = edited["metadata"]["managedFields"].back();
  EXPECT_EQ(last["manager"], "kubectl-edit");
  EXPECT_TRUE(last["fieldsV1"].contains("f:spec"));
  EXPECT_EQ(last["time"], "2026-01-01T00:00:01Z");
  EXPECT_EQ(api.put(kube::kVirtualServices, edited, "kubectl-edit"), edited);
}

TEST_F(MemoryApiTest, keeps_unknown_fields) {
  Json odd = object("web", {{"unknown", {{"deep", {1, nullptr}}}}});
  odd["alien"] = 7;
  const Json made = api.create(kube::kVirtualServices, odd).value();
  EXPECT_EQ(made["alien"], 7);
  EXPECT_EQ(made["spec"], odd["spec"]);
}

}  // namespace
}  // namespace weir::offline
