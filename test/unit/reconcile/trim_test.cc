#include "operator/reconcile/trim.h"

#include <gtest/gtest.h>

#include <functional>

#include "operator/canary/workload.h"
#include "operator/kube/patch.h"
#include "operator/lead/epoch.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/finished.h"
#include "operator/reconcile/kinds.h"
#include "operator/reconcile/services.h"
#include "strategies/standing.h"

namespace weir::reconcile {
namespace {

using kube::object_patch;
using Edit = std::function<void(Json&)>;

Json whole(const Json& rest) {
  Json object = Json::parse(R"({"metadata": {
      "name": "checkout", "namespace": "shop", "uid": "u1", "resourceVersion": "7", "generation": 3,
      "creationTimestamp": "2026-01-01T00:00:00Z",
      "labels": {"app": "checkout", "team": "shop"},
      "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x"},
      "managedFields": [
        {"manager": "kubectl", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": "helm", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": "istiod", "time": "2026-01-03T00:00:00Z", "subresource": "status"}]}})");
  object.update(rest);
  return object;
}

Json trimmed(const kube::Resource& resource, Json object) {
  form_of(resource).trim(object);
  return object;
}

void expect_same_patch(const kube::Resource& resource, const Json& object, const Edit& edit) {
  const auto small = trimmed(resource, object);
  Json after = object;
  Json small_after = small;
  edit(after);
  edit(small_after);
  EXPECT_FALSE(object_patch(object, after).empty());
  EXPECT_EQ(object_patch(small, small_after), object_patch(object, after)) << small.dump(1);
  EXPECT_EQ(trimmed(resource, small), small) << "once is enough";
}

void claim(Json& object) { object = lead::claimed(object, 5); }
void clear_claim(Json& object) { object = lead::without_claim(object); }

const Json kDeployment = Json::parse(R"({
  "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "checkout"}}, "strategy": {"type": "Recreate"},
    "template": {"metadata": {"labels": {"app": "checkout", "version": "v2"}},
      "spec": {"containers": [
        {"name": "app", "image": "a:1", "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}]}}},
  "status": {"observedGeneration": 3, "replicas": 3, "readyReplicas": 2, "updatedReplicas": 3,
    "conditions": [
      {"type": "Progressing", "status": "True"}, {"type": "Available", "status": "True", "reason": "x"}]}})");
const Json kService = Json::parse(R"({
  "spec": {"clusterIP": "10.0.0.1", "selector": {"app": "checkout", "version": "v1"},
    "ports": [{"name": "http", "port": 80, "nodePort": 31000}]}, "status": {"loadBalancer": {}}})");
const Json kRoute = Json::parse(R"({
  "spec": {"hosts": ["checkout"],
    "http": [{"timeout": "3s", "route": [{"destination": {"host": "checkout"}}]}]},
  "status": {"conditions": []}})");

TEST(Trim, leaves_claims_as_they_would_be_written_upon_the_whole_object) {
  const std::vector<std::pair<kube::Resource, Json>> kinds{
      {kube::kDeployments, kDeployment},
      {kube::kServices, kService},
      {kube::kVirtualServices, kRoute},
      {kube::kDestinationRules, {{"spec", {{"host", "checkout"}}}}},
      {kube::kCanaries, {{"spec", {{"a", 1}}}}}};
  for (const auto& [resource, rest] : kinds) {
    auto object = whole(rest);
    expect_same_patch(resource, object, claim);
    expect_same_patch(resource, lead::claimed(object, 4), clear_claim);
    object["metadata"].erase("annotations");
    expect_same_patch(resource, object, claim);
    expect_same_patch(resource, lead::claimed(object, 4), clear_claim);
  }
}

TEST(Trim, leaves_edits_as_they_would_be_written_upon_the_whole_object) {
  expect_same_patch(kube::kDeployments, whole(kDeployment),
                    [](Json& object) { object["spec"]["replicas"] = 0; });
  expect_same_patch(kube::kServices, whole(kService),
                    [](Json& object) { object["spec"]["selector"].erase("version"); });
  expect_same_patch(kube::kServices, whole(kService), [](Json& object) {
    object["spec"]["ports"] = Json::array({{{"port", 81}}, {{"port", 82}}});
  });
  expect_same_patch(kube::kVirtualServices, whole(kRoute), [](Json& object) {
    object["spec"]["http"][0]["route"][0]["destination"]["subset"] = "v1";
  });
  expect_same_patch(kube::kDestinationRules,
                    whole({{"spec", {{"host", "checkout"}, {"subsets", Json::array()}}}}),
                    [](Json& object) { object["spec"]["subsets"].push_back({{"name", "v2"}}); });
}

TEST(Trim, leaves_all_that_is_read_of_a_deployment) {
  const auto object = whole(kDeployment);
  const auto small = trimmed(kube::kDeployments, object);
  const auto before = canary::read_deployment(object, "version");
  const auto after = canary::read_deployment(small, "version");
  EXPECT_EQ(after.template_hash, before.template_hash);
  EXPECT_EQ(after.template_hash, canary::template_hash(kDeployment["spec"]["template"]));
  EXPECT_EQ(after.version, "v2");
  EXPECT_EQ(after.ready, 2);
  EXPECT_EQ(after.replicas, 3);
  EXPECT_TRUE(after.available);
  EXPECT_TRUE(after.has_pre_stop);
  EXPECT_EQ(small.dump().find("image"), std::string::npos);
}

TEST(Trim, leaves_of_a_slice_who_is_ready_behind_which_service) {
  const auto object = whole(Json::parse(R"({
    "ports": [{"port": 80}], "endpoints": [
      {"addresses": ["10.0.0.1"], "conditions": {"ready": true, "serving": true}},
      {"addresses": ["10.0.0.2"], "conditions": {"ready": false}}, {"addresses": ["10.0.0.3"]}, {}, "?"]})"));
  Json labelled = object;
  labelled["metadata"]["labels"] = {{"kubernetes.io/service-name", "checkout"}, {"x", "y"}};
  const auto small = trimmed(kube::kEndpointSlices, labelled);
  EXPECT_EQ(count_endpoints({small}, {"checkout", "checkout", "none"}).all, 2);
  EXPECT_EQ(count_endpoints({labelled}, {"checkout", "checkout", "none"}).all, 2);
  EXPECT_EQ(small["metadata"]["labels"].size(), 1U);
  EXPECT_FALSE(small.contains("ports"));
}

TEST(Trim, keeps_who_wrote_last_of_what_can_drift) {
  EXPECT_EQ(last_write(trimmed(kube::kServices, whole(kService)))["manager"], "helm");
  EXPECT_EQ(last_write(trimmed(kube::kVirtualServices, whole(kRoute)))["manager"], "helm");
  EXPECT_TRUE(last_write(trimmed(kube::kDeployments, whole(kDeployment))).is_null());
}

TEST(Trim, prefers_of_two_writers_in_one_second_the_one_that_is_not_the_operator) {
  Json object = whole(kService);
  auto& entries = object["metadata"]["managedFields"];
  entries = Json::array({{{"manager", "weir"}, {"time", "2026-01-01T00:00:00Z"}},
                         {{"manager", "kubectl"}, {"time", "2026-01-01T00:00:00Z"}}});
  EXPECT_EQ(last_write(object)["manager"], "kubectl");
  std::swap(entries[0], entries[1]);
  EXPECT_EQ(last_write(object)["manager"], "kubectl");
}

TEST(Trim, makes_a_record_of_a_release_that_is_over) {
  const auto object = whole(Json::parse(R"({
    "spec": {"targetRef": {"kind": "Deployment", "name": "checkout-v2"}, "service": {"name": "checkout"},
      "ttlSecondsAfterFinished": 60, "analysis": {"metrics": [{"name": "request-duration"}]}},
    "status": {"phase": "Succeeded", "target": "checkout-v2",
      "stable": {"name": "checkout-v1", "replicas": 2},
      "startedAt": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T01:00:00Z",
      "history": [{"sequence": 1}], "message": "promoted"}})"));
  const auto record = trimmed(kube::kCanaries, object);
  EXPECT_TRUE(is_over(record));
  EXPECT_EQ(record.dump().find("analysis"), std::string::npos);
  EXPECT_EQ(record.dump().find("history"), std::string::npos);
  const auto release = read_finished(record);
  EXPECT_EQ(release.spec.ttl_after_finished, std::chrono::seconds(60));
  EXPECT_EQ(release.status.stable.name, "checkout-v1");
  EXPECT_FALSE(begins_anew(release));
  Json changed = record;
  changed["spec"]["targetRef"]["name"] = "checkout-v3";
  EXPECT_TRUE(begins_anew(read_finished(changed)));
  const auto running = Json::parse(R"({"status": {"phase": "Progressing", "history": [1]}})");
  EXPECT_EQ(trimmed(kube::kCanaries, whole(running))["status"], running["status"]);
}

TEST(Trim, leaves_of_a_promotion_what_its_service_is_compared_with_and_what_is_said_of_that) {
  auto object = whole(Json::parse(R"({
    "spec": {"targetRef": {"name": "checkout-v2"}, "service": {"name": "checkout"}, "guardAfterPromotion": false},
    "status": {"phase": "Succeeded", "target": "checkout-v2",
      "identity": {"service": "checkout", "provider": "istio", "versionLabel": "version", "mode": "Placeholder",
        "stableVersion": "v1", "candidateVersion": "v2", "routing": "{}", "clusterDomain": "cluster.local"},
      "conditions": [{"type": "Progressing", "status": "False", "reason": "Promoted"},
        {"type": "Promoted", "status": "True", "reason": "Promoted", "message": "serves"}]}})"));
  const auto record = trimmed(kube::kCanaries, object);
  EXPECT_EQ(record["status"]["identity"],
            Json({{"service", "checkout"}, {"versionLabel", "version"}, {"candidateVersion", "v2"}}));
  EXPECT_FALSE(record["spec"].contains("guardAfterPromotion"));
  EXPECT_FALSE(record["status"].contains("conditions"));
  ASSERT_TRUE(read_finished(record).status.identity);
  EXPECT_EQ(read_finished(record).status.identity->candidate_version, "v2");
  EXPECT_FALSE(read_finished(record).spec.guard_after_promotion);

  object["spec"]["guardAfterPromotion"] = true;
  object["status"]["conditions"][1]["reason"] = "Undone";
  const auto undone = trimmed(kube::kCanaries, object);
  EXPECT_EQ(trimmed(kube::kCanaries, undone), undone) << "once is enough";
  EXPECT_EQ(undone["status"]["conditions"], Json::array({object["status"]["conditions"][1]}));
  EXPECT_TRUE(read_finished(undone).spec.guard_after_promotion);
  EXPECT_TRUE(strategies::is_undone(read_finished(undone).status));

  object["status"]["successor"] = "checkout-v3";
  EXPECT_EQ(read_finished(trimmed(kube::kCanaries, object)).status.successor, "checkout-v3");
  object["status"]["identity"].erase("versionLabel");
  EXPECT_FALSE(read_finished(trimmed(kube::kCanaries, object)).status.identity);
  object["status"]["phase"] = "Failed";
  EXPECT_FALSE(trimmed(kube::kCanaries, object)["status"].contains("identity"));
}

TEST(Trim, takes_objects_of_any_shape) {
  for (const auto& odd :
       {Json(), Json(1), Json::array(), Json::object(), Json{{"metadata", 1}},
        Json{{"metadata", Json::object()}, {"spec", "x"}, {"status", 3}, {"endpoints", 4}}}) {
    for (const auto& resource : {kube::kCanaries, kube::kDeployments, kube::kServices, kube::kEndpointSlices,
                                 kube::kVirtualServices, kube::kDestinationRules}) {
      (void)trimmed(resource, odd);
    }
  }
}

}  // namespace
}  // namespace weir::reconcile
