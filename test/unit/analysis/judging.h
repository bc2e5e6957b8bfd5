// A judge whose Prometheus answers as it is told to, for tests of what it makes of the answers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analysis/judge.h"
#include "test/unit/analysis/scripted_prometheus.h"

namespace weir::analysis {

inline constexpr const char* kRequests = "istio_requests_total";
inline constexpr const char* kBuckets = "istio_request_duration_milliseconds_bucket";
inline constexpr const char* kScrapes = "count_over_time";
inline const TimePoint kNow{std::chrono::milliseconds{1'700'000'000'250}};

class Judging : public testing::Test {
 protected:
  static Metric success_rate() { return {.name = "request-success-rate", .range = {.min = 99}}; }
  static Metric latency() { return {.name = "request-duration", .range = {.max = 500}}; }
  static Metric custom() {
    return {.name = "queue", .query = "queue_length{app=\"{{ target }}\"}", .range = {.max = 10}};
  }

  void requests_are(const std::vector<Point>& points) {
    prometheus_.answers(kRequests, vector_answer(points));
    prometheus_.answers(kScrapes, vector_answer({{{}, "120"}}));
  }
  void scraped_every(int seconds) {
    prometheus_.answers(kScrapes, vector_answer({{{}, std::to_string(120 / seconds)}}));
  }

  Judgement judge(const std::vector<Metric>& metrics) {
    return judge_->judge({.metrics = metrics, .subject = subject_, .window = window_});
  }
  Check check(const Metric& metric) { return judge({metric}).checks.at(0); }

  ScriptedPrometheus prometheus_;
  std::unique_ptr<Judge> judge_ = make_prometheus_judge("http://prometheus:9090", prometheus_.fetch());
  Subject subject_{.name_space = "shop",
                   .name = "checkout-v2",
                   .target = "checkout-v2",
                   .stable = "checkout-v1",
                   .service = "checkout",
                   .weight = 10};
  Window window_{.end = kNow, .length = Seconds{30}};
};

}  // namespace weir::analysis
