// A release that was promoted, and a Service that somebody writes to afterwards.
#include "strategies/standing.h"

#include <gmock/gmock.h>

#include "test/unit/strategies/world.h"

namespace weir::strategies {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kGuarded = "Succeeded: let the Service select the candidate";

// A release that is over, whose Service somebody writes to.
class Afterwards : public ::testing::Test {
 protected:
  Afterwards() {
    world.run();
    after = world.release.status;
    world.events.clear();
    world.writes.clear();
  }

  void stands(LeadsTo leads_to, const std::string& selected, const std::string& manager = "helm") {
    world.seen.standing = Standing{.leads_to = leads_to,
                                   .selected = selected,
                                   .changed_by = manager,
                                   .candidate_ready = true,
                                   .age = Seconds{60}};
    world.round();
  }
  // The selector is as the release has left it, and the candidate's pod template has this version.
  void departs(LeadsTo leads_to, const std::string& version) {
    world.seen.candidate->version = version;
    world.seen.standing = Standing{
        .leads_to = leads_to, .selected = "v2", .changed_by = std::string(kFieldManager), .age = Seconds{60}};
    world.round();
  }
  [[nodiscard]] const Condition& promoted() const {
    return *std::ranges::find(world.release.status.conditions, "Promoted", &Condition::type);
  }
  [[nodiscard]] std::vector<std::string> told() const {
    std::vector<std::string> reasons;
    for (const auto& event : world.events) reasons.push_back(event.reason);
    return reasons;
  }
  void guard() { world.release.spec.guard_after_promotion = true; }

  World world;
  Status after;  // as the release has left it
};

TEST_F(Afterwards, a_selector_that_leads_to_no_ready_pod_is_said_with_its_writer_and_the_remedy) {
  stands(LeadsTo::Nobody, "v1");
  EXPECT_EQ(promoted().status, ConditionStatus::False);
  EXPECT_EQ(promoted().reason, "Undone");
  EXPECT_EQ(
      promoted().message,
      "spec.selector of Service checkout has version=v1, written by field manager \"helm\", and leads to "
      "no ready pod; checkout-v2 was promoted: set version: v2 there, and in the manifests that it is "
      "applied from");
  EXPECT_EQ(world.release.status.message, promoted().message);
  EXPECT_EQ(world.phase(), Phase::Succeeded);
  ASSERT_THAT(told(), ElementsAre("Undone"));
  EXPECT_EQ(world.events.front().severity, Severity::Warning);
  EXPECT_TRUE(is_undone(world.release.status));
  EXPECT_THAT(world.writes, IsEmpty());
}

TEST_F(Afterwards, it_is_said_once_and_looked_at_again) {
  stands(LeadsTo::Nobody, "v1");
  const auto before = world.now;
  ASSERT_TRUE(world.wait());
  EXPECT_EQ(world.now - before, Seconds{15});
  EXPECT_FALSE(world.round());
  EXPECT_THAT(told(), ElementsAre("Undone"));
}

TEST_F(Afterwards, who_wrote_the_selector_stays_named_until_it_has_another_value) {
  stands(LeadsTo::Nobody, "v1", "helm");
  stands(LeadsTo::Nobody, "v1", "cloud-controller");
  EXPECT_THAT(promoted().message, HasSubstr("\"helm\""));
  EXPECT_THAT(told(), ElementsAre("Undone"));
  stands(LeadsTo::Nobody, "v0", "kubectl");
  EXPECT_THAT(promoted().message, HasSubstr("version=v0, written by field manager \"kubectl\""));
  EXPECT_THAT(told(), ElementsAre("Undone", "Undone"));
}

TEST_F(Afterwards, a_selector_that_leads_to_others_pods_supersedes_the_promotion) {
  stands(LeadsTo::Others, "v1");
  EXPECT_EQ(promoted().status, ConditionStatus::True);
  EXPECT_EQ(promoted().reason, "Superseded");
  EXPECT_THAT(world.release.status.message, HasSubstr("written by field manager \"helm\""));
  ASSERT_THAT(told(), ElementsAre("Superseded"));
  EXPECT_EQ(world.events.front().severity, Severity::Normal);
  EXPECT_FALSE(is_undone(world.release.status));
  EXPECT_FALSE(world.wait()) << "nothing is due until something changes";
}

TEST_F(Afterwards, pods_that_come_make_a_decision_of_what_was_undone) {
  stands(LeadsTo::Nobody, "v1");
  stands(LeadsTo::Others, "v1");
  EXPECT_EQ(promoted().reason, "Superseded");
  EXPECT_THAT(told(), ElementsAre("Undone", "Superseded"));
}

// Somebody went back to v1 on purpose: a restart of its pods is said, and gives nobody the candidate back.
TEST_F(Afterwards, a_decision_stays_one_when_its_pods_are_not_ready_any_more) {
  guard();
  stands(LeadsTo::Others, "v1");
  world.writes.clear();
  for (int round = 0; round < 3; ++round) stands(LeadsTo::Nobody, "v1");
  EXPECT_EQ(promoted().reason, "SupersededUnready");
  EXPECT_EQ(promoted().status, ConditionStatus::False);
  EXPECT_TRUE(is_undone(world.release.status));
  EXPECT_THAT(told(), ElementsAre("Superseded", "SupersededUnready"));
  EXPECT_EQ(world.events.back().severity, Severity::Warning);
  EXPECT_THAT(world.writes, IsEmpty());
  stands(LeadsTo::Others, "v1");
  EXPECT_EQ(promoted().reason, "Superseded");
  stands(LeadsTo::Nobody, "v0");
  EXPECT_EQ(promoted().reason, "Undone") << "another selector is another decision";
}

TEST_F(Afterwards, with_the_candidate_selected_again_all_is_as_after_the_success) {
  for (const auto was : {LeadsTo::Nobody, LeadsTo::Others}) {
    stands(was, "v1");
    world.pass(Seconds{30});
    stands(LeadsTo::Candidate, "v2");
    EXPECT_EQ(world.events.back().reason, "Restored");
    EXPECT_EQ(world.events.back().severity, Severity::Normal);
    auto& conditions = world.release.status.conditions;
    std::ranges::find(conditions, "Promoted", &Condition::type)->last_transition_time =
        std::ranges::find(after.conditions, "Promoted", &Condition::type)->last_transition_time;
    EXPECT_EQ(world.release.status, after);
  }
  EXPECT_FALSE(world.round());
}

TEST_F(Afterwards, nothing_is_said_while_the_candidate_is_selected_or_nothing_is_looked_at) {
  stands(LeadsTo::Candidate, "v2");
  world.seen.standing.reset();
  world.round();
  EXPECT_EQ(world.release.status, after);
  EXPECT_THAT(world.events, IsEmpty());
}

TEST_F(Afterwards, a_candidate_that_became_another_version_is_said_and_left_to_its_owner) {
  guard();
  departs(LeadsTo::Nobody, "v3");
  EXPECT_EQ(promoted().status, ConditionStatus::False);
  EXPECT_EQ(promoted().reason, "Undone");
  EXPECT_EQ(
      promoted().message,
      "spec.selector of Service checkout has version=v2, and leads to no ready pod: the pod template of "
      "checkout-v2 has version=v3 now, and this release knows it by version=v2: set it back, or let the "
      "selector match what serves");
  ASSERT_THAT(told(), ElementsAre("Undone"));
  EXPECT_EQ(world.events.front().severity, Severity::Warning);
  EXPECT_TRUE(is_undone(world.release.status));
  EXPECT_FALSE(world.round()) << "it is said once, and no guard writes";
  EXPECT_THAT(world.writes, IsEmpty());
}

TEST_F(Afterwards, a_candidate_that_was_relabelled_and_then_deleted_restores_nothing) {
  departs(LeadsTo::Nobody, "");
  EXPECT_THAT(promoted().message, HasSubstr("has no label version now"));
  world.seen.candidate.reset();
  EXPECT_FALSE(world.round());
  EXPECT_EQ(promoted().reason, "Undone");
}

TEST_F(Afterwards, pods_of_the_version_answer_until_the_relabelled_ones_have_taken_their_place) {
  departs(LeadsTo::Candidate, "v3");
  EXPECT_EQ(world.release.status, after);
  const auto before = world.now;
  ASSERT_TRUE(world.wait());
  EXPECT_EQ(world.now - before, Seconds{15});
  departs(LeadsTo::Nobody, "v3");
  EXPECT_EQ(promoted().reason, "Undone");
  departs(LeadsTo::Candidate, "v2");
  EXPECT_THAT(told(), ElementsAre("Undone", "Restored"));
  EXPECT_FALSE(world.wait()) << "nothing is due until something changes";
}

TEST_F(Afterwards, what_was_said_stays_while_nothing_can_be_looked_at) {
  stands(LeadsTo::Nobody, "v1");
  world.seen.standing.reset();
  world.round();
  EXPECT_EQ(promoted().reason, "Undone");
  EXPECT_TRUE(world.wait());
}

TEST_F(Afterwards, endpoints_have_time_to_follow_the_selector) {
  for (const auto leads_to : {LeadsTo::Others, LeadsTo::Nobody}) {
    world.seen.standing = Standing{.leads_to = leads_to, .selected = "v1", .age = Seconds{1}};
    EXPECT_FALSE(world.round());
    const auto before = world.now;
    ASSERT_TRUE(world.wait());
    EXPECT_EQ(world.now - before, Seconds{2});
  }
  EXPECT_EQ(world.release.status, after);
}

TEST_F(Afterwards, a_selector_without_the_version_is_named_so) {
  stands(LeadsTo::Others, "");
  EXPECT_THAT(promoted().message,
              HasSubstr("spec.selector of Service checkout has no key version, written by"));
}

TEST_F(Afterwards, an_undone_promotion_becomes_history_with_the_next_one) {
  stands(LeadsTo::Nobody, "v1");
  world.seen.standing = Standing{.leads_to = LeadsTo::Others, .successor = "checkout-v3"};
  world.round();
  EXPECT_EQ(promoted().reason, "Superseded");
  EXPECT_EQ(promoted().message, "Canary checkout-v3 was promoted to Service checkout after checkout-v2");
  EXPECT_EQ(world.release.status.successor, "checkout-v3");
  EXPECT_FALSE(is_undone(world.release.status));
}

TEST_F(Afterwards, the_next_promotion_is_noted_without_a_word) {
  world.seen.standing = Standing{.leads_to = LeadsTo::Others, .successor = "checkout-v3"};
  world.round();
  EXPECT_EQ(world.release.status.successor, "checkout-v3");
  world.release.status.successor.clear();
  EXPECT_EQ(world.release.status, after);
  EXPECT_THAT(world.events, IsEmpty());
  EXPECT_FALSE(world.wait()) << "nothing is due until something changes";
}

// Of a later release whose Canary went before anybody looked.
TEST_F(Afterwards, a_selector_that_a_release_wrote_is_nobodys_undoing) {
  guard();
  stands(LeadsTo::Nobody, "v3", "weir");
  stands(LeadsTo::Others, "v3", "weir");
  EXPECT_EQ(world.release.status, after);
  EXPECT_THAT(world.events, IsEmpty());
  EXPECT_THAT(world.writes, IsEmpty());
}

TEST_F(Afterwards, what_was_undone_is_history_once_a_later_release_has_written_the_selector) {
  stands(LeadsTo::Nobody, "v1");
  stands(LeadsTo::Nobody, "v3", "weir");
  EXPECT_EQ(promoted().reason, "Superseded");
  EXPECT_EQ(promoted().message,
            "spec.selector of Service checkout has version=v3, written by a later release");
  EXPECT_FALSE(is_undone(world.release.status));
  EXPECT_FALSE(world.wait());
}

TEST_F(Afterwards, a_release_that_was_taken_back_says_nothing) {
  World failed;
  failed.judge = [](const CheckRequest&) { return Outcome::Fail; };
  failed.run();
  ASSERT_EQ(failed.phase(), Phase::Failed);
  const auto before = failed.release.status;
  failed.seen.standing = Standing{.leads_to = LeadsTo::Nobody, .selected = "v2", .age = Seconds{60}};
  failed.round();
  EXPECT_EQ(failed.release.status, before);
}

TEST_F(Afterwards, one_that_is_deleted_or_whose_time_is_over_goes) {
  world.release.spec.ttl_after_finished = Seconds{60};
  world.pass(Seconds{60});
  stands(LeadsTo::Nobody, "v1");
  EXPECT_TRUE(world.gone);
  world.seen.deleting = true;
  world.round();
  EXPECT_THAT(world.events, IsEmpty());
}

TEST_F(Afterwards, its_time_to_live_goes_on_while_it_is_undone) {
  world.release.spec.ttl_after_finished = Seconds{600};
  stands(LeadsTo::Nobody, "v1");
  for (int i = 0; i < 100 && !world.gone && world.wait(); ++i) world.round();
  EXPECT_TRUE(world.gone);
}

TEST_F(Afterwards, another_target_begins_anew) {
  stands(LeadsTo::Nobody, "v1");
  world.release.spec.target.name = "checkout-v3";
  world.round();
  EXPECT_EQ(world.phase(), Phase::Pending);
  EXPECT_EQ(promoted().reason, "Running");
}

TEST_F(Afterwards, a_guarded_selector_is_moved_back_and_its_writer_named) {
  guard();
  stands(LeadsTo::Nobody, "v1");
  EXPECT_THAT(world.writes, ElementsAre(kGuarded));
  ASSERT_THAT(told(), ElementsAre("Undone", "Repaired"));
  EXPECT_THAT(
      world.events.back().message,
      HasSubstr("has version=v1, written by field manager \"helm\", and leads to no ready pod: put back to "
                "version=v2"));
  stands(LeadsTo::Candidate, "v2");
  EXPECT_EQ(promoted().reason, "Promoted");
  EXPECT_EQ(world.writes.size(), 1U);
}

TEST_F(Afterwards, a_guarded_selector_waits_for_ready_pods_of_the_candidate) {
  guard();
  world.seen.standing = Standing{.leads_to = LeadsTo::Nobody, .selected = "v1", .age = Seconds{60}};
  world.round();
  EXPECT_THAT(world.writes, IsEmpty());
  EXPECT_TRUE(is_undone(world.release.status));
  ASSERT_TRUE(world.wait());
  world.seen.standing->candidate_ready = true;
  world.round();
  EXPECT_THAT(world.writes, ElementsAre(kGuarded));
}

TEST_F(Afterwards, a_guarded_selector_that_leads_to_others_is_left_alone) {
  guard();
  stands(LeadsTo::Others, "v1");
  EXPECT_THAT(world.writes, IsEmpty());
}

// As a tool does that applies the old manifests every second.
TEST_F(Afterwards, the_guard_has_ever_less_haste_with_who_keeps_writing) {
  guard();
  std::vector<TimePoint> repairs;
  for (const auto end = world.now + Seconds{600}; world.now < end;) {
    const auto before = world.writes.size();
    stands(LeadsTo::Nobody, "v1", "argocd-controller");
    if (world.writes.size() > before) {
      repairs.push_back(world.now);
      stands(LeadsTo::Candidate, "v2");
    }
    world.pass(Seconds{1});
  }
  ASSERT_GT(repairs.size(), 5U);
  EXPECT_LT(repairs.size(), 20U);
  EXPECT_LE(repairs[2] - repairs[0], Seconds{3});
  EXPECT_GE(repairs.back() - repairs[repairs.size() - 2], Seconds{60});
  // Who has kept still for long is met as the first time.
  world.pass(Seconds{700});
  stands(LeadsTo::Nobody, "v1");
  EXPECT_EQ(world.release.status.drifts, 1);
}

}  // namespace
}  // namespace weir::strategies
