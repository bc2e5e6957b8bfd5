#include "operator/kube/store.h"

#include <gtest/gtest.h>

#include "test/unit/kube/objects.h"

namespace weir::kube {
namespace {

using std::chrono::seconds;

Store::Steady at(int second) { return Store::Steady(seconds(second)); }

const Key kWeb{"shop", "web"};

// More than stay unpacked.
void put_others(Store& store) {
  for (int i = 0; i < 10; ++i) store.put(served("other-" + std::to_string(i), "1"), at(0));
}

TEST(Store, says_that_it_is_synced_only_after_a_whole_list) {
  Store store;
  store.put(served("web", "1"), at(0));
  EXPECT_FALSE(store.synced());
  store.replace({}, at(1));
  EXPECT_TRUE(store.synced());
}

TEST(Store, gives_back_the_newest_version_of_an_object) {
  Store store;
  EXPECT_TRUE(store.put(served("web", "9", {{"n", 1}}), at(0)));
  EXPECT_TRUE(store.put(served("web", "10", {{"n", 2}}), at(1)));
  EXPECT_EQ(store.get(kWeb)->object->at("spec").at("n"), 2);
}

TEST(Store, ignores_a_version_that_is_older_as_a_number) {
  Store store;
  store.put(served("web", "10", {{"n", 2}}), at(0));
  EXPECT_FALSE(store.put(served("web", "9", {{"n", 1}}), at(1)));
  EXPECT_EQ(store.get(kWeb)->object->at("spec").at("n"), 2);
}

TEST(Store, ignores_a_version_that_it_has) {
  Store store;
  store.put(served("web", "10"), at(0));
  EXPECT_FALSE(store.put(served("web", "10"), at(1)));
}

TEST(Store, takes_another_object_of_the_same_name_whatever_its_version) {
  Store store;
  store.put(served("web", "10", {{"n", 1}}, "u1"), at(0));
  EXPECT_TRUE(store.put(served("web", "9", {{"n", 1}}, "u2"), at(5)));
  EXPECT_EQ(store.get(kWeb)->since, at(5));
}

TEST(Store, keeps_since_while_the_spec_stays_the_same) {
  Store store;
  store.put(served("web", "1", {{"n", 1}}), at(0));
  Json touched = served("web", "2", {{"n", 1}});
  touched["status"] = {{"ready", 3}};
  touched["metadata"]["labels"] = {{"a", "b"}};
  EXPECT_TRUE(store.put(touched, at(7)));
  EXPECT_EQ(store.get(kWeb)->since, at(0));
}

TEST(Store, starts_since_again_when_the_spec_changes) {
  Store store;
  store.put(served("web", "1", {{"n", 1}}), at(0));
  store.put(served("web", "2", {{"n", 2}}), at(7));
  EXPECT_EQ(store.get(kWeb)->since, at(7));
}

TEST(Store, starts_since_again_when_the_endpoints_of_a_slice_change_but_not_its_labels) {
  Store store;
  Json slice = served("web", "1");
  slice.erase("spec");
  slice["endpoints"] = Json::array({"10.0.0.1"});
  store.put(slice, at(0));
  slice["metadata"]["resourceVersion"] = "2";
  slice["metadata"]["labels"] = {{"a", "b"}};
  slice["kind"] = "EndpointSlice";
  store.put(slice, at(3));
  EXPECT_EQ(store.get(kWeb)->since, at(0));
  slice["metadata"]["resourceVersion"] = "3";
  slice["endpoints"] = Json::array({"10.0.0.2"});
  store.put(slice, at(7));
  EXPECT_EQ(store.get(kWeb)->since, at(7));
}

// A slice whose endpoints are names.
Json slice_with(const std::string& version, const std::vector<std::string>& endpoints,
                const std::string& uid = "u1") {
  Json slice = served("web", version, {}, uid);
  slice["endpoints"] = endpoints;
  return slice;
}
Form with_endpoints() {
  Form form;
  form.parts = [](const Json& slice) { return slice.at("endpoints").get<std::vector<std::string>>(); };
  return form;
}
using Times = std::vector<Store::Steady>;

TEST(Store, keeps_since_when_each_part_is_there_without_a_break) {
  Store store(with_endpoints());
  store.put(slice_with("1", {"a", "b"}), at(0));
  store.put(slice_with("2", {"b", "c"}), at(3));
  EXPECT_EQ(store.get(kWeb)->parts_since, (Times{at(0), at(3)}));
  store.put(slice_with("3", {"a", "b", "c"}), at(5));
  EXPECT_EQ(store.get(kWeb)->parts_since, (Times{at(5), at(0), at(3)}));
  store.put(slice_with("1", {"a", "b"}, "u2"), at(7));
  EXPECT_EQ(store.get(kWeb)->parts_since, (Times{at(7), at(7)})) << "of another object";
}

TEST(Store, takes_parts_for_new_after_a_list_that_may_have_missed_something) {
  Store store(with_endpoints());
  store.replace({slice_with("1", {"a"})}, at(0));
  store.replace({slice_with("1", {"a"})}, at(3));
  EXPECT_EQ(store.get(kWeb)->parts_since, Times{at(0)}) << "it is at the version that was known";
  store.replace({slice_with("4", {"a"})}, at(5));
  EXPECT_EQ(store.get(kWeb)->parts_since, Times{at(5)});
}

TEST(Store, does_not_let_a_late_answer_bring_back_an_erased_object) {
  Store store;
  store.put(served("web", "1"), at(0));
  EXPECT_TRUE(store.erase(kWeb, at(0)));
  EXPECT_FALSE(store.put(served("web", "2"), at(1)));
  EXPECT_FALSE(store.get(kWeb));
  EXPECT_TRUE(store.put(served("web", "3", {}, "u2"), at(2)));
}

// Found by the simulation: the old object stayed, since nothing changed the new one any more.
TEST(Store, does_not_let_a_late_answer_take_the_place_of_an_object_that_has_the_name_now) {
  Store store;
  store.put(served("web", "1"), at(0));
  EXPECT_TRUE(store.erase(kWeb, at(0)));
  EXPECT_TRUE(store.put(served("web", "3", {}, "u2"), at(1)));
  EXPECT_FALSE(store.put(served("web", "2"), at(2)));
  EXPECT_EQ(store.get(kWeb)->object->at("metadata").at("uid"), "u2");
  // Nor where a list brought the new one.
  store.replace({served("web", "4", {}, "u3")}, at(3));
  EXPECT_FALSE(store.put(served("web", "3", {}, "u2"), at(4)));
  EXPECT_EQ(store.get(kWeb)->object->at("metadata").at("uid"), "u3");
}

TEST(Store, erases_nothing_that_it_does_not_have) { EXPECT_FALSE(Store().erase(kWeb, at(0))); }

TEST(Store, knows_since_when_an_object_is_absent) {
  Store store;
  EXPECT_FALSE(store.absent_since(kWeb)) << "nobody knows before a list";
  store.replace({}, at(1));
  EXPECT_EQ(store.absent_since(kWeb), at(1));
  store.put(served("web", "1"), at(2));
  EXPECT_FALSE(store.absent_since(kWeb));
  store.erase(kWeb, at(3));
  EXPECT_EQ(store.absent_since(kWeb), at(3));
  store.put(served("web", "3", {}, "u2"), at(4));
  EXPECT_FALSE(store.absent_since(kWeb));
  store.replace({}, at(5));
  EXPECT_EQ(store.absent_since(kWeb), at(5)) << "a list did not have it any more";
  store.replace({}, at(6));
  EXPECT_EQ(store.absent_since(kWeb), at(5));
}

TEST(Store, takes_an_object_for_absent_no_longer_than_it_remembers) {
  Store store;
  store.replace({served("web", "1")}, at(0));
  store.erase(kWeb, at(1));
  for (int i = 0; i < 1000; ++i) {
    const auto name = "other-" + std::to_string(i);
    store.put(served(name, "1", {}, name), at(2));
    store.erase({"shop", name}, at(3));
  }
  EXPECT_EQ(store.absent_since(kWeb), at(1));
  store.put(served("last", "1", {}, "u-last"), at(4));
  store.erase({"shop", "last"}, at(4));
  EXPECT_EQ(store.absent_since(kWeb), at(3)) << "at the latest";
}

// A list may have come from a server that had not seen it yet.
TEST(Store, takes_an_object_again_that_a_list_did_not_have) {
  Store store;
  store.put(served("web", "1"), at(0));
  store.replace({}, at(1));
  EXPECT_TRUE(store.put(served("web", "1"), at(2)));
}

TEST(Store, lists_one_namespace_by_name_or_all_of_them) {
  Store store;
  for (const auto& [space, name] : {std::pair{"shop", "b"}, {"shop", "a"}, {"shoq", "c"}, {"sho", "d"}}) {
    store.put(object(name, {}, space), at(0));
  }
  const auto listed = store.list("shop");
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].object->at("metadata").at("name"), "a");
  EXPECT_EQ(listed[1].object->at("metadata").at("name"), "b");
  EXPECT_EQ(store.list("").size(), 4U);
}

TEST(Store, names_what_changed_came_and_went_when_it_is_replaced) {
  Store store;
  store.put(served("same", "1", {}, "a"), at(0));
  store.put(served("changed", "1", {}, "b"), at(0));
  store.put(served("gone", "1", {}, "c"), at(0));
  auto keys = store.replace(
      {served("same", "1", {}, "a"), served("changed", "2", {}, "b"), served("new", "3", {}, "d")}, at(5));
  std::ranges::sort(keys);
  EXPECT_EQ(keys, (std::vector<Key>{{"shop", "changed"}, {"shop", "gone"}, {"shop", "new"}}));
  EXPECT_FALSE(store.get({"shop", "gone"}));
  EXPECT_EQ(store.get({"shop", "changed"})->since, at(0));
  EXPECT_EQ(store.get({"shop", "new"})->since, at(5));
}

TEST(Store, takes_older_versions_from_a_list_since_a_database_may_have_been_restored) {
  Store store;
  store.put(served("web", "10", {{"n", 2}}), at(0));
  store.replace({served("web", "9", {{"n", 1}})}, at(1));
  EXPECT_EQ(store.get(kWeb)->object->at("spec").at("n"), 1);
}

TEST(Store, keeps_an_object_that_was_made_during_a_list_and_comes_again_by_the_watch) {
  Store store;
  store.put(served("web", "10"), at(0));
  store.replace({}, at(1));
  EXPECT_TRUE(store.put(served("web", "10"), at(2)));
}

Form labelled() {
  return {
      .trim = [](Json& object) { object.erase("status"); },
      .terms = [](const Json& object) { return std::vector<std::string>{object["spec"].value("app", "")}; }};
}

TEST(Store, keeps_objects_trimmed_however_they_come) {
  Store store(labelled());
  Json whole = served("web", "1", {{"app", "web"}});
  whole["status"] = {{"ready", 3}};
  store.put(whole, at(0));
  EXPECT_FALSE(store.get(kWeb)->object->contains("status"));
  whole["metadata"]["resourceVersion"] = "2";
  store.replace({whole}, at(1));
  EXPECT_FALSE(store.get(kWeb)->object->contains("status"));
  EXPECT_EQ(store.get(kWeb)->since, at(0));
}

TEST(Store, finds_objects_by_their_terms_of_now) {
  Store store(labelled());
  store.put(served("b", "1", {{"app", "web"}}, "b"), at(0));
  store.put(served("a", "2", {{"app", "web"}}, "a"), at(0));
  EXPECT_EQ(store.keys_with("web"), (std::vector<Key>{{"shop", "a"}, {"shop", "b"}}));
  EXPECT_TRUE(store.has({"shop", "a"}, "web"));
  store.put(served("a", "3", {{"app", "api"}}, "a"), at(1));
  store.erase({"shop", "b"}, at(1));
  EXPECT_TRUE(store.keys_with("web").empty());
  EXPECT_EQ(store.list_with("api").size(), 1U);
  store.replace({}, at(2));
  EXPECT_TRUE(store.keys_with("api").empty());
}

TEST(Store, tells_by_what_a_changed_object_was_found_before_and_is_now) {
  Store store(labelled());
  std::vector<Change> changes;
  store.on_change([&](const Change& change) { changes.push_back(change); });
  store.put(served("web", "1", {{"app", "web"}}), at(0));
  store.put(served("web", "1", {{"app", "web"}}), at(0));
  store.put(served("web", "2", {{"app", "api"}}), at(0));
  store.erase(kWeb, at(2));
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_TRUE(changes[0].before.empty());
  EXPECT_EQ(changes[1].before, std::vector<std::string>{"web"});
  EXPECT_EQ(changes[1].after, std::vector<std::string>{"api"});
  EXPECT_TRUE(changes[2].after.empty());
}

TEST(Store, gives_back_every_kind_of_value_as_it_came) {
  const Json spec{{"text", "ä"},     {"whole", -3},  {"large", 9007199254740993},         {"real", 0.1},
                  {"none", nullptr}, {"flag", true}, {"list", {1, "two", Json::object()}}};
  Store store;
  store.put(served("web", "1", spec), at(0));
  put_others(store);
  EXPECT_EQ(store.get(kWeb)->object->at("spec").dump(), spec.dump());
}

TEST(Store, unpacks_an_object_once_for_all_who_read_it_until_it_changes_or_others_are_read) {
  Store store;
  store.put(served("web", "1"), at(0));
  const auto first = store.get(kWeb)->object;
  EXPECT_EQ(store.get(kWeb)->object, first);
  store.put(served("web", "2", {{"n", 2}}), at(1));
  const auto second = store.get(kWeb)->object;
  EXPECT_EQ(second->at("spec").at("n"), 2);
  put_others(store);
  EXPECT_NE(store.get(kWeb)->object, second);
  EXPECT_EQ(*store.get(kWeb)->object, *second);
  store.erase(kWeb, at(2));
  EXPECT_FALSE(store.get(kWeb));
}

TEST(Store, does_not_keep_large_objects_unpacked) {
  Store store;
  store.put(served("web", "1", {{"text", std::string(std::size_t{1} << 20, 'x')}}), at(0));
  EXPECT_NE(store.get(kWeb)->object, store.get(kWeb)->object);
}

TEST(Stores, find_the_store_of_each_watched_kind) {
  std::vector<KeptKind> kinds;
  for (const auto& resource : {kCanaries, kMetricTemplates, kDeployments, kServices, kEndpointSlices,
                               kVirtualServices, kDestinationRules})
    kinds.push_back({.kind = {.resource = resource}, .form = {}});
  Stores stores{kinds};
  EXPECT_EQ(stores.of(kCanaries), &stores.canaries);
  EXPECT_EQ(stores.of(kServices), &stores.services);
  EXPECT_EQ(stores.of(kEndpointSlices), &stores.endpoint_slices);
  EXPECT_EQ(stores.of(kSecrets), nullptr);
}

}  // namespace
}  // namespace weir::kube
