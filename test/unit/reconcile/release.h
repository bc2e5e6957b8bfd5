// A release of Service checkout over a cluster in memory, for tests of the reconciler.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "operator/kube/object.h"
#include "operator/offline/world.h"
#include "operator/reconcile/controller.h"
#include "operator/reconcile/reconciler.h"

namespace weir::reconcile {

inline constexpr const char* kObjects = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout-v1, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: checkout, version: v1}}
  template: {metadata: {labels: {app: checkout, version: v1}}, spec: {containers: [{name: app, image: demo-app}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout-v2, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: checkout, version: v2}}
  template: {metadata: {labels: {app: checkout, version: v2}}, spec: {containers: [{name: app, image: demo-app}]}}
---
apiVersion: v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout, version: v1}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout, namespace: shop}
spec:
  hosts: [checkout]
  http: [{route: [{destination: {host: checkout}}]}]
---
apiVersion: weir.dev/v1alpha1
kind: Canary
metadata: {name: checkout-v2, namespace: shop}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout-v2}
  service: {name: checkout}
  analysis:
    interval: 30s
    threshold: 2
    stepWeights: [10, 50]
    metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]
)";

// Answers every question at once.
class PromptAnalyst final : public Analyst {
 public:
  std::function<strategies::Outcome(const Question&)> judge = [](const Question&) {
    return strategies::Outcome::Pass;
  };
  // What is counted, where a question asks for that.
  std::function<analysis::Split(const Question&)> count = [](const Question&) { return analysis::Split{}; };
  std::vector<Question> asked;

  bool knows(const kube::Key&, const Question& question) const override {
    return !asked.empty() && asked.back().same_as(question);
  }
  void ask(const kube::Key&, Question question) override {
    asked.push_back(question);
    const auto outcome = judge(question);
    analysis::Judgement judgement{.message = "success rate 98 % < 99 %"};
    judgement.outcome = outcome == strategies::Outcome::Pass   ? analysis::Outcome::Pass
                        : outcome == strategies::Outcome::Fail ? analysis::Outcome::Fail
                                                               : analysis::Outcome::Inconclusive;
    if (question.request.counts) judgement.split = count(question);
    verdict_ = to_verdict(question, judgement);
  }
  std::optional<strategies::Verdict> answer(const kube::Key&) const override { return verdict_; }
  void forget(const kube::Key&) override { verdict_.reset(); }

 private:
  std::optional<strategies::Verdict> verdict_;
};

// The cluster, and what a process adds to it.
class ReleaseWorld {
 public:
  void fill(const std::string& yaml = kObjects) {
    const auto documents = offline::parse_yaml(yaml, "objects.yaml");
    ASSERT_TRUE(documents) << documents.error();
    const auto filled = world.fill(*documents, "shop");
    ASSERT_TRUE(filled) << filled.error();
  }

  // Rounds until `until`, or until nothing is due any more.
  void run(Reconciler& process, const std::function<bool()>& until) {
    for (int i = 0; i < 500 && !until(); ++i) {
      const auto asked = analyst.asked.size();
      const auto done = process.reconcile(key);
      if (done.wrote || done.error || analyst.asked.size() > asked) {
        world.clock.advance(std::chrono::milliseconds(1));
        continue;
      }
      if (!done.requeue_after) return;
      world.clock.advance(std::max(*done.requeue_after, std::chrono::milliseconds(1)));
    }
  }

  // All that falls due within this time, or before `until`.
  void work(Controller& controller, std::chrono::seconds longest, const std::function<bool()>& until = {}) {
    const auto end = world.clock.steady() + longest;
    while (!(until && until()) && world.clock.steady() < end) {
      if (controller.step()) continue;
      const auto next = std::min(controller.next_due().value_or(end), end);
      world.clock.advance(std::max(std::chrono::ceil<std::chrono::milliseconds>(next - world.clock.steady()),
                                   std::chrono::milliseconds(1)));
    }
  }

  Json object(const kube::Resource& resource, const std::string& name) {
    return world.api.get(resource, {"shop", name}).value_or(Json());
  }
  Json status() { return object(kube::kCanaries, "checkout-v2").value("status", Json::object()); }
  // Somebody changes one field.
  void edit(const kube::Resource& resource, const char* name, const char* pointer, const Json& value) {
    auto edited = object(resource, name);
    edited[Json::json_pointer(pointer)] = value;
    world.api.put(resource, edited);
  }
  // Another Canary of the Service.
  void add(const std::string& name, const Json& status, const Json& spec = Json::object()) {
    auto other = object(kube::kCanaries, "checkout-v2");
    other["metadata"] = {{"name", name}, {"namespace", "shop"}};
    other["spec"]["targetRef"]["name"] = name;
    other["spec"].update(spec);
    other["status"] = status;
    world.api.put(kube::kCanaries, other);
  }
  // With a write the world becomes what the objects say.
  void follow() {
    const auto before = object(kube::kDeployments, "checkout-v1");
    auto after = before;
    after["metadata"]["annotations"]["touched"] = std::to_string(++touched_);
    ASSERT_TRUE(world.api.update(kube::kDeployments, before, after));
  }
  std::string phase() { return status().value("phase", ""); }
  std::string message() { return status().value("message", ""); }
  bool at_weight(int weight) { return status().value("canaryWeight", -1) == weight; }

  const kube::Key key{"shop", "checkout-v2"};
  offline::World world;
  PromptAnalyst analyst;

 private:
  int touched_ = 0;
};

}  // namespace weir::reconcile
