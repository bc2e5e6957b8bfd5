// The operator's own metrics, by the names that Flagger's users know where the meaning is the same.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "strategies/plan.h"

namespace weir::report {

using Duration = std::chrono::duration<double>;

// One release as the metrics show it.
struct CanaryFigures {
  std::string name_space;
  std::string name;
  std::string target;  // candidate's workload
  std::string stable;  // stable's workload; empty: not known yet
  strategies::Phase phase = strategies::Phase::Pending;
  strategies::Weight weight;  // of the candidate
  bool undone = false;        // it was promoted, and its Service leads to no ready pod
};

// | metric | labels | |
// |---|---|---|
// | weir_info | version | 1 |
// | weir_leader | | 1: this replica decides |
// | weir_shards | state | shards of the releases that this replica has: held, leaving |
// | weir_canary_total | namespace | Canaries that exist |
// | weir_canary_status | name, namespace | 0 running, 1 succeeded, 2 failed (taken back, or on the way) |
// | weir_release_undone | name, namespace | 1: promoted, and its Service leads to no ready pod; else absent |
// | weir_canary_weight | workload, namespace | per cent of traffic of candidate and stable |
// | weir_canary_metric_analysis | metric, name, namespace | last value of a check |
// | weir_canary_duration_seconds | namespace | of finished releases |
// | weir_canary_successes_total, weir_canary_failures_total | namespace | releases promoted, taken back |
// | weir_checks_total | outcome | checks judged: pass, fail, inconclusive |
// | weir_step_lateness_seconds | | how late a decision came after it was due |
// | weir_reconcile_total | result | rounds: success, error |
// | weir_reconcile_duration_seconds | | |
// | weir_queue_depth | | releases that wait for a round |
// | weir_api_requests_total | verb, resource, code | code 0: no answer |
// | weir_api_request_duration_seconds | verb | |
// | weir_prometheus_queries_total | result | success, error |
// | weir_prometheus_query_duration_seconds | | |
//
// Thread-safe.
class Metrics {
 public:
  explicit Metrics(std::string_view version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // A Canary that exists; again whenever its figures change. A workload that several releases name shows the
  // weight of the one that is still running.
  void set_canary(const CanaryFigures& figures);
  // It is gone: all of its series go.
  void forget_canary(std::string_view name_space, std::string_view name);
  // `outcome` and, where there is one, the value of a check of a release that set_canary has named.
  void count_check(std::string_view name_space, std::string_view name, const strategies::Check& check);
  // A release came to its end, `took` after it started.
  void count_release(std::string_view name_space, bool succeeded, Duration took);

  void count_reconcile(bool succeeded, Duration took);
  void observe_step_lateness(Duration late);
  void set_queue_depth(std::size_t depth);
  void set_leader(bool leading);
  // With sharding only.
  void set_shards(int held, int leaving);
  // `code` is of HTTP, 0 without an answer.
  void count_api_request(std::string_view verb, std::string_view resource, int code, Duration took);
  void count_prometheus_query(bool succeeded, Duration took);

  // All of it in Prometheus' text format.
  [[nodiscard]] std::string text() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace weir::report
