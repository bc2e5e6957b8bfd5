#include "operator/canary/workload.h"

#include <gmock/gmock.h>

namespace weir::canary {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Json deployment(const Json& patch = Json::object()) {
  auto object = Json::parse(R"({
    "metadata": {"name": "checkout-v2", "generation": 5},
    "spec": {"replicas": 3, "template": {
      "metadata": {"labels": {"app": "checkout", "version": "v2", "app.kubernetes.io/version": "2.0"}},
      "spec": {"containers": [{"name": "app", "image": "demo-app", "lifecycle": {"preStop": {"sleep": {"seconds": 2}}}}]}}},
    "status": {"observedGeneration": 5, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 2,
      "conditions": [{"type": "Progressing", "status": "True"}, {"type": "Available", "status": "True"}]}})");
  object.merge_patch(patch);
  return object;
}

bool available(const Json& patch) { return read_deployment(deployment(patch), "version").available; }

TEST(Deployment, is_read) {
  const auto workload = read_deployment(deployment(), "version");
  EXPECT_EQ(workload.name, "checkout-v2");
  EXPECT_EQ(workload.version, "v2");
  EXPECT_EQ(workload.replicas, 3);
  EXPECT_EQ(workload.ready, 2);
  EXPECT_TRUE(workload.available);
  EXPECT_TRUE(workload.has_pre_stop);
  EXPECT_EQ(workload.pod_problem, "");
  EXPECT_EQ(workload.template_hash.size(), 16U);
  EXPECT_EQ(read_deployment(deployment(), "app.kubernetes.io/version").version, "2.0");
  EXPECT_EQ(read_deployment(deployment(), "track").version, "");
}

TEST(Deployment, of_another_version_has_no_pod_that_counts) {
  const auto workload = read_deployment(deployment(), "version", "v1");
  EXPECT_EQ(workload.version, "v2");
  EXPECT_EQ(workload.ready, 0);
  EXPECT_FALSE(workload.available);
  EXPECT_EQ(read_deployment(deployment(), "version", "v2").ready, 2);
}

TEST(Deployment, asks_for_one_pod_if_it_does_not_say) {
  EXPECT_EQ(read_deployment(deployment({{"spec", {{"replicas", nullptr}}}}), "version").replicas, 1);
  EXPECT_EQ(read_deployment(Json::object(), "version").replicas, 1);
}

TEST(Deployment, is_available_only_once_its_newest_template_is_rolled_out) {
  EXPECT_TRUE(available(Json::object()));
  EXPECT_FALSE(available({{"metadata", {{"generation", 6}}}}));
  EXPECT_FALSE(available({{"status", {{"updatedReplicas", 2}}}}));
  EXPECT_FALSE(available({{"status", {{"replicas", 4}}}}));
  EXPECT_FALSE(available({{"status", {{"conditions", nullptr}}}}));
  EXPECT_FALSE(available({{"status", {{"conditions", {{{"type", "Available"}, {"status", "False"}}}}}}}));
  EXPECT_FALSE(available({{"status", nullptr}}));
}

TEST(Deployment, has_a_pre_stop_hook_only_if_each_container_has_one) {
  auto object = deployment();
  object["spec"]["template"]["spec"]["containers"].push_back({{"name", "proxy"}});
  EXPECT_FALSE(read_deployment(object, "version").has_pre_stop);
}

TEST(TemplateHash, changes_with_the_template_alone) {
  const auto hash = [](const Json& object) { return read_deployment(object, "version").template_hash; };
  EXPECT_EQ(hash(deployment()),
            hash(deployment({{"spec", {{"replicas", 9}}}, {"metadata", {{"generation", 9}}}})));
  EXPECT_NE(hash(deployment()),
            hash(deployment({{"spec", {{"template", {{"metadata", {{"annotations", {{"a", "b"}}}}}}}}}})));
  EXPECT_EQ(template_hash(Json::parse(R"({"a": 1, "b": [2]})")),
            template_hash(Json::parse(R"({"b": [2], "a": 1})")));
  EXPECT_EQ(template_hash(Json::object()), "08f44b07b5901a25");
}

Json pod(const std::string& name, const Json& status) {
  return {{"metadata", {{"name", name}}}, {"status", status}};
}

TEST(PodProblem, names_the_container_that_keeps_crashing_and_how_it_ended) {
  const auto crashing = pod("checkout-v2-x7k", Json::parse(R"({"containerStatuses": [
    {"name": "proxy", "state": {"running": {}}},
    {"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"}},
     "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]})"));
  EXPECT_EQ(pod_problem({crashing}),
            "CrashLoopBackOff: container \"app\" of pod checkout-v2-x7k: back-off 40s restarting (last exit "
            "code 137, "
            "OOMKilled)");
}

TEST(PodProblem, is_found_in_images_configuration_and_init_containers) {
  for (const std::string reason : {"ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"}) {
    for (const std::string statuses : {"containerStatuses", "initContainerStatuses"}) {
      const auto waiting = Json{{{"name", "app"}, {"state", {{"waiting", {{"reason", reason}}}}}}};
      EXPECT_EQ(pod_problem({pod("p", {{statuses, waiting}})}), reason + ": container \"app\" of pod p");
    }
  }
}

TEST(PodProblem, is_a_pod_that_fits_nowhere) {
  const auto status = Json::parse(R"({"conditions": [{"type": "PodScheduled", "status": "False",
    "reason": "Unschedulable", "message": "0/3 nodes are available"}]})");
  EXPECT_EQ(pod_problem({pod("p", status)}), "Unschedulable: pod p: 0/3 nodes are available");
}

TEST(PodProblem, is_not_a_pod_that_starts_or_ends) {
  const auto starting = pod("a", Json::parse(R"({"containerStatuses": [
    {"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}}]})"));
  auto ending = pod("b", Json::parse(R"({"containerStatuses": [
    {"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]})"));
  EXPECT_THAT(pod_problem({starting, ending}), StartsWith("CrashLoopBackOff"));
  ending["metadata"]["deletionTimestamp"] = "2026-11-24T11:58:23Z";
  EXPECT_EQ(pod_problem({starting, ending}), "");
  EXPECT_EQ(pod_problem({}), "");
  EXPECT_EQ(pod_problem({Json::object(), Json("text")}), "");
}

}  // namespace
}  // namespace weir::canary
