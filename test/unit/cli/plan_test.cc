#include "operator/cli/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <tuple>

#include "operator/kube/object.h"
#include "operator/offline/world.h"
#include "test/unit/cli/plan_files.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const fs::path kSamples = fs::path(WEIR_SOURCE_DIR) / "manifests" / "samples";
const fs::path kGolden = fs::path(WEIR_SOURCE_DIR) / "test" / "golden" / "plan";

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// ---- Properties of every plan ----

using Id = std::pair<std::string, kube::Key>;
using State = std::map<Id, Json>;

Id id_of(const Json& object) { return {object.value("kind", ""), kube::key_of(object)}; }

State state_of(const std::vector<offline::Document>& documents) {
  State state;
  for (const offline::Document& document : documents) {
    Json object = offline::as_written(document.object);
    if (kube::metadata_text(object, "namespace").empty()) object["metadata"]["namespace"] = "default";
    state[id_of(object)] = object;
  }
  return state;
}

Json* find(Json& object, const char* path) {
  const Json::json_pointer pointer(path);
  return object.contains(pointer) ? &object.at(pointer) : nullptr;
}

// A host without its namespace; the Service that stands in during a release is the one that clients call.
std::string short_host(const std::string& host, const std::string& service) {
  const std::string name = host.substr(0, host.find('.'));
  return name == service + "-weir" ? service : name;
}

// A route's destinations without what a release may change in them. Those that are then alike are one.
Json without_split(const Json& destinations, const std::string& service) {
  Json rest = Json::array();
  for (Json entry : destinations) {
    entry.erase("weight");
    Json& destination = entry["destination"];
    destination.erase("subset");
    destination["host"] = short_host(destination.value("host", ""), service);
    if (std::ranges::find(rest, entry) == rest.end()) rest.push_back(std::move(entry));
  }
  return rest;
}

// The object without what a release may change.
Json masked(Json object, const canary::Canary& release) {
  const std::string kind = object.value("kind", "");
  if (kind == "Deployment") object["spec"].erase("replicas");
  // What the router noop notes.
  if (Json* annotations = find(object, "/metadata/annotations");
      kind == "Service" && annotations != nullptr) {
    annotations->erase("weir.dev/noop-weight");
    if (annotations->empty()) object["metadata"].erase("annotations");
  }
  if (Json* selector = find(object, "/spec/selector"); kind == "Service" && selector != nullptr) {
    selector->erase(release.spec.service.version_label);
  }
  if (Json* routes = find(object, "/spec/http"); kind == "VirtualService" && routes != nullptr) {
    for (Json& route : *routes) {
      if (route.contains("route")) route["route"] = without_split(route["route"], release.spec.service.name);
    }
  }
  if (Json* subsets = find(object, "/spec/subsets"); kind == "DestinationRule" && subsets != nullptr) {
    for (Json& subset : *subsets) {
      if (subset.contains("labels")) subset["labels"].erase(release.spec.service.version_label);
    }
  }
  return object;
}

// In a rule, subsets that were added are no difference.
Json without_added_subsets(Json after, const Json& before) {
  Json* subsets = find(after, "/spec/subsets");
  if (after.value("kind", "") != "DestinationRule" || subsets == nullptr) return after;
  Json original = before["spec"].value("subsets", Json::array());
  std::set<std::string> names;
  for (const Json& subset : original) names.insert(subset.value("name", ""));
  std::erase_if(subsets->get_ref<Json::array_t&>(),
                [&](const Json& subset) { return !names.contains(subset.value("name", "")); });
  if (subsets->empty() && !before["spec"].contains("subsets")) after["spec"].erase("subsets");
  return after;
}

// An object after the release may differ in less: a Service's selector and pinned subsets name another
// version, and other replicas run.
Json without_version(Json object, const canary::Canary& release) {
  return object.value("kind", "") == "VirtualService" ? object : masked(std::move(object), release);
}

void expect_whole_weights(const Json& object) {
  if (object.value("kind", "") != "VirtualService" || !object["spec"].contains("http")) return;
  for (const Json& route : object["spec"]["http"]) {
    if (!route.contains("route") || route["route"].size() < 2) continue;
    int sum = 0;
    for (const Json& entry : route["route"]) {
      ASSERT_TRUE(entry.contains("weight") && entry["weight"].is_number_integer()) << entry;
      sum += entry["weight"].get<int>();
    }
    EXPECT_EQ(sum, 100) << route;
  }
}

void expect_surgical(const std::vector<offline::Document>& documents) {
  const auto plan = make_plan(documents, "default");
  ASSERT_TRUE(plan) << plan.error();
  const State before = state_of(documents);
  State state = before;
  int step = 0;
  for (Json object : plan->writes) {
    Json& annotations = object["metadata"]["annotations"];
    EXPECT_EQ(annotations[kStepAnnotation], std::to_string(++step));
    EXPECT_FALSE(annotations[kWhyAnnotation].get<std::string>().empty());
    const bool removed = annotations.value(kActionAnnotation, "") == "delete";
    for (const char* ours : {kStepAnnotation, kWhyAnnotation, kActionAnnotation}) annotations.erase(ours);
    if (annotations.empty()) object["metadata"].erase("annotations");
    expect_whole_weights(object);
    if (removed) {
      state.erase(id_of(object));
      continue;
    }
    state[id_of(object)] = object;
    const auto original = before.find(id_of(object));
    if (original == before.end()) continue;
    EXPECT_EQ(masked(without_added_subsets(object, original->second), plan->release),
              masked(original->second, plan->release));
  }

  // What was added is gone, and what was there is as it was but for the version.
  const auto& spec = plan->release.spec;
  for (const auto& [id, object] : state) {
    ASSERT_TRUE(before.contains(id)) << object;
    EXPECT_EQ(without_version(object, plan->release), without_version(before.at(id), plan->release));
  }
  for (const auto& [id, object] : before) {
    const bool given_up =
        id.first == "Deployment" && spec.stable.after_promotion == strategies::AfterPromotion::Delete;
    EXPECT_TRUE(state.contains(id) || given_up) << object;
  }
  const Json& service = state.at({"Service", {plan->release.name_space, spec.service.name}});
  EXPECT_EQ(service["spec"]["selector"][spec.service.version_label], plan->release.status.candidate.version);
}

TEST(Plan, changes_only_weights_subsets_the_selectors_version_and_replicas) {
  expect_surgical(documents_of(good()));
}

TEST(Plan, is_as_surgical_where_a_rule_exists_and_routes_are_pinned) {
  const std::string rule = R"(---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: checkout, namespace: shop}
spec:
  host: checkout.shop.svc.cluster.local
  trafficPolicy: {connectionPool: {http: {http1MaxPendingRequests: 7}}}
  subsets: [{name: stable, labels: {version: v1}}]
)";
  expect_surgical(documents_of(good() + rule));
  const std::string pinned =
      replaced(good(), "destination: {host: checkout}", "destination: {host: checkout, subset: stable}");
  expect_surgical(documents_of(pinned + rule));
}

TEST(Plan, is_as_surgical_with_a_dedicated_service) {
  expect_surgical(documents_of(
      replaced(good(), "service: {name: checkout}", "service: {name: checkout, mode: Dedicated}")));
}

// ---- What a plan says ----

TEST(Plan, writes_the_release_in_the_order_that_loses_no_request) {
  const auto plan = make_plan(documents_of(good()), "default");
  ASSERT_TRUE(plan) << plan.error();
  std::vector<std::string> kinds;
  for (const Json& object : plan->writes) {
    const bool removed = object["metadata"]["annotations"].contains(kActionAnnotation);
    kinds.push_back((removed ? "-" : "") + object.value("kind", "") + " " +
                    kube::metadata_text(object, "name"));
  }
  const std::vector<std::string> expected{
      "Service checkout-v1",     "Service checkout-v2",     "DestinationRule checkout",
      "VirtualService checkout", "Service checkout",        "VirtualService checkout",
      "VirtualService checkout", "Deployment checkout-v2",  "VirtualService checkout",
      "Service checkout",        "VirtualService checkout", "-DestinationRule checkout",
      "-Service checkout-v1",    "-Service checkout-v2",    "Deployment checkout-v1"};
  std::vector<std::string> found = kinds;
  for (std::string& kind : found) {
    if (kind.find("DestinationRule") != std::string::npos)
      kind = kind.substr(0, kind.find(' ')) + " checkout";
  }
  EXPECT_EQ(found, expected);
}

TEST(Plan, carries_nothing_that_only_a_server_adds) {
  const Answer answer = plan_of(good());
  ASSERT_EQ(answer.code, kFine) << answer.err;
  for (const char* noise : {"uid:", "resourceVersion", "managedFields", "creationTimestamp", "generation:",
                            "status:", "ownerReferences", "finalizers", "kind: Event", "kind: Canary"}) {
    EXPECT_EQ(answer.out.find(noise), std::string::npos) << noise;
  }
  const auto read = offline::parse_yaml(answer.out, "out");
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->front().object["metadata"]["annotations"][kStepAnnotation], "1");
  EXPECT_THAT(read->front().object["metadata"]["annotations"][kWhyAnnotation].get<std::string>(),
              StartsWith("Initializing: "));
}

TEST(Plan, sums_the_release_up_beside_the_stream) {
  const Answer answer = plan_of(good());
  EXPECT_THAT(
      answer.err,
      HasSubstr(
          "shop/checkout-v2: Service checkout from checkout-v1 (v1) to checkout-v2 (v2) in 15 writes\n"));
  EXPECT_THAT(answer.err, HasSubstr("steps: 20 %, 40 %, then promotion at 100 %\n"));
  EXPECT_THAT(answer.err, HasSubstr("interval 30s, propagation 5s, scale-down delay 30s"));
  EXPECT_THAT(answer.err, HasSubstr("warning: checkout-v1 has no preStop hook"));
}

TEST(Plan, says_durations_as_exactly_as_they_are_given) {
  const auto answer =
      plan_of(replaced(good(), "  analysis:\n    interval: 30s",
                       "  routing: {propagationDelay: 1.5s}\n  analysis:\n    interval: 90s"));
  EXPECT_THAT(answer.err, HasSubstr("interval 1m30s, propagation 1s500ms, scale-down delay 30s"));
}

TEST(Plan, says_what_an_operator_does_with_a_metric_template_of_another_namespace) {
  const auto with_template = [](const std::string& name_space) {
    return replaced(good(), "{name: request-success-rate, thresholdRange: {min: 99}}",
                    "{name: m, templateRef: {name: errors, namespace: " + name_space +
                        "}, thresholdRange: {max: 1}}") +
           "---\napiVersion: weir.dev/v1alpha1\nkind: MetricTemplate\nmetadata: {name: errors, namespace: " +
           name_space +
           "}\nspec: {query: up, provider: {type: prometheus, address: \"http://prometheus:9090\"}}\n";
  };
  const auto other = plan_of(with_template("monitoring"));
  EXPECT_EQ(other.code, kFine) << other.err;
  EXPECT_THAT(other.err,
              HasSubstr("warning: metric m names MetricTemplate monitoring/errors (templateRef.namespace "
                        "\"monitoring\"): an operator does not begin such a release "
                        "(CrossNamespaceReference) unless it runs with --cross-namespace-refs"));
  EXPECT_THAT(plan_of(with_template("shop")).err, Not(HasSubstr("CrossNamespaceReference")));
}

// Three waits of the preparation are longer than the deadline, which comes on top of them.
TEST(Plan, ends_promoted_however_much_of_the_deadline_one_wait_for_propagation_takes) {
  for (const char* routing : {"{propagationDelay: 60s}", "{provider: noop, propagationDelay: 60s}"}) {
    const Answer answer = plan_of(
        replaced(good(), "  analysis:",
                 std::string("  routing: ") + routing + "\n  progressDeadlineSeconds: 95\n  analysis:"));
    EXPECT_EQ(answer.code, kFine) << answer.err;
    EXPECT_THAT(answer.err, HasSubstr("propagation 1m,"));
  }
}

TEST(Plan, takes_files_as_flags_or_words_and_gives_json_if_asked) {
  const fs::path folder = fs::path(testing::TempDir()) / "weir-plan";
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::ofstream(folder / "canary.yaml") << kCanary;
  std::ofstream(folder / "rest.yaml")
      << deployment("checkout-v1", "v1", 1) + deployment("checkout-v2", "v2", 1) + kService + kRoute;
  const Answer answer =
      run_plan({"-f", (folder / "canary.yaml").string(), (folder / "rest.yaml").string(), "-o", "json"});
  ASSERT_EQ(answer.code, kFine) << answer.err;
  EXPECT_EQ(Json::parse(answer.out)["kind"], "List");
  EXPECT_EQ(run_plan({}).code, kRefused);
  EXPECT_EQ(run_plan({"-f", (folder / "absent.yaml").string()}).code, kRefused);
}

TEST(Plan, takes_objects_without_a_namespace_as_those_of_the_flag) {
  constexpr std::string_view kNamed = ", namespace: shop";
  for (const std::string given : {"", ", namespace: \"\""}) {
    std::string text = good();
    for (auto at = text.find(kNamed); at != std::string::npos; at = text.find(kNamed))
      text.replace(at, kNamed.size(), given);
    const Answer answer = run_plan({"-n", "market", "-f", "-"}, text);
    ASSERT_EQ(answer.code, kFine) << answer.err;
    EXPECT_THAT(answer.err, HasSubstr("market/checkout-v2"));
  }
}

TEST(Plan, starts_afresh_from_objects_that_a_cluster_has_served) {
  std::string text = replaced(
      good(), "metadata: {name: checkout-v2, namespace: shop}\nspec:\n  targetRef",
      "metadata: {name: checkout-v2, namespace: shop, uid: x, resourceVersion: \"7\", generation: 4}\n"
      "status: {phase: Failed, message: old}\nspec:\n  targetRef");
  EXPECT_EQ(plan_of(text).out, plan_of(good()).out);
}

TEST(Plan, plans_one_release_at_a_time) {
  EXPECT_THAT(refusal_of(kService), HasSubstr("there is no Canary; seen in stdin: Service shop/checkout"));
  EXPECT_THAT(refusal_of(""), HasSubstr("no document was seen"));
  EXPECT_THAT(refusal_of(good() + "---\n" + kCanary), HasSubstr("a second Canary"));
}

// ---- The samples that users start from ----

std::vector<fs::path> samples(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool has_canary(const std::vector<offline::Document>& documents) {
  return std::ranges::any_of(documents, [](const offline::Document& document) {
    return document.object.value("kind", "") == "Canary";
  });
}

// Set WEIR_UPDATE_GOLDEN=1 to write the files anew after a change that is meant.
TEST(Plan, writes_istios_objects_in_the_version_in_which_they_are_read) {
  std::string route = kRoute;
  route.replace(route.find("networking.istio.io/v1"), 22, "networking.istio.io/v1beta1");
  const Answer answer =
      run_plan({"-f", "-"}, kCanary + std::string(kService) + route + deployment("checkout-v1", "v1", 2) +
                                deployment("checkout-v2", "v2", 2));
  EXPECT_EQ(answer.code, kFine) << answer.err;
  EXPECT_THAT(answer.out, HasSubstr("apiVersion: networking.istio.io/v1beta1\nkind: VirtualService"));
  EXPECT_THAT(answer.out, HasSubstr("apiVersion: networking.istio.io/v1beta1\nkind: DestinationRule"));
  EXPECT_THAT(answer.out, testing::Not(HasSubstr("networking.istio.io/v1\n")));
}

TEST(Plan, refuses_a_version_that_the_operator_does_not_read) {
  std::string route = kRoute;
  route.replace(route.find("networking.istio.io/v1"), 22, "networking.istio.io/v2");
  const Answer answer = run_plan({"-f", "-"}, kCanary + std::string(kService) + route);
  EXPECT_EQ(answer.code, kRefused);
  EXPECT_THAT(answer.err, HasSubstr("apiVersion of VirtualService is \"networking.istio.io/v2\"; accepted: "
                                    "networking.istio.io/v1, networking.istio.io/v1beta1"));
}

TEST(PlanOfSamples, is_what_the_tree_keeps) {
  const bool update = std::getenv("WEIR_UPDATE_GOLDEN") != nullptr;
  int compared = 0;
  for (const fs::path& sample : samples(kSamples)) {
    SCOPED_TRACE(sample.filename());
    if (!has_canary(documents_of(content_of(sample)))) continue;
    const Answer answer = run_plan({"-f", sample.string()});
    ASSERT_EQ(answer.code, kFine) << answer.err;
    if (update) std::ofstream(kGolden / sample.filename(), std::ios::binary) << answer.out;
    EXPECT_EQ(answer.out, content_of(kGolden / sample.filename()));
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST(PlanOfSamples, is_surgical) {
  for (const fs::path& sample : samples(kSamples)) {
    SCOPED_TRACE(sample.filename());
    const auto documents = documents_of(content_of(sample));
    if (has_canary(documents)) expect_surgical(documents);
  }
}

TEST(PlanOfSamples, refuses_each_invalid_one_with_a_sentence) {
  const auto files = samples(kSamples / "invalid");
  EXPECT_FALSE(files.empty());
  for (const fs::path& sample : files) {
    SCOPED_TRACE(sample.filename());
    const Answer answer = run_plan({"-f", sample.string()});
    EXPECT_EQ(answer.code, kRefused);
    EXPECT_EQ(answer.out, "");
    EXPECT_THAT(answer.err, testing::MatchesRegex("[^\n]{20,}\n"));
  }
}

}  // namespace
}  // namespace weir::cli
