#include <gmock/gmock.h>

#include <limits>

#include "operator/base/time.h"
#include "support.h"

namespace weir::canary {
namespace {

strategies::TimePoint at(std::string_view text) { return base::parse_time(text).value(); }

strategies::Status full_status() {
  strategies::Status status;
  status.observed_generation = 4;
  status.phase = strategies::Phase::RollingBack;
  status.canary_weight = *strategies::Weight::of(30);
  status.step = 3;
  status.steps = 6;
  status.checks_in_step = 2;
  status.iterations = 1;
  status.failed_checks = 1;
  status.target = "checkout-v2";
  status.stable = {"checkout-v1", "v1", 3, 3, "0123"};
  status.candidate = {"checkout-v2", "v2", 3, 2, "4567"};
  status.identity = {.service = "checkout",
                     .router = "istio",
                     .version_label = "version",
                     .mode = strategies::ServiceMode::Dedicated,
                     .router_settings = R"({"destinationRule":"checkout"})",
                     .stable_version = "v1",
                     .candidate_version = "v2",
                     .cluster_domain = "cluster.local"};
  status.started_at = at("2026-11-24T11:00:00.001Z");
  status.step_started_at = at("2026-11-24T11:01:00Z");
  status.last_transition_time = at("2026-11-24T11:02:00Z");
  status.last_progress_at = at("2026-11-24T11:03:00Z");
  status.breaker_tripped_at = at("2026-11-24T11:04:00Z");
  status.drifts = 2;
  status.dead_intervals = 1;
  status.rollback_reason = "AnalysisFailed";
  status.successor = "checkout-v3";
  status.message = "p99 612 ms > 500 ms (3 of 5 failed checks)";
  status.checks = {
      {.name = "request-duration",
       .outcome = strategies::Outcome::Fail,
       .reason = "OutOfRange",
       .value = 612.25,
       .min = {},
       .max = 500,
       .stable = 80,
       .samples = 4000,
       .message = "p99 612 ms > 500 ms",
       .time = at("2026-11-24T11:05:00.250Z")},
      {.name = "request-success-rate", .reason = "NoData", .min = 99, .time = at("2026-11-24T11:05:00Z")}};
  status.routes = {{"checkout", "http[0]/route[0]", R"({"destination":{"host":"checkout"}})"}};
  status.history = {{.sequence = 7,
                     .phase = strategies::Phase::Progressing,
                     .weight = 30,
                     .reason = "Step",
                     .message = "step 3/6",
                     .time = at("2026-11-24T11:01:00Z")}};
  status.conditions = {{.type = "Promoted",
                        .status = strategies::ConditionStatus::False,
                        .reason = "AnalysisFailed",
                        .message = "taken back",
                        .observed_generation = 4,
                        .last_transition_time = at("2026-11-24T11:05:00Z")}};
  return status;
}

TEST(Status, comes_back_as_it_was) {
  EXPECT_EQ(status_from(to_json(full_status(), {})), full_status());
  EXPECT_EQ(status_from(to_json({}, {})), strategies::Status{});
}

TEST(Status, comes_back_through_text) {
  EXPECT_EQ(status_from(Json::parse(to_json(full_status(), {}).dump())), full_status());
}

TEST(Status, is_the_same_json_after_a_reading) {
  const auto json = to_json(full_status(), {});
  EXPECT_EQ(to_json(status_from(json), {}), json);
}

TEST(Status, says_step_and_strategy_for_people) {
  strategies::Spec spec;
  spec.program = strategies::stepwise({*strategies::Weight::of(10), *strategies::Weight::of(50)},
                                      {strategies::Weight::all()});
  EXPECT_EQ(to_json(full_status(), spec).at("step"), "3/6");
  EXPECT_EQ(to_json(full_status(), spec).at("strategy"), "10,50 %");
  spec.skip_analysis = true;
  EXPECT_EQ(to_json(full_status(), spec).at("strategy"), "no analysis");
}

TEST(Status, has_the_columns_of_kubectl_get_from_the_beginning) {
  const auto json = to_json({}, {});
  for (const auto* name : {"phase", "canaryWeight", "step", "failedChecks"})
    EXPECT_TRUE(json.contains(name)) << name;
}

TEST(Status, leaves_out_values_that_json_does_not_have) {
  auto status = full_status();
  status.checks[0].value = std::numeric_limits<double>::quiet_NaN();
  status.checks[0].samples = std::numeric_limits<double>::infinity();
  const auto check = to_json(status, {}).at("checks").at(0);
  EXPECT_FALSE(check.contains("value"));
  EXPECT_FALSE(check.contains("samples"));
}

TEST(Status, that_somebody_spoilt_is_read_as_far_as_it_goes) {
  const auto spoilt = Json::parse(R"({"phase": 7, "canaryWeight": 400, "step": "x/y", "failedChecks": "two",
    "stable": [], "startedAt": "yesterday", "checks": {"a": 1}, "history": ["text", {"sequence": 3}],
    "conditions": [{"type": "Promoted", "status": "Perhaps"}], "message": "still here", "unheardOf": 1})");
  const auto status = status_from(spoilt);
  EXPECT_EQ(status.phase, strategies::Phase::Pending);
  EXPECT_EQ(status.canary_weight, strategies::Weight::none());
  EXPECT_EQ(status.step, 0);
  EXPECT_EQ(status.message, "still here");
  ASSERT_EQ(status.history.size(), 2U);
  EXPECT_EQ(status.history[1].sequence, 3);
  EXPECT_EQ(status.conditions.at(0).status, strategies::ConditionStatus::Unknown);
  EXPECT_EQ(status_from(Json("text")), strategies::Status{});
  EXPECT_EQ(status_from(Json()), strategies::Status{});
}

TEST(Status, has_only_counts_that_can_be_counted_on) {
  const auto spoilt = Json::parse(R"({"step": "-3/2147483647", "failedChecks": 2147483647, "checksInStep": -1,
    "drifts": 9223372036854775807, "history": [{"sequence": 9223372036854775807, "weight": -5}]})");
  const auto status = status_from(spoilt);
  EXPECT_EQ(status.step, 0);
  for (const auto count : {status.steps, status.failed_checks, status.drifts})
    EXPECT_LT(count, std::numeric_limits<int>::max());
  EXPECT_EQ(status.checks_in_step, 0);
  EXPECT_LT(status.history.at(0).sequence, std::numeric_limits<int>::max());
  EXPECT_EQ(status.history.at(0).weight, 0);
  EXPECT_EQ(status_from(to_json(status, {})), status);
}

}  // namespace
}  // namespace weir::canary
