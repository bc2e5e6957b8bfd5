#include "operator/report/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <utility>

namespace weir::report {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;
template <typename T>
using Family = prometheus::Family<T>;

// Upper bounds, in seconds.
const Buckets kRequestBuckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
const Buckets kLatenessBuckets{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
const Buckets kReleaseBuckets{30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400};

// Namespace and name, of a Canary or a workload.
using Key = std::pair<std::string, std::string>;

enum class CanaryState { Running = 0, Succeeded = 1, Failed = 2 };

CanaryState state_of(strategies::Phase phase) {
  switch (phase) {
    case strategies::Phase::Pending:
    case strategies::Phase::Initializing:
    case strategies::Phase::Progressing:
    case strategies::Phase::Promoting:
    case strategies::Phase::Finalizing:
      return CanaryState::Running;
    case strategies::Phase::Succeeded:
      return CanaryState::Succeeded;
    case strategies::Phase::RollingBack:
    case strategies::Phase::Failed:
      return CanaryState::Failed;
  }
  return CanaryState::Running;
}

// Which of two releases knows the weight of a workload that both name: the one that moves traffic, else the
// one that did, else the one that waits to.
int authority(strategies::Phase phase) {
  if (phase == strategies::Phase::Pending) return 0;
  return strategies::is_final(phase) ? 1 : 2;
}

const char* result_label(bool succeeded) { return succeeded ? "success" : "error"; }

const char* outcome_label(strategies::Outcome outcome) {
  switch (outcome) {
    case strategies::Outcome::Pass:
      return "pass";
    case strategies::Outcome::Fail:
      return "fail";
    case strategies::Outcome::Inconclusive:
      return "inconclusive";
  }
  return "inconclusive";
}

struct Tracked {
  Gauge* status = nullptr;
  Gauge* undone = nullptr;  // null: it is not
  strategies::Phase phase = strategies::Phase::Pending;
  std::map<std::string, Gauge*> checks;  // by metric
  std::set<std::string> workloads;       // whose weight it shows
};

struct ShownWeight {
  Key canary;  // that it is of
  Gauge* gauge = nullptr;
};

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;

  Family<Gauge>& gauges(const char* name, const char* help) {
    return BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Counter>& counters(const char* name, const char* help) {
    return BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histograms(const char* name, const char* help) {
    return BuildHistogram().Name(name).Help(help).Register(registry);
  }

  Family<Gauge>& info = gauges("weir_info", "Version of the operator.");
  Gauge& leader = gauges("weir_leader", "1 if this replica decides.").Add({});
  Family<Gauge>& shards = gauges("weir_shards", "Shards of the releases that this replica has.");
  Family<Gauge>& total = gauges("weir_canary_total", "Canaries that exist.");
  Family<Gauge>& status =
      gauges("weir_canary_status", "0: running, 1: succeeded, 2: failed or being taken back.");
  Family<Gauge>& undone =
      gauges("weir_release_undone", "1: promoted, and the Service's selector leads to no ready pod.");
  Family<Gauge>& weight =
      gauges("weir_canary_weight", "Traffic that a workload of a release gets, in per cent.");
  Family<Gauge>& analysis =
      gauges("weir_canary_metric_analysis", "Last value of a metric of a release's analysis.");
  Family<Histogram>& duration =
      histograms("weir_canary_duration_seconds", "Time from the start of a release to its end.");
  Family<Counter>& successes = counters("weir_canary_successes_total", "Releases promoted.");
  Family<Counter>& failures = counters("weir_canary_failures_total", "Releases taken back.");
  Family<Counter>& checks = counters("weir_checks_total", "Checks judged.");
  Histogram& lateness =
      histograms("weir_step_lateness_seconds", "How long after it was due a decision of a release came.")
          .Add({}, kLatenessBuckets);
  Family<Counter>& reconciles = counters("weir_reconcile_total", "Rounds of observing, deciding and acting.");
  Histogram& reconcile_duration =
      histograms("weir_reconcile_duration_seconds", "Time of one round.").Add({}, kRequestBuckets);
  Gauge& queue_depth = gauges("weir_queue_depth", "Releases that wait for a round.").Add({});
  Family<Counter>& api_requests =
      counters("weir_api_requests_total", "Requests to the API server; code 0: no answer.");
  Family<Histogram>& api_duration =
      histograms("weir_api_request_duration_seconds", "Time of one request to the API server.");
  Family<Counter>& queries = counters("weir_prometheus_queries_total", "Queries that Prometheus was asked.");
  Histogram& query_duration =
      histograms("weir_prometheus_query_duration_seconds", "Time of one query of Prometheus.")
          .Add({}, kRequestBuckets);

  std::mutex mutex;  // guards what follows
  std::map<Key, Tracked> canaries;
  std::map<Key, ShownWeight> weights;    // by workload
  std::map<std::string, Gauge*> totals;  // by namespace

  Tracked& track(const Key& canary);
  void show_undone(const Key& canary, Tracked& tracked, bool is_undone);
  void show_weight(const Key& canary, const std::string& workload, strategies::Weight share);
  void drop_weights(const Key& canary, const std::string& keep, const std::string& keep_too);
};

Tracked& Metrics::Families::track(const Key& canary) {
  const auto [entry, added] = canaries.try_emplace(canary);
  if (added) {
    entry->second.status = &status.Add({{"name", canary.second}, {"namespace", canary.first}});
    auto& count = totals[canary.first];
    if (count == nullptr) count = &total.Add({{"namespace", canary.first}});
    count->Increment();
  }
  return entry->second;
}

void Metrics::Families::show_undone(const Key& canary, Tracked& tracked, bool is_undone) {
  if (is_undone == (tracked.undone != nullptr)) return;
  if (is_undone) {
    tracked.undone = &undone.Add({{"name", canary.second}, {"namespace", canary.first}});
    tracked.undone->Set(1);
  } else {
    undone.Remove(tracked.undone);
    tracked.undone = nullptr;
  }
}

void Metrics::Families::show_weight(const Key& canary, const std::string& workload,
                                    strategies::Weight share) {
  if (workload.empty()) return;
  auto& shown = weights[{canary.first, workload}];
  if (shown.gauge == nullptr) {
    canaries[canary].workloads.insert(workload);
    shown = {canary, &weight.Add({{"workload", workload}, {"namespace", canary.first}})};
  }
  if (shown.canary != canary) {
    if (authority(canaries[canary].phase) <= authority(canaries[shown.canary].phase)) return;
    canaries[shown.canary].workloads.erase(workload);
    canaries[canary].workloads.insert(workload);
    shown.canary = canary;
  }
  shown.gauge->Set(share.percent());
}

void Metrics::Families::drop_weights(const Key& canary, const std::string& keep,
                                     const std::string& keep_too) {
  std::erase_if(canaries[canary].workloads, [&](const std::string& workload) {
    if (workload == keep || workload == keep_too) return false;
    const auto shown = weights.find({canary.first, workload});
    weight.Remove(shown->second.gauge);
    weights.erase(shown);
    return true;
  });
}

Metrics::Metrics(std::string_view version) : families_(std::make_unique<Families>()) {
  families_->info.Add({{"version", std::string(version)}}).Set(1);
}

Metrics::~Metrics() = default;

void Metrics::set_canary(const CanaryFigures& figures) {
  const Key key{figures.name_space, figures.name};
  const std::scoped_lock lock(families_->mutex);
  auto& tracked = families_->track(key);
  tracked.phase = figures.phase;
  tracked.status->Set(static_cast<int>(state_of(figures.phase)));
  families_->show_undone(key, tracked, figures.undone);
  families_->drop_weights(key, figures.target, figures.stable);
  families_->show_weight(key, figures.target, figures.weight);
  families_->show_weight(key, figures.stable, figures.weight.rest());
}

void Metrics::forget_canary(std::string_view name_space, std::string_view name) {
  auto& all = *families_;
  const Key key{name_space, name};
  const std::scoped_lock lock(all.mutex);
  const auto found = all.canaries.find(key);
  if (found == all.canaries.end()) return;
  all.status.Remove(found->second.status);
  all.show_undone(key, found->second, false);
  for (const auto& [metric, gauge] : found->second.checks) all.analysis.Remove(gauge);
  all.drop_weights(key, {}, {});
  all.canaries.erase(found);

  const auto total = all.totals.find(key.first);
  total->second->Decrement();
  if (total->second->Value() > 0) return;
  all.total.Remove(total->second);
  all.totals.erase(total);
}

void Metrics::count_check(std::string_view name_space, std::string_view name,
                          const strategies::Check& check) {
  auto& all = *families_;
  all.checks.Add({{"outcome", outcome_label(check.outcome)}}).Increment();
  const Key key{name_space, name};
  const std::scoped_lock lock(all.mutex);
  const auto found = all.canaries.find(key);
  if (found == all.canaries.end() || !check.value) return;
  auto& gauge = found->second.checks[check.name];
  if (gauge == nullptr) {
    gauge = &all.analysis.Add({{"metric", check.name}, {"name", key.second}, {"namespace", key.first}});
  }
  gauge->Set(*check.value);
}

void Metrics::count_release(std::string_view name_space, bool succeeded, Duration took) {
  const prometheus::Labels labels{{"namespace", std::string(name_space)}};
  (succeeded ? families_->successes : families_->failures).Add(labels).Increment();
  families_->duration.Add(labels, kReleaseBuckets).Observe(took.count());
}

void Metrics::count_reconcile(bool succeeded, Duration took) {
  families_->reconciles.Add({{"result", result_label(succeeded)}}).Increment();
  families_->reconcile_duration.Observe(took.count());
}

void Metrics::observe_step_lateness(Duration late) { families_->lateness.Observe(late.count()); }

void Metrics::set_queue_depth(std::size_t depth) { families_->queue_depth.Set(static_cast<double>(depth)); }

void Metrics::set_leader(bool leading) { families_->leader.Set(leading ? 1 : 0); }

void Metrics::set_shards(int held, int leaving) {
  families_->shards.Add({{"state", "held"}}).Set(held);
  families_->shards.Add({{"state", "leaving"}}).Set(leaving);
}

void Metrics::count_api_request(std::string_view verb, std::string_view resource, int code, Duration took) {
  families_->api_requests
      .Add({{"verb", std::string(verb)}, {"resource", std::string(resource)}, {"code", std::to_string(code)}})
      .Increment();
  families_->api_duration.Add({{"verb", std::string(verb)}}, kRequestBuckets).Observe(took.count());
}

void Metrics::count_prometheus_query(bool succeeded, Duration took) {
  families_->queries.Add({{"result", result_label(succeeded)}}).Increment();
  families_->query_duration.Observe(took.count());
}

std::string Metrics::text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families_->registry.Collect());
  return out.str();
}

}  // namespace weir::report
