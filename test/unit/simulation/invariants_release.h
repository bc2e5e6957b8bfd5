// A release, write by write, told to the invariants.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "operator/base/clock.h"
#include "operator/base/time.h"
#include "operator/kube/object.h"
#include "test/simulation/invariants.h"

namespace weir::simulation {

inline constexpr Writer kPerson = 0;
inline constexpr Writer kOperator = 1;
inline constexpr Writer kSuccessor = 2;

inline Json destination(const char* subset, int weight) {
  return {{"destination", {{"host", "checkout"}, {"port", {{"number", 80}}}, {"subset", subset}}},
          {"weight", weight}};
}

// A shop whose every change is told to the invariants, and the writes of a release of checkout-v2.
class InvariantsTest : public ::testing::Test {
 protected:
  InvariantsTest() : invariants_(expected_) { open(); }

  // ---- the shop ----

  void open() {
    for (const char* version : {"v1", "v2"}) {
      const auto name = std::string("checkout-") + version;
      const Json labels{{"app", "checkout"}, {"version", version}};
      put(kube::kDeployments,
          {{"metadata", {{"name", name}}},
           {"spec", {{"replicas", 2}, {"template", {{"metadata", {{"labels", labels}}}}}}},
           {"status", {{"readyReplicas", 2}}}});
      for (const char* number : {"-1", "-2"})
        put(kube::kPods, {{"metadata", {{"name", name + number}, {"labels", labels}}}});
    }
    put(kube::kServices, {{"metadata", {{"name", "checkout"}}},
                          {"spec", {{"selector", {{"app", "checkout"}, {"version", "v1"}}}}}});
    endpoints({"v1"});
    put(kube::kVirtualServices,
        {{"metadata", {{"name", "checkout"}}}, {"spec", {{"http", {route(Json::array({whole_}))}}}}});
    put(kube::kCanaries, canary("checkout-v2"));
  }

  static Json canary(const std::string& name) {
    return {{"metadata", {{"name", name}, {"generation", 1}}},
            {"spec",
             {{"targetRef", {{"name", name}}},
              {"service", {{"name", "checkout"}}},
              {"routing", {{"propagationDelay", "2s"}}},
              {"analysis", {{"interval", "10s"}, {"stepWeights", {10, 50}}}}}}};
  }

  static Json route(const Json& destinations) {
    return {{"name", "all"}, {"timeout", "3s"}, {"route", destinations}};
  }

  // ---- changes ----

  [[nodiscard]] std::int64_t term_of(Writer writer) const { return terms_.at(writer); }
  void put(const kube::Resource& resource, Json object, Writer writer = kPerson, bool status = false) {
    arrive(now_, resource, std::move(object), writer, status);
  }
  // What was sent at that time.
  void arrive(Millis sent_at, const kube::Resource& resource, Json object, Writer writer,
              bool status = false) {
    object["kind"] = resource.kind;
    auto& metadata = object["metadata"];
    if (!metadata.contains("namespace")) metadata["namespace"] = "shop";
    auto& known = objects_[{resource.plural, metadata["name"]}];
    metadata["uid"] = known.is_null() ? std::to_string(++uids_) : known["metadata"]["uid"].get<std::string>();
    const Json before = known;
    known = object;
    invariants_.saw({now_, writer, {term_of(writer), sent_at}, resource, status, before, object});
  }

  using Edit = std::function<void(Json&)>;
  void edit(const kube::Resource& resource, const std::string& name, const Edit& edit,
            Writer writer = kOperator, bool status = false) {
    Json object = objects_.at({resource.plural, name});
    edit(object);
    put(resource, object, writer, status);
  }

  void erase(const kube::Resource& resource, const std::string& name, Writer writer = kOperator) {
    auto& known = objects_.at({resource.plural, name});
    const Json before = known;
    known = Json();
    invariants_.saw({now_, writer, {term_of(writer), now_}, resource, false, before, Json()});
  }
  [[nodiscard]] Millis now() const { return now_; }

  void wait(Millis duration) { now_ += duration; }
  [[nodiscard]] std::string wall() const {
    return base::format_micros(base::Clock::Wall(std::chrono::hours(24 * 365 * 30)) + now_);
  }

  void endpoints(const std::vector<std::string>& versions, const std::string& service = "checkout") {
    Json list = Json::array();
    for (const auto& version : versions) {
      for (const char* number : {"-1", "-2"}) {
        list.push_back({{"conditions", {{"ready", true}}},
                        {"targetRef", {{"kind", "Pod"}, {"name", "checkout-" + version + number}}}});
      }
    }
    put(kube::kEndpointSlices,
        {{"metadata", {{"name", service + "-a"}, {"labels", {{"kubernetes.io/service-name", service}}}}},
         {"endpoints", list}});
  }

  void ready(const std::string& name, int pods) {
    edit(kube::kDeployments, name, [&](Json& object) { object["status"]["readyReplicas"] = pods; }, kPerson);
  }

  // ---- what the operator writes ----

  void status(const Edit& change, Writer writer = kOperator, const std::string& name = "checkout-v2") {
    edit(
        kube::kCanaries, name,
        [&](Json& object) {
          auto& status = object["status"];
          if (status.is_null()) status = Json::object();
          const std::string before = status.value("phase", "");
          change(status);
          if (status.value("phase", "") != before) record(status, "Entered");
        },
        writer, true);
  }
  void record(Json& status, const std::string& reason) {
    auto& history = status["history"];
    const std::int64_t last = history.empty() ? 0 : history.back()["sequence"].get<std::int64_t>();
    history.push_back({{"sequence", last + 1}, {"phase", status["phase"]}, {"reason", reason}});
    if (history.size() > 20) history.erase(0);
  }
  void phase(const std::string& phase) {
    status([&](Json& status) { status["phase"] = phase; });
  }
  void weight(int weight) {
    status([&](Json& status) { authorise(status, weight); });
  }
  void authorise(Json& status, int weight) const {
    status["canaryWeight"] = weight;
    status["stepStartedAt"] = wall();
    status["checksInStep"] = 0;
  }
  Json check(const char* verdict) const {
    return {{"name", "request-success-rate"}, {"verdict", verdict}, {"value", 99.9}, {"time", wall()}};
  }
  void take_step(Json& status, int step) {
    status["step"] = std::to_string(step) + "/2";
    authorise(status, step == 1 ? 10 : 50);
    record(status, "Step");
  }

  void divide(int candidate, Writer writer = kOperator) {
    if (shares_)
      return destinations({of_one("v1", 100 - candidate), of_one("v2", candidate), legacy(9900)}, writer);
    destinations({destination("v1", 100 - candidate), destination("v2", candidate)}, writer);
  }
  // Of a route in which the Service has 1 of 100.
  static Json legacy(int weight) { return {{"destination", {{"host", "legacy"}}}, {"weight", weight}}; }
  static Json of_one(const char* subset, int weight) {
    auto one = destination(subset == nullptr ? "" : subset, weight);
    if (subset == nullptr) one["destination"].erase("subset");
    return one;
  }
  void share_of_one() {
    shares_ = true;
    destinations({of_one(nullptr, 1), legacy(99)}, kPerson);
  }

  void destinations(const Json& list, Writer writer = kOperator) {
    edit(
        kube::kVirtualServices, "checkout", [&](Json& object) { object["spec"]["http"][0]["route"] = list; },
        writer);
  }
  void select(const char* version) {
    edit(kube::kServices, "checkout", [&](Json& object) {
      object["spec"]["selector"].erase("version");
      if (version != nullptr) object["spec"]["selector"]["version"] = version;
    });
  }
  // As a person does with the manifests of the version before.
  void reapply() {
    edit(
        kube::kServices, "checkout", [](Json& object) { object["spec"]["selector"]["version"] = "v1"; },
        kPerson);
  }
  void scale(const std::string& name, int replicas) {
    edit(kube::kDeployments, name, [&](Json& object) { object["spec"]["replicas"] = replicas; });
  }

  // ---- a release, part by part ----

  void begin_status() {
    edit(kube::kCanaries, "checkout-v2",
         [](Json& object) { object["metadata"]["finalizers"] = {"weir.dev/traffic"}; });
    status([&](Json& status) {
      status["phase"] = "Pending";
      status["observedGeneration"] = 1;
    });
    status([&](Json& status) {
      status["phase"] = "Initializing";
      status["step"] = "0/2";
      status["target"] = "checkout-v2";
      status["stable"] = {{"name", "checkout-v1"}, {"version", "v1"}};
      status["candidate"] = {{"name", "checkout-v2"}, {"version", "v2"}, {"templateHash", "a"}};
    });
  }
  void initialize() {
    begin_status();
    const Json owner = {{{"kind", "Canary"}, {"name", "checkout-v2"}, {"uid", "canary"}}};
    put(kube::kServices, {{"metadata", {{"name", "checkout-v2"}, {"ownerReferences", owner}}}}, kOperator);
    put(kube::kDestinationRules,
        {{"metadata", {{"name", "checkout-weir"}, {"ownerReferences", owner}}},
         {"spec",
          {{"host", "checkout.shop.svc.cluster.local"},
           {"subsets",
            {{{"name", "v1"}, {"labels", {{"version", "v1"}}}},
             {{"name", "v2"}, {"labels", {{"version", "v2"}}}}}}}}},
        kOperator);
    divide(0);
    select(nullptr);
    endpoints({"v1", "v2"});
  }
  void first_step() {
    initialize();
    status([&](Json& status) {
      status["phase"] = "Progressing";
      take_step(status, 1);
    });
    divide(10);
  }
  void second_step() {
    first_step();
    wait(12s);
    status([&](Json& status) {
      status["checks"] = Json::array({check("Pass")});
      take_step(status, 2);
    });
    divide(50);
  }
  void pass_last_step() {
    second_step();
    wait(12s);
    status([&](Json& status) {
      status["checks"] = Json::array({check("Pass")});
      status["checksInStep"] = 1;
      status["phase"] = "Promoting";
    });
  }
  void promote() {
    pass_last_step();
    weight(100);
    divide(100);
    wait(3s);
    select("v2");
    endpoints({"v2"});
    phase("Finalizing");
  }
  void clean_up() {
    destinations(Json::array({whole_}));
    wait(3s);
    erase(kube::kDestinationRules, "checkout-weir");
    erase(kube::kServices, "checkout-v2");
  }
  void release() {
    promote();
    clean_up();
    scale("checkout-v1", 0);
    phase("Succeeded");
    drop_finalizer();
  }
  void drop_finalizer() {
    edit(kube::kCanaries, "checkout-v2", [](Json& object) { object["metadata"].erase("finalizers"); });
  }
  void roll_back() {
    status([&](Json& status) {
      status["phase"] = "RollingBack";
      authorise(status, 0);
    });
  }
  // A rollback up to where only the candidate's pods are left of it.
  void return_to_stable() {
    roll_back();
    divide(0);
    wait(3s);
    select("v1");
    endpoints({"v1"});
    clean_up();
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& violation : invariants_.violations()) names.push_back(violation.name);
    return names;
  }
  [[nodiscard]] std::string messages() const {
    std::string text;
    for (const auto& violation : invariants_.violations())
      text += violation.name + ": " + violation.message + "\n";
    return text;
  }
  // That and nothing else is broken.
  void expect(const char* name, const char* part) {
    EXPECT_THAT(names(), ::testing::Not(::testing::IsEmpty()));
    EXPECT_THAT(names(), ::testing::Each(name)) << messages();
    EXPECT_THAT(messages(), ::testing::HasSubstr(part));
  }
  void expect_nothing() { EXPECT_THAT(names(), ::testing::IsEmpty()) << messages(); }

  Millis now_{100'000};
  const Json whole_{{"destination", {{"host", "checkout"}, {"port", {{"number", 80}}}}}};
  Expectations expected_;
  std::map<Writer, std::int64_t> terms_{{kPerson, 0}, {kOperator, 1}, {kSuccessor, 2}};
  Invariants invariants_;

 private:
  bool shares_ = false;
  std::map<std::pair<std::string_view, std::string>, Json> objects_;
  int uids_ = 0;
};

}  // namespace weir::simulation
