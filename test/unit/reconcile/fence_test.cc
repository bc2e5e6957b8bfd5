// Writes that are carried out long after they were sent, over a cluster in memory.
#include "operator/lead/fence.h"

#include <gmock/gmock.h>

#include <memory>
#include <set>

#include "operator/lead/epoch.h"
#include "operator/reconcile/kinds.h"
#include "operator/reconcile/orphans.h"
#include "operator/reconcile/services.h"
#include "test/unit/reconcile/late_api.h"
#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Cluster : public ReleaseWorld {
 public:
  LateApi late{world.api};
  LateApi urgent{world.api};
  std::optional<std::int64_t> term = 0;
  base::Clock::Steady renewed_at;
  std::vector<std::string> claims;  // "Service/checkout", in order

  // Another process: it knows nothing of what the one before it did.
  std::unique_ptr<Reconciler> process() { return process(late, urgent); }
  std::unique_ptr<Reconciler> process(kube::Api& api, kube::Api& for_rollbacks) {
    Listener listener;
    listener.on_claim = [this](const canary::Canary&, const ManagedObject& part, const kube::Result<void>&) {
      claims.push_back(std::string(part.resource.kind) + "/" + kube::key_of(*part.object).name);
    };
    return std::make_unique<Reconciler>(api, for_rollbacks, world.stores, analyst, world.clock,
                                        std::move(listener), [this](const kube::Key&) { return lead(); });
  }

  [[nodiscard]] std::optional<Leadership> lead() const {
    if (!term) return std::nullopt;
    return Leadership{.term = *term, .renewed_at = renewed_at};
  }

  void request_rollback() {
    Json canary = object(kube::kCanaries, "checkout-v2");
    canary["metadata"]["annotations"]["weir.dev/rollback"] = "customers complain";
    world.api.put(kube::kCanaries, canary);
  }
  int weight() {
    const Json route = object(kube::kVirtualServices, "checkout")["spec"]["http"][0]["route"];
    return route.size() == 2 ? route[1]["weight"].get<int>() : -1;
  }
  // Objects of the user that carry the mark: "VirtualService/checkout".
  std::vector<std::string> marked() {
    std::vector<std::string> names;
    for (const auto& resource :
         {kube::kVirtualServices, kube::kDestinationRules, kube::kServices, kube::kDeployments}) {
      for (const auto& found : world.api.list(resource, "", "").value_or(std::vector<Json>{})) {
        if (lead::is_claimed(found))
          names.push_back(std::string(resource.kind) + "/" + kube::key_of(found).name);
      }
    }
    return names;
  }
  std::set<kube::Key> concerned_by_what_is_there() {
    std::set<kube::Key> releases;
    for (const auto& resource : {kube::kServices, kube::kDestinationRules}) {
      for (const auto& found : world.api.list(resource, "shop", "").value_or(std::vector<Json>{})) {
        const kube::Change change{kube::key_of(found), {}, form_of(resource).terms(found)};
        for (const auto& release : concerned(world.stores, resource, change)) releases.insert(release);
      }
    }
    return releases;
  }
  std::vector<std::string> owned() {
    std::vector<std::string> names;
    const auto uid = kube::metadata_text(object(kube::kCanaries, "checkout-v2"), "uid");
    for (const auto& resource : {kube::kDestinationRules, kube::kServices}) {
      for (const auto& found : world.api.list(resource, "", "").value_or(std::vector<Json>{})) {
        if (routing::is_made_by(found, uid)) names.push_back(kube::key_of(found).name);
      }
    }
    return names;
  }
};

class FenceTest : public ::testing::Test, protected Cluster {
 protected:
  FenceTest() { fill(); }
  static std::function<bool(offline::Verb, const kube::Resource&, const Json&)> route_to(int weight) {
    return [weight](offline::Verb, const kube::Resource& resource, const Json& after) {
      if (resource != kube::kVirtualServices) return false;
      const auto& route = after["spec"]["http"][0]["route"];
      return route.size() == 2 && route[1]["weight"] == weight;
    };
  }
  bool gone_astray() const { return late.lost.has_value(); }
};

TEST_F(FenceTest, a_weight_sent_by_a_dead_leader_does_not_land_on_a_rollback) {
  late.astray = route_to(10);
  run(*process(), [this] { return gone_astray(); });
  ASSERT_TRUE(at_weight(10));
  const auto second = process();
  request_rollback();
  (void)second->reconcile(key);
  EXPECT_THAT(claims, ElementsAre("Canary/checkout-v2", "VirtualService/checkout",
                                  "DestinationRule/checkout-weir", "Service/checkout"));
  run(*second, [this] { return phase() == "RollingBack"; });
  EXPECT_EQ(late.land().error().code, kube::Code::Conflict);
  EXPECT_EQ(weight(), 0);
  run(*second, [] { return false; });
  EXPECT_EQ(phase(), "Failed");
  EXPECT_THAT(marked(), IsEmpty());
}

TEST_F(FenceTest, a_weight_that_timed_out_does_not_land_on_a_rollback_of_the_same_process) {
  late.astray = route_to(10);
  const auto only = process();
  run(*only, [this] { return gone_astray(); });
  request_rollback();
  run(*only, [this] { return phase() == "RollingBack"; });
  EXPECT_THAT(claims, ElementsAre("VirtualService/checkout"));
  EXPECT_EQ(late.land().error().code, kube::Code::Conflict);
  run(*only, [] { return false; });
  EXPECT_EQ(phase(), "Failed");
  EXPECT_THAT(marked(), IsEmpty());
}

TEST_F(FenceTest, time_in_which_nobody_led_is_not_the_releases_fault) {
  const auto only = process();
  run(*only, [this] { return at_weight(10); });
  term = std::nullopt;
  world.clock.advance(std::chrono::seconds(2'000));
  term = 1;
  for (int round = 0; round < 5; ++round) (void)only->reconcile(key);
  EXPECT_EQ(phase(), "Progressing") << "the same process leads again, in another term";
}

TEST_F(FenceTest, every_kind_of_missing_answer_is_one) {
  for (const auto code :
       {kube::Code::Timeout, kube::Code::Unavailable, kube::Code::BadAnswer, kube::Code::Cancelled}) {
    Cluster cluster;
    cluster.fill();
    cluster.late.code = code;
    cluster.late.astray = route_to(10);
    const auto only = cluster.process();
    cluster.run(*only, [&] { return !cluster.claims.empty(); });
    EXPECT_THAT(cluster.claims, ElementsAre("VirtualService/checkout"));
  }
}

TEST_F(FenceTest, a_refused_write_needs_no_claim) {
  late.code = kube::Code::TooManyRequests;
  late.astray = route_to(10);
  run(*process(), [] { return false; });
  EXPECT_EQ(phase(), "Succeeded");
  EXPECT_THAT(claims, IsEmpty());
}

TEST_F(FenceTest, a_write_that_was_carried_out_without_an_answer_needs_no_claim) {
  late.at_once = true;
  late.astray = route_to(10);
  run(*process(), [] { return false; });
  EXPECT_EQ(phase(), "Succeeded");
  EXPECT_THAT(claims, IsEmpty());
}

TEST_F(FenceTest, an_ordinary_release_marks_no_object_of_the_user) {
  bool seen = false;
  const auto only = process();
  run(*only, [&] {
    seen = seen || !marked().empty();
    return false;
  });
  EXPECT_EQ(phase(), "Succeeded");
  EXPECT_FALSE(seen);
  EXPECT_THAT(claims, IsEmpty());
}

TEST_F(FenceTest, a_release_that_still_waits_is_not_taken_over) {
  Json candidate = object(kube::kDeployments, "checkout-v2");
  world.api.erase(kube::kDeployments, {"shop", "checkout-v2"});
  (void)process()->reconcile(key);
  ASSERT_EQ(phase(), "Pending");
  candidate["metadata"] = {{"name", "checkout-v2"}, {"namespace", "shop"}};
  world.api.put(kube::kDeployments, candidate);
  run(*process(), [] { return false; });
  EXPECT_EQ(phase(), "Succeeded");
  EXPECT_THAT(claims, IsEmpty());
}

TEST_F(FenceTest, a_takeover_claims_each_object_once) {
  run(*process(), [this] { return at_weight(10); });
  const auto second = process();
  run(*second, [] { return false; });
  EXPECT_EQ(phase(), "Succeeded");
  EXPECT_EQ(claims.size(), 4U);
  EXPECT_THAT(marked(), IsEmpty());
  EXPECT_FALSE(lead::is_claimed(object(kube::kCanaries, "checkout-v2")));
}

TEST_F(FenceTest, workloads_are_claimed_where_they_may_have_been_written) {
  run(*process(), [this] { return phase() == "Finalizing"; });
  (void)process()->reconcile(key);
  EXPECT_THAT(claims, Contains("Deployment/checkout-v1"));
  EXPECT_THAT(claims, Contains("Deployment/checkout-v2"));
  EXPECT_THAT(claims, Contains("Service/checkout-v1"));
}

TEST_F(FenceTest, whoever_takes_over_by_an_old_reading_of_the_canary_marks_nothing_else) {
  const auto first = process();
  run(*first, [this] { return at_weight(10); });
  const auto old = world.stores.canaries.get(key).value();
  run(*first, [] { return false; });
  const auto second = process();
  (void)world.stores.canaries.replace({*old.object}, world.clock.steady());
  (void)second->reconcile(key);
  EXPECT_THAT(claims, ElementsAre("Canary/checkout-v2")) << "which is refused";
  EXPECT_THAT(marked(), IsEmpty());
}

TEST_F(FenceTest, a_new_term_of_the_same_process_is_a_takeover_too) {
  const auto only = process();
  run(*only, [this] { return at_weight(10); });
  term = 4;
  (void)only->reconcile(key);
  EXPECT_EQ(claims.size(), 4U);
  EXPECT_EQ(object(kube::kVirtualServices, "checkout")["metadata"]["annotations"]["weir.dev/epoch"],
            "4000000");
  (void)process()->reconcile(key);
  EXPECT_EQ(object(kube::kVirtualServices, "checkout")["metadata"]["annotations"]["weir.dev/epoch"],
            "4000001");
}

TEST_F(FenceTest, a_claim_without_an_answer_is_made_again_before_anything_else) {
  run(*process(), [this] { return at_weight(10); });
  const auto second = process();
  late.astray = [](offline::Verb, const kube::Resource& resource, const Json& after) {
    return resource == kube::kServices && lead::is_claimed(after);
  };
  const auto round = second->reconcile(key);
  ASSERT_TRUE(round.error);
  EXPECT_EQ(round.error->code, kube::Code::Timeout);
  claims.clear();
  (void)second->reconcile(key);
  EXPECT_THAT(claims, ElementsAre("Service/checkout"));
  EXPECT_EQ(late.land().error().code, kube::Code::Conflict);
}

TEST_F(FenceTest, an_object_that_came_unseen_is_claimed_when_it_appears) {
  run(*process(), [this] { return at_weight(10); });
  const auto second = process();
  // The second's cache lags behind: it does not have the VirtualService yet.
  const auto route = world.stores.of(kube::kVirtualServices)->list("shop");
  (void)world.stores.of(kube::kVirtualServices)->replace({}, world.clock.steady());
  (void)second->reconcile(key);
  EXPECT_THAT(claims, Not(Contains("VirtualService/checkout")));
  (void)world.stores.of(kube::kVirtualServices)->replace({*route.front().object}, world.clock.steady());
  (void)second->reconcile(key);
  EXPECT_THAT(claims, Contains("VirtualService/checkout"));
}

TEST_F(FenceTest, who_does_not_lead_writes_nothing) {
  const auto only = process();
  run(*only, [this] { return at_weight(10); });
  const int before = late.writes;
  term.reset();
  request_rollback();
  const auto round = only->reconcile(key);
  ASSERT_TRUE(round.error);
  EXPECT_EQ(round.error->code, kube::Code::Cancelled);
  EXPECT_EQ(late.writes, before);
  EXPECT_EQ(urgent.writes, 0);
}

TEST_F(FenceTest, who_sees_a_claim_of_a_later_term_writes_nothing_until_its_lease_is_renewed) {
  const auto first = process();
  run(*first, [this] { return at_weight(10); });
  term = 3;
  (void)process()->reconcile(key);  // another process takes over
  term = 0;
  const int before = late.writes;
  const auto round = first->reconcile(key);
  EXPECT_THAT(round.error.value().message, HasSubstr("another operator has taken it over"));
  EXPECT_EQ(first->reconcile(key).error.value().code, kube::Code::Cancelled);
  EXPECT_EQ(late.writes, before);
  // It leads after all: the Lease was made anew, and counts its terms from the start.
  renewed_at += std::chrono::seconds(2);
  EXPECT_FALSE(first->reconcile(key).error);
}

// Found by the simulation: nothing is lead::claimed in Pending, and a leader whose machine had stood still
// began.
TEST_F(FenceTest, who_sees_a_status_of_a_later_term_begins_nothing_until_its_lease_is_renewed) {
  const Json candidate = object(kube::kDeployments, "checkout-v2");
  world.api.erase(kube::kDeployments, {"shop", "checkout-v2"});
  const auto first = process();
  (void)first->reconcile(key);
  EXPECT_EQ(status()["leaderTerm"], 0);
  term = 3;
  Json canary = object(kube::kCanaries, "checkout-v2");
  canary["status"]["message"] = "";
  world.api.put(kube::kCanaries, canary);
  (void)process()->reconcile(key);  // another process leads, and has nothing to claim
  EXPECT_EQ(status()["leaderTerm"], 3);
  EXPECT_THAT(claims, IsEmpty());
  world.api.put(kube::kDeployments, {{"metadata", {{"name", "checkout-v2"}, {"namespace", "shop"}}},
                                     {"spec", candidate["spec"]}});
  term = 0;
  const int before = late.writes;
  EXPECT_EQ(first->reconcile(key).error.value().code, kube::Code::Cancelled);
  EXPECT_EQ(late.writes, before);
  renewed_at += std::chrono::seconds(2);
  EXPECT_FALSE(first->reconcile(key).error);
  EXPECT_GT(late.writes, before);
}

TEST_F(FenceTest, an_elected_leader_signs_the_canary_that_it_begins_on) {
  term = 2;
  run(*process(), [this] { return at_weight(10); });
  EXPECT_EQ(object(kube::kCanaries, "checkout-v2")["metadata"]["annotations"]["weir.dev/epoch"], "2000000");
  EXPECT_THAT(marked(), IsEmpty());
}

TEST_F(FenceTest, who_is_deposed_between_status_and_route_writes_no_route) {
  late.astray = [this](offline::Verb, const kube::Resource& resource, const Json& after) {
    const Json status = after.value("status", Json::object());
    if (resource == kube::kCanaries && status.value("canaryWeight", 0) == 10) term.reset();
    return false;
  };
  const auto only = process();
  run(*only, [this] { return !term; });
  EXPECT_TRUE(at_weight(10));
  EXPECT_EQ(weight(), 0);
  EXPECT_THAT(only->reconcile(key).error.value().message, HasSubstr("does not lead"));
}

TEST_F(FenceTest, a_rollback_goes_through_the_urgent_api_and_nothing_else_does) {
  analyst.judge = [](const Question&) { return strategies::Outcome::Fail; };
  const auto only = process();
  run(*only, [this] { return status().value("failedChecks", 0) == 1; });
  EXPECT_EQ(urgent.writes + urgent.reads, 0);
  const int before = late.writes;
  run(*only, [this] { return phase() == "Failed"; });
  EXPECT_GT(urgent.writes, 3);
  EXPECT_GT(urgent.reads, 0);
  EXPECT_EQ(late.writes, before + 1);  // the status of the end
}

// Every write of a release, sent by a process that dies before it is answered; another one goes on. The write
// must not land once that one has taken over, and one that lands before, or makes an object, must be lived
// with.
enum class Landing { BeforeTheTakeover, AfterIt, AtTheEnd };

// Says whether there was such a write.
bool play(int number, Landing landing, bool roll_back) {
  SCOPED_TRACE("write " + std::to_string(number) + ", landing " + std::to_string(static_cast<int>(landing)) +
               (roll_back ? ", rolled back" : ""));
  Cluster cluster;
  cluster.fill();
  const auto original = cluster.object(kube::kVirtualServices, "checkout")["spec"];
  cluster.late.astray = [&](offline::Verb, const kube::Resource&, const Json&) {
    return cluster.late.writes == number;
  };
  cluster.run(*cluster.process(cluster.late, cluster.late), [&] { return cluster.late.lost.has_value(); });
  if (!cluster.late.lost) return false;
  const bool creation = *cluster.late.lost == offline::Verb::Create;
  if (landing == Landing::AtTheEnd && !creation) return true;  // nothing to land on, or refused long before
  if (landing == Landing::BeforeTheTakeover) {
    EXPECT_TRUE(cluster.late.land());
  }
  const auto phase = cluster.phase();
  const bool running = !phase.empty() && phase != "Pending" && phase != "Succeeded";
  const auto second = cluster.process(cluster.world.api, cluster.world.api);
  if (roll_back) cluster.request_rollback();
  (void)second->reconcile(cluster.key);
  if (landing == Landing::AfterIt && running && !creation) {
    EXPECT_FALSE(cluster.late.land());
  }
  cluster.run(*second, [] { return false; });
  if (landing == Landing::AtTheEnd) {
    (void)cluster.late.land();
    // Nothing leads to it, and that must have lasted.
    for (int round = 0; round < 2; ++round) {
      for (const auto& release : cluster.concerned_by_what_is_there()) (void)second->reconcile(release);
      cluster.world.clock.advance(std::chrono::seconds(15));
    }
  }
  const bool promoted = !roll_back || phase == "Succeeded";
  EXPECT_EQ(cluster.phase(), promoted ? "Succeeded" : "Failed") << cluster.message();
  EXPECT_EQ(cluster.object(kube::kVirtualServices, "checkout")["spec"], original);
  EXPECT_EQ(cluster.object(kube::kServices, "checkout")["spec"]["selector"]["version"],
            promoted ? "v2" : "v1");
  EXPECT_THAT(cluster.marked(), IsEmpty());
  EXPECT_THAT(cluster.owned(), IsEmpty());
  return true;
}

TEST(LateWrites, of_every_write_of_a_release_do_no_harm) {
  int points = 0;
  for (const bool roll_back : {false, true}) {
    for (const auto landing : {Landing::BeforeTheTakeover, Landing::AfterIt, Landing::AtTheEnd}) {
      for (int number = 1; play(number, landing, roll_back); ++number) ++points;
    }
  }
  RecordProperty("late_writes", points);
  EXPECT_GT(points, 140);
}

TEST_F(FenceTest, what_a_finished_release_made_late_is_removed_and_nothing_of_another_is) {
  const auto only = process();
  run(*only, [] { return false; });
  ASSERT_EQ(phase(), "Succeeded");
  const auto canary = canary::parse(object(kube::kCanaries, "checkout-v2"));
  ASSERT_TRUE(canary);
  auto of_another = *canary;
  of_another.uid = "another";
  const auto make = [&](const kube::Resource& resource, const std::string& name,
                        const canary::Canary& owner) {
    Json made{{"metadata", {{"name", name}, {"namespace", "shop"}}},
              {"spec", {{"host", "checkout"}, {"ports", Json::array()}}}};
    routing::sign(made, maker(owner));
    world.api.put(resource, std::move(made));
  };
  make(kube::kServices, "checkout-v1", *canary);
  make(kube::kDestinationRules, "checkout-weir", *canary);
  make(kube::kServices, "checkout-v3", of_another);
  EXPECT_THAT(concerned_by_what_is_there(), ElementsAre(key, orphans_of({"shop", "checkout"})));
  EXPECT_FALSE(only->reconcile(key).wrote) << "a proxy may still have a route to it";
  world.clock.advance(std::chrono::seconds(15));
  EXPECT_TRUE(only->reconcile(key).wrote);
  EXPECT_THAT(owned(), IsEmpty());
  EXPECT_FALSE(object(kube::kServices, "checkout-v3").is_null());
  EXPECT_FALSE(only->reconcile(key).wrote);
}

}  // namespace
}  // namespace weir::reconcile
