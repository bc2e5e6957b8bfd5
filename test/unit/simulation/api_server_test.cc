#include "test/simulation/api_server.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "operator/kube/object.h"
#include "test/unit/kube/objects.h"
#include "test/unit/simulation/api_server_client.h"

namespace weir::simulation {
namespace {

using kube::Code;
using kube::kCanaries;
using kube::kLeases;
using kube::kServices;
using kube::object;

Json labelled(Json made, const std::string& app) {
  made["metadata"]["labels"] = {{"app", app}};
  return made;
}

Json with_spec(Json made, const char* field, const Json& value) {
  made["spec"][field] = value;
  return made;
}

TEST_F(ApiServerTest, gives_out_the_object_that_was_put) {
  const Json put = server.put(kServices, object("web"));
  EXPECT_EQ(client.get(kServices, {"shop", "web"}).value(), put);
  EXPECT_EQ(server.find(kServices, {"shop", "web"}), put);
  EXPECT_TRUE(server.find(kServices, {"shop", "none"}).is_null());
}

TEST_F(ApiServerTest, has_the_kinds_of_a_group_in_the_version_that_is_installed_and_in_no_other) {
  const auto group = kube::kVirtualServices.group;
  const auto ask = [&](const std::string& tail) {
    return send("GET", "/apis/" + std::string(group) + tail).status;
  };
  server.put(kube::kVirtualServices, object("web"));
  EXPECT_EQ(ask("/v1/virtualservices"), 200);
  server.definitions().remove(group);
  for (const auto* tail : {"", "/v1", "/v1/virtualservices"}) EXPECT_EQ(ask(tail), 404) << tail;
  EXPECT_EQ(watch(kube::kVirtualServices, "0").error().code, Code::NotFound);

  server.definitions().install(group, "v1beta1");
  EXPECT_EQ(ask("/v1/virtualservices"), 404);
  const auto found = send("GET", "/apis/networking.istio.io");
  EXPECT_EQ(Json::parse(found.body)["versions"], Json::parse(R"([{"version": "v1beta1"}])"));
  const auto kinds = Json::parse(send("GET", "/apis/networking.istio.io/v1beta1").body)["resources"];
  EXPECT_EQ(kinds, Json::parse(R"([{"name": "virtualservices"}, {"name": "destinationrules"}])"));
  const auto web = send("GET", "/apis/networking.istio.io/v1beta1/namespaces/shop/virtualservices/web");
  EXPECT_EQ(Json::parse(web.body)["apiVersion"], "networking.istio.io/v1beta1");
  const std::string made = R"({"apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService",
                               "metadata": {"name": "cart"}})";
  EXPECT_EQ(send("POST", "/apis/networking.istio.io/v1beta1/namespaces/shop/virtualservices", made).status,
            201);
}

TEST_F(ApiServerTest, answers_what_is_not_there_with_a_status_object) {
  EXPECT_EQ(client.get(kServices, {"shop", "web"}).error().code, Code::NotFound);
  const auto answer = send("GET", "/apis/apps/v1/namespaces/shop/deployments/web");
  EXPECT_EQ(answer.status, 404);
  const Json status = Json::parse(answer.body);
  EXPECT_EQ(status["kind"], "Status");
  EXPECT_EQ(status["reason"], "NotFound");
  EXPECT_EQ(status["code"], 404);
  EXPECT_EQ(status["details"], Json::parse(R"({"name":"web","kind":"deployments","group":"apps"})"));
}

TEST_F(ApiServerTest, gives_nobody_a_subresource_that_a_name_with_a_slash_asks_for) {
  server.put(kServices, object("web"));
  EXPECT_EQ(client.get(kServices, {"shop", "web/scale"}).error().code, Code::Forbidden);
}

TEST_F(ApiServerTest, creates_an_object_in_the_name_of_its_field_manager) {
  const Json made = client.create(kServices, object("web")).value();
  EXPECT_FALSE(kube::metadata_text(made, "uid").empty());
  EXPECT_EQ(made["metadata"]["managedFields"][0]["manager"], "weir");
  EXPECT_EQ(client.create(kServices, object("web")).error().code, Code::AlreadyExists);
  Json nameless = object("");
  nameless["metadata"].erase("name");
  EXPECT_EQ(client.create(kServices, nameless).error().field, "metadata.name");
}

TEST_F(ApiServerTest, creates_only_what_its_path_is_for) {
  const std::string path = "/api/v1/namespaces/shop/services";
  EXPECT_EQ(send("POST", path, R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}})").status, 400);
  EXPECT_EQ(
      send("POST", path, R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"a","namespace":"b"}})")
          .status,
      400);
  EXPECT_EQ(send("POST", path, R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}})").status,
            201);
  EXPECT_FALSE(server.find(kServices, {"shop", "a"}).is_null());
}

TEST_F(ApiServerTest, refuses_a_write_on_an_old_version_as_a_conflict) {
  const Json made = server.put(kServices, object("web", {{"n", 1}}));
  ASSERT_TRUE(client.update(kServices, made, with_spec(made, "n", 2)));
  EXPECT_EQ(client.update(kServices, made, with_spec(made, "n", 3)).error().code, Code::Conflict);
  EXPECT_EQ(server.find(kServices, {"shop", "web"})["spec"]["n"], 2);
}

TEST_F(ApiServerTest, answers_a_patch_that_no_longer_fits_so_that_the_client_finds_the_conflict) {
  const Json made = server.put(kServices, object("web", {{"n", 1}}));
  server.put(kServices, object("web"));
  Json without = made;
  without["spec"].erase("n");
  const auto refused = client.update(kServices, made, without);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 422);
  EXPECT_EQ(refused.error().code, Code::Conflict);
}

TEST_F(ApiServerTest, merges_a_merge_patch_and_knows_no_other_type) {
  server.put(kLeases, object("lock", {{"n", 1}}));
  const std::string path = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/lock";
  EXPECT_EQ(send("PATCH", path, R"({"spec":{"m":2}})", "application/merge-patch+json").status, 200);
  EXPECT_EQ(server.find(kLeases, {"shop", "lock"})["spec"], Json::parse(R"({"n":1,"m":2})"));
  EXPECT_EQ(send("PATCH", path, R"({"spec":{"m":3}})").status, 415);
}

TEST_F(ApiServerTest, writes_the_status_alone_through_its_subresource) {
  const Json made = server.put(kCanaries, object("web", {{"suspend", false}}));
  Json both = with_spec(made, "suspend", true);
  both["status"] = {{"phase", "Progressing"}};
  const Json second = client.update_status(kCanaries, made, both).value();
  EXPECT_EQ(second["status"]["phase"], "Progressing");
  EXPECT_EQ(second["spec"], made["spec"]);
  EXPECT_EQ(second["metadata"]["generation"], 1);
  const Json third = client.update(kCanaries, second, with_spec(second, "suspend", true)).value();
  EXPECT_EQ(third["status"], second["status"]);
  EXPECT_EQ(third["metadata"]["generation"], 2);
  EXPECT_EQ(client.update_status(kLeases, made, both).error().code, Code::NotFound);
}

TEST_F(ApiServerTest, keeps_the_status_of_an_object_that_is_applied_without_one) {
  Json whole = object("web");
  whole["status"] = {{"phase", "Progressing"}};
  server.put(kCanaries, whole);
  EXPECT_EQ(server.put(kCanaries, object("web", {{"suspend", true}}))["status"], whole["status"]);
  whole["status"] = {{"phase", "Failed"}};
  EXPECT_EQ(server.put(kCanaries, whole)["status"]["phase"], "Failed");
}

TEST_F(ApiServerTest, deletes_an_object_only_as_it_was_read) {
  const Json old = server.put(kServices, object("web"));
  const Json changed = server.put(kServices, object("web", {{"n", 1}}));
  EXPECT_EQ(client.remove(kServices, old).error().code, Code::Conflict);
  Json other = changed;
  other["metadata"]["uid"] = "another";
  EXPECT_EQ(client.remove(kServices, other).error().code, Code::Conflict);
  EXPECT_TRUE(client.remove(kServices, changed));
  EXPECT_TRUE(server.find(kServices, {"shop", "web"}).is_null());
  EXPECT_TRUE(client.remove(kServices, changed));
}

TEST_F(ApiServerTest, keeps_an_object_for_its_finalizers) {
  Json guarded = object("web");
  guarded["metadata"]["finalizers"] = {"weir.dev/traffic"};
  const Json made = server.put(kCanaries, guarded);
  ASSERT_TRUE(client.remove(kCanaries, made));
  const Json going = client.get(kCanaries, {"shop", "web"}).value();
  EXPECT_FALSE(kube::metadata_text(going, "deletionTimestamp").empty());
  Json released = going;
  released["metadata"].erase("finalizers");
  ASSERT_TRUE(client.update(kCanaries, going, released));
  EXPECT_EQ(client.get(kCanaries, {"shop", "web"}).error().code, Code::NotFound);
}

TEST_F(ApiServerTest, collects_what_a_deleted_object_owned) {
  const Json owner = server.put(kCanaries, object("web"));
  Json owned = object("web-v1");
  owned["metadata"]["ownerReferences"].push_back({{"uid", kube::metadata_text(owner, "uid")}});
  ASSERT_TRUE(client.create(kServices, owned));
  std::vector<Change> changes;
  server.on_change([&](const Change& change) { changes.push_back(change); });
  ASSERT_TRUE(client.remove(kCanaries, owner));
  EXPECT_TRUE(server.find(kServices, {"shop", "web-v1"}).is_null());
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].writer, kOperator);
  EXPECT_EQ(changes[1].writer, 0);  // the garbage collector
}

TEST_F(ApiServerTest, lists_by_namespace_and_label_without_the_items_types) {
  server.put(kServices, labelled(object("a"), "web"));
  server.put(kServices, labelled(object("b"), "other"));
  server.put(kServices, labelled(object("c", {}, "elsewhere"), "web"));
  EXPECT_EQ(client.list(kServices, "shop", "").value().size(), 2U);
  EXPECT_EQ(client.list(kServices, "", "").value().size(), 3U);
  const auto found = client.list(kServices, "shop", "app=web,app in (web)").value();
  ASSERT_EQ(found.size(), 1U);
  Json whole = server.find(kServices, {"shop", "a"});
  for (auto& entry : whole["metadata"]["managedFields"]) entry.erase("fieldsV1");
  EXPECT_EQ(found[0], whole);
  EXPECT_EQ(client.list(kServices, "shop", "=").error().code, Code::Invalid);

  const Json list = Json::parse(send("GET", "/api/v1/services").body);
  EXPECT_EQ(list["kind"], "ServiceList");
  EXPECT_EQ(list["apiVersion"], "v1");
  EXPECT_FALSE(list["items"][0].contains("kind"));
  EXPECT_FALSE(list["items"][0].contains("apiVersion"));
}

TEST_F(ApiServerTest, lists_page_by_page_with_the_newest_version_of_the_whole_server) {
  for (const char* name : {"a", "b", "c"}) server.put(kServices, object(name));
  const std::string newest = version(server.put(kLeases, object("lock")));
  const Json first = Json::parse(send("GET", "/api/v1/namespaces/shop/services?limit=2").body);
  EXPECT_EQ(first["items"].size(), 2U);
  EXPECT_EQ(version(first), newest);
  server.put(kServices, object("d"));
  const std::string token = http::encode(kube::metadata_text(first, "continue"));
  const Json second =
      Json::parse(send("GET", "/api/v1/namespaces/shop/services?limit=2&continue=" + token).body);
  ASSERT_EQ(second["items"].size(), 2U);
  EXPECT_EQ(kube::metadata_text(second["items"][0], "name"), "c");
  EXPECT_EQ(version(second), newest);
  EXPECT_EQ(kube::metadata_text(second, "continue"), "");

  server.compact();
  const auto expired = send("GET", "/api/v1/namespaces/shop/services?limit=2&continue=" + token);
  EXPECT_EQ(expired.status, 410);
  EXPECT_EQ(Json::parse(expired.body)["reason"], "Expired");
}

TEST_F(ApiServerTest, fills_in_the_defaults_of_a_canary_at_any_depth) {
  const Json spec = {{"targetRef", {{"name", "web-v2"}}}, {"service", {{"name", "web"}, {"mode", nullptr}}}};
  const Json made = client.create(kCanaries, object("web", spec)).value();
  EXPECT_EQ(made["spec"]["targetRef"]["kind"], "Deployment");
  EXPECT_EQ(made["spec"]["service"]["versionLabel"], "version");
  EXPECT_EQ(made["spec"]["service"]["mode"], "Placeholder");
  EXPECT_EQ(made["spec"]["routing"]["provider"], "istio");
  EXPECT_EQ(made["spec"]["routing"]["propagationDelay"], "5s");
  EXPECT_EQ(made["spec"]["progressDeadlineSeconds"], 600);
  EXPECT_EQ(made["spec"]["revertOnDeletion"], true);
  EXPECT_FALSE(made["spec"].contains("stableRef"));
  EXPECT_EQ(server.put(kCanaries, object("web", spec))["spec"], made["spec"]);

  Json bare = made;
  bare["spec"].erase("progressDeadlineSeconds");
  EXPECT_EQ(client.update(kCanaries, made, bare).value(), made);
}

TEST_F(ApiServerTest, fills_in_the_defaults_of_a_metric_template) {
  const Json spec = {{"provider", {{"address", "http://prometheus"}}}, {"query", "1"}};
  const Json made = client.create(kube::kMetricTemplates, object("errors", spec)).value();
  EXPECT_EQ(made["spec"]["provider"]["type"], "prometheus");
}

TEST_F(ApiServerTest, fills_in_what_a_real_server_fills_into_a_service) {
  const Json spec = {{"ports", Json::array({{{"port", 80}}})}};
  const Json made = client.create(kServices, object("web", spec)).value();
  EXPECT_TRUE(made["spec"]["clusterIP"].get<std::string>().starts_with("10.96."));
  EXPECT_EQ(made["spec"]["type"], "ClusterIP");
  EXPECT_EQ(made["spec"]["ports"][0], Json::parse(R"({"port":80,"protocol":"TCP","targetPort":80})"));
  EXPECT_EQ(server.put(kServices, labelled(object("web", spec), "web"))["spec"], made["spec"]);
  EXPECT_EQ(server.put(kube::kDeployments, object("web"))["spec"]["replicas"], 1);
}

TEST_F(ApiServerTest, tells_every_observer_who_changed_what) {
  std::vector<Change> changes;
  int others = 0;
  server.on_change([&](const Change& change) {
    changes.push_back(change);
    (void)server.find(change.resource, {"shop", "web"});  // may read
  });
  server.on_change([&](const Change&) { ++others; });
  wait(2s);
  const Json made = server.put(kCanaries, object("web"));
  Json after = made;
  after["status"] = {{"n", 1}};
  const Json written = client.update_status(kCanaries, made, after).value();
  server.erase(kCanaries, {"shop", "web"});

  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(others, 3);
  EXPECT_EQ(changes[0].at, 2s);
  EXPECT_EQ(changes[0].writer, 0);
  EXPECT_TRUE(changes[0].before.is_null());
  EXPECT_EQ(changes[0].after, made);
  EXPECT_EQ(changes[1].writer, kOperator);
  EXPECT_TRUE(changes[1].status);
  EXPECT_EQ(changes[1].before, made);
  EXPECT_EQ(changes[1].after, written);
  EXPECT_EQ(changes[2].writer, 0);
  EXPECT_FALSE(changes[2].status);
  EXPECT_EQ(changes[2].before, written);
  EXPECT_TRUE(changes[2].after.is_null());
}

TEST_F(ApiServerTest, answers_what_it_does_not_know_and_what_is_malformed_with_an_error) {
  const std::string web = "/api/v1/namespaces/shop/services/web";
  server.put(kServices, object("web"));
  for (const char* path : {"/", "/api/v1", "/api/v1/nodes", "/api/v2/services", "/apis/apps/v1/services",
                           "/api/v1/services/web", "/api/v1/namespaces/shop/services/web/scale",
                           "/api/v1/namespaces/shop/services/web/status/more", "/version"}) {
    EXPECT_EQ(send("GET", path).status, 404) << path;
  }
  EXPECT_EQ(send("GET", "/api/v1/services?labelSelector=%zz").status, 400);
  EXPECT_EQ(send("GET", "/api/v1/services?labelSelector=%4").status, 400);
  EXPECT_EQ(send("GET", "/api/v1/services?continue=nonsense").status, 400);
  EXPECT_EQ(send("PUT", web, "{}").status, 405);
  EXPECT_EQ(send("POST", "/api/v1/services", "{}").status, 405);
  EXPECT_EQ(send("POST", "/api/v1/namespaces/shop/services", "{").status, 400);
  EXPECT_EQ(send("PATCH", web, "{", "application/json-patch+json").status, 400);
  EXPECT_EQ(send("DELETE", web, "[").status, 400);
  const std::string odd = R"({"apiVersion":"v1","kind":"Service","metadata":{"generateName":7}})";
  EXPECT_EQ(send("POST", "/api/v1/namespaces/shop/services", odd).status, 400);
  EXPECT_FALSE(server.find(kServices, {"shop", "web"}).is_null());
}

}  // namespace
}  // namespace weir::simulation
