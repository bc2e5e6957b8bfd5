// Releases that three replicas share, over a cluster in memory: one of the replicas dies at any of its
// writes.
#include <gmock/gmock.h>

#include <array>
#include <map>
#include <memory>

#include "operator/base/json.h"
#include "operator/lead/shards.h"
#include "operator/reconcile/controller.h"
#include "operator/reconcile/services.h"
#include "test/unit/reconcile/late_api.h"
#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using base::Clock;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

// Replicas, by identity: the hash gives the first Service to "b" and the second to "c".
constexpr std::array<const char*, 3> kReplicas{"a", "b", "c"};
constexpr seconds kLongest{1'000};  // for all releases to end

std::string service_name(int number) { return "checkout" + std::to_string(number); }

// The objects of release.h, for Service checkoutN.
std::string objects_of(int number) {
  std::string text = kObjects;
  for (std::size_t at = 0; (at = text.find("checkout", at)) != std::string::npos;) {
    text.replace(at, std::string("checkout").size(), service_name(number));
    at += service_name(number).size();
  }
  return text;
}

// One PromptAnalyst for each release.
class PromptAnalysts final : public Analyst {
 public:
  bool knows(const kube::Key& key, const Question& question) const override {
    return all_[key].knows(key, question);
  }
  void ask(const kube::Key& key, Question question) override { all_[key].ask(key, std::move(question)); }
  std::optional<strategies::Verdict> answer(const kube::Key& key) const override {
    return all_[key].answer(key);
  }
  void forget(const kube::Key& key) override { all_.erase(key); }

 private:
  mutable std::map<kube::Key, PromptAnalyst> all_;
};

struct Replica {
  Replica(offline::World& of, kube::Api& lease_api, kube::Store& leases, const std::string& identity)
      : world(of),
        api(world.api),
        sharding(lease_api, world.clock, leases,
                 {.lease = {"weir-system", "weir"}, .shards = lead::kShards, .identity = identity},
                 [this](const std::vector<lead::Shards::Change>& changes) {
                   for (const auto& change : changes) changed(change);
                 }),
        reconciler(api, api, world.stores, analysts, world.clock, {},
                   [this](const kube::Key& service) { return sharding.leads(service); }),
        controller(
            reconciler, world.stores, world.clock,
            [](const kube::Key&, const Round&, std::chrono::duration<double>) {},
            [this](const kube::Key& service) { return sharding.begin_round(service); }),
        next_step(world.clock.steady()) {}

  [[nodiscard]] bool dead() const { return api.lost.has_value(); }

  void changed(const lead::Shards::Change& change) {
    for (const auto& stored : world.stores.canaries.list("")) {
      if (lead::shard_of(service_of(*stored.object)) != change.shard) continue;
      analysts.forget(kube::key_of(*stored.object));
      if (change.held) controller.wake(kube::key_of(*stored.object));
    }
  }

  offline::World& world;
  LateApi api;
  lead::Shards sharding;
  PromptAnalysts analysts;
  Reconciler reconciler;
  Controller controller;
  Clock::Steady next_step;
};

// What was written of one release, in order, without what claims add.
struct Record {
  std::vector<int> routed{-1};              // the candidate's weight in the VirtualService, as it changed
  std::vector<std::string> authorised;      // step and weight in status, as they changed
  std::vector<std::string> selected{"v1"};  // version that the Service selects
  std::vector<std::string> reasons;         // of status.history
};

class Cluster {
 public:
  explicit Cluster(int services) : services_(services) {
    for (int i = 0; i < services; ++i) world_.fill(objects_of(i));
    lease_api_.on_change([this](const offline::Changed& changed) {
      if (changed.gone) {
        leases_.erase(kube::key_of(*changed.before), clock().steady());
      } else {
        leases_.put(*changed.after, clock().steady());
      }
    });
    leases_.replace({}, clock().steady());
  }

  Replica& start(const std::string& identity) {
    replicas_.push_back(std::make_unique<Replica>(world_.world, lease_api_, leases_, identity));
    return *replicas_.back();
  }

  // Until no release is running. A replica that is dead does nothing.
  void run() {
    const auto end = clock().steady() + kLongest;
    while (!over() && clock().steady() < end) {
      auto until = end;
      for (auto& replica : replicas_) {
        if (replica->dead()) continue;
        if (clock().steady() >= replica->next_step) {
          replica->next_step = clock().steady() + replica->sharding.step();
        }
        while (!replica->dead() && replica->controller.step()) {
        }
        until = std::min({until, replica->next_step, replica->controller.next_due().value_or(until)});
      }
      clock().advance(std::max(std::chrono::ceil<milliseconds>(until - clock().steady()), milliseconds(1)));
    }
  }

  // The record of each Service's release so far.
  std::vector<Record> records() {
    std::vector<Record> all(static_cast<std::size_t>(services_));
    for (const auto& write : world_.world.take_writes()) {
      if (!write.after.is_object()) continue;
      const auto name = kube::key_of(write.after).name;
      const auto number = static_cast<std::size_t>(name.at(std::string("checkout").size()) - '0');
      auto& record = all.at(number);
      if (write.resource == kube::kVirtualServices) {
        const Json& route = write.after["spec"]["http"][0]["route"];
        note(record.routed, route.size() == 2 ? route[1]["weight"].get<int>() : -1);
      } else if (write.resource == kube::kCanaries) {
        const Json status = write.after.value("status", Json::object());
        note(record.authorised, status.value("phase", "") + " " + status.value("step", "") + " " +
                                    std::to_string(status.value("canaryWeight", 0)));
        record.reasons.clear();
        for (const auto& entry : status.value("history", Json::array())) {
          record.reasons.push_back(entry.value("reason", ""));
        }
      } else if (write.resource == kube::kServices && name == service_name(static_cast<int>(number))) {
        note(record.selected, write.after["spec"]["selector"].value("version", ""));
      }
    }
    return all;
  }

  std::string phase(int number) {
    return base::text(world_.object(kube::kCanaries, service_name(number) + "-v2"), {"status", "phase"});
  }
  base::VirtualClock& clock() { return world_.world.clock; }

 private:
  template <typename T>
  static void note(std::vector<T>& values, const T& value) {
    if (values.empty() || values.back() != value) values.push_back(value);
  }
  bool over() {
    for (int i = 0; i < services_; ++i) {
      if (phase(i) != "Succeeded" && phase(i) != "Failed") return false;
    }
    return true;
  }

  const int services_;
  ReleaseWorld world_;
  offline::MemoryApi lease_api_{world_.world.clock};
  kube::Store leases_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST(Sharing, brings_every_release_to_its_end_by_several_replicas) {
  Cluster cluster(2);
  std::vector<Replica*> replicas;
  for (const auto* name : kReplicas) replicas.push_back(&cluster.start(name));
  cluster.run();
  int working = 0;
  for (auto* replica : replicas) working += replica->api.writes > 0 ? 1 : 0;
  EXPECT_GT(working, 1);
  for (const auto& record : cluster.records()) {
    EXPECT_THAT(record.routed, ElementsAre(-1, 0, 10, 50, 100, -1));
    EXPECT_THAT(record.selected, ElementsAre("v1", "", "v2"));
  }
}

// Says whether the replica made so many writes.
bool dies(int write, bool carried_out, const Record& undisturbed) {
  SCOPED_TRACE("dies at write " + std::to_string(write) + (carried_out ? ", which is carried out" : ""));
  Cluster cluster(1);
  Replica* victim = nullptr;
  for (const std::string name : kReplicas) {
    auto& replica = cluster.start(name);
    if (name == "b") victim = &replica;
  }
  victim->api.at_once = carried_out;
  victim->api.astray = [victim, write](offline::Verb, const kube::Resource&, const Json&) {
    return victim->api.writes == write;
  };
  cluster.run();
  if (!victim->dead()) return false;
  const auto record = cluster.records().front();
  EXPECT_EQ(cluster.phase(0), "Succeeded");
  EXPECT_EQ(record.routed, undisturbed.routed);
  EXPECT_EQ(record.authorised, undisturbed.authorised);
  EXPECT_EQ(record.selected, undisturbed.selected);
  EXPECT_EQ(record.reasons, undisturbed.reasons);
  return true;
}

TEST(Sharing, loses_and_doubles_no_step_at_whatever_write_a_replica_dies) {
  Cluster cluster(1);
  for (const auto* name : kReplicas) cluster.start(name);
  cluster.run();
  const auto undisturbed = cluster.records().front();
  int deaths = 0;
  for (const bool carried_out : {false, true}) {
    for (int write = 1; dies(write, carried_out, undisturbed); ++write) ++deaths;
  }
  RecordProperty("deaths", deaths);
  EXPECT_GT(deaths, 40);
}

}  // namespace
}  // namespace weir::reconcile
