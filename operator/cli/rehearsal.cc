#include "operator/cli/rehearsal.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/comparison.h"
#include "analysis/providers/prometheus/window.h"
#include "operator/cli/drawn_traffic.h"
#include "operator/reconcile/analyst.h"
#include "operator/routing/registry.h"
#include "strategies/machine.h"

namespace weir::cli {
namespace {

using strategies::Phase;
using strategies::Weight;

// A release of a hundred steps, each as long as a deadline allows, is over by then.
constexpr int kMaxRounds = 100'000;
constexpr Milliseconds kLongAgo{3'600'000};
constexpr std::int64_t kGeneration = 1;

// Stable alone for as long as the sequential judge looks back.
void draw_history(DrawnTraffic& traffic, std::chrono::seconds interval) {
  const auto length = Milliseconds{analysis::history_length(interval)} / analysis::kHistoryIntervals;
  for (int i = 0; i < analysis::kHistoryIntervals; ++i) traffic.pass(length, 0);
}

Moment moment(const DrawnTraffic& traffic, Milliseconds began, int weight, std::string what) {
  return {.at = traffic.now() - began,
          .weight = weight,
          .requests = traffic.exposed().requests,
          .failures = traffic.exposed().failures,
          .what = std::move(what)};
}

// What it has cost by now.
void count(const DrawnTraffic& traffic, Milliseconds began, Rehearsed& result) {
  result.duration = traffic.now() - began;
  result.candidate_requests = traffic.exposed().requests;
  result.candidate_failures = traffic.exposed().failures;
}

// A cluster in which everything that the release asks for is there at once.
class Rehearsal {
 public:
  Rehearsal(const canary::Canary& canary, const RehearsalOptions& options, std::uint64_t seed)
      : canary_(canary),
        release_{canary.name_space, canary.name, canary.spec, {}},
        traffic_(options.traffic, looks_at_durations(canary), seed),
        judge_(canary, traffic_, options.scrape_interval) {
    draw_history(traffic_, canary.spec.interval);
    judge_.learn();
    began_ = traffic_.now();
    release_.spec.suspend = false;
    candidate_.name = canary.spec.target.name;
  }

  Rehearsed run() {
    for (int i = 0; i < kMaxRounds; ++i) {
      const auto decision = round();
      if (over()) return finish();
      if (acted_) continue;
      if (!decision.requeue_after) break;
      pass(std::max(*decision.requeue_after, Milliseconds{1}));
    }
    return finish();
  }

 private:
  static strategies::Workload workload(const std::string& version) {
    return {.name = version,
            .version = version,
            .replicas = 1,
            .ready = 1,
            .available = true,
            .template_hash = version,
            .has_pre_stop = true};
  }

  strategies::Decision round() {
    const auto decision = strategies::decide(release_, observed(), now());
    acted_ = !(decision.status == release_.status) || !decision.actions.empty() || decision.check;
    note(decision);
    release_.status = decision.status;
    for (const auto& action : decision.actions) {
      std::visit([this](const auto& one) { apply(one); }, action);
    }
    if (decision.check) answer(*decision.check);
    return decision;
  }

  // The candidate has all traffic for good, or none.
  [[nodiscard]] bool over() const {
    const auto phase = release_.status.phase;
    const int weight = routes_.highest();
    return phase == Phase::RollingBack || phase == Phase::Failed || phase == Phase::Succeeded ||
           (phase == Phase::Promoting && weight == Weight::all().percent());
  }

  Rehearsed finish() {
    const auto phase = release_.status.phase;
    if (phase == Phase::RollingBack || phase == Phase::Failed) {
      result_.ending = Ending::RolledBack;
      result_.reason = release_.status.rollback_reason;
    } else if (over()) {
      result_.ending = Ending::Promoted;
      result_.reason = "Promoted";
    }
    count(traffic_, began_, result_);
    return std::move(result_);
  }

  void note(const strategies::Decision& decision) {
    const int weight = decision.status.canary_weight.percent();
    const bool judged = decision.status.checks != release_.status.checks;
    if (weight == release_.status.canary_weight.percent() && !judged &&
        decision.status.phase == release_.status.phase) {
      return;
    }
    result_.moments.push_back(moment(traffic_, began_, weight, decision.status.message));
  }

  void answer(const strategies::CheckRequest& request) {
    reconcile::Question question{.request = request, .generation = kGeneration};
    const auto judgement = judge_.judge(request.step, request.steps, request.weight.percent(), request.window,
                                        std::chrono::duration_cast<Milliseconds>(now() - request.earliest));
    verdict_ = reconcile::to_verdict(question, judgement);
  }

  [[nodiscard]] strategies::TimePoint now() const { return strategies::TimePoint{traffic_.now()}; }

  void pass(Milliseconds time) {
    traffic_.pass(time, routes_.highest());
    for (auto* age : {&service_.age, &service_.stable_endpoints_age, &service_.candidate_endpoints_age,
                      &routes_.age, &foundation_.age}) {
      *age += time;
    }
  }

  [[nodiscard]] strategies::Observed observed() {
    using strategies::Selects;
    const auto selects = service_.selects;
    const bool dedicated =
        canary_.spec.service.mode == strategies::ServiceMode::Dedicated && version_services_;
    const bool both = dedicated || selects == Selects::Both;
    service_.stable_endpoints = both || selects == Selects::Stable ? stable_.ready : 0;
    service_.candidate_endpoints = both || selects == Selects::Candidate ? candidate_.ready : 0;
    return {.generation = kGeneration,
            .has_finalizer = true,
            .stable = stable_,
            .candidate = candidate_,
            .service = service_,
            .version_services = version_services_,
            .abilities = routing::router_named(canary_.spec.routing.provider).abilities(),
            .routes = routes_,
            .foundation = foundation_,
            .verdict = verdict_};
  }

  void apply(const strategies::EnsureVersionServices&) { version_services_ = true; }
  void apply(const strategies::Prepare&) { foundation_ = {.present = true, .added = true}; }
  void apply(const strategies::Route& action) {
    routes_ = {.splits = {{100, action.traffic.candidate.percent()}}};
  }
  void apply(const strategies::SetSelector& action) {
    service_.selects = action.selects;
    service_.age = Milliseconds{0};
  }
  void apply(const strategies::Scale& action) {
    auto& workload = action.workload == candidate_.name ? candidate_ : stable_;
    workload.replicas = workload.ready = action.replicas;
  }
  // What comes after the candidate has all traffic, or none.
  template <typename Other>
  void apply(const Other&) {}

  const canary::Canary& canary_;
  strategies::Release release_;
  strategies::Workload stable_ = workload("stable");
  strategies::Workload candidate_ = workload("candidate");
  strategies::ServiceState service_{.selects = strategies::Selects::Stable, .age = kLongAgo};
  strategies::RouteState routes_{.unmanaged = 1, .age = kLongAgo, .found = {{"route", "0", "{}"}}};
  strategies::Foundation foundation_{.age = kLongAgo};
  std::optional<strategies::Verdict> verdict_;
  bool version_services_ = false;
  DrawnTraffic traffic_;
  DrawnJudge judge_;
  Milliseconds began_{0};
  bool acted_ = false;
  Rehearsed result_;
};

// The weight stands still, and the judge has the only word.
Rehearsed hold_weight(const canary::Canary& canary, const RehearsalOptions& options, Weight held,
                      std::uint64_t seed) {
  // A release would begin a step every so many intervals.
  constexpr int kIntervalsOfStep = 6;
  const auto interval = Milliseconds{canary.spec.interval};
  const auto intervals = static_cast<int>(options.duration / interval);
  const int steps = std::max(1, (intervals + kIntervalsOfStep - 1) / kIntervalsOfStep);
  const int weight = held.percent();
  DrawnTraffic traffic(options.traffic, looks_at_durations(canary), seed);
  DrawnJudge judge(canary, traffic, options.scrape_interval);
  draw_history(traffic, canary.spec.interval);
  judge.learn();
  const auto began = traffic.now();
  Rehearsed result;
  int failed = 0;
  for (int i = 0; i < intervals && result.ending == Ending::Unfinished; ++i) {
    traffic.pass(interval, weight);
    const auto judgement =
        judge.judge(1 + i / kIntervalsOfStep, steps, weight, interval, (i % kIntervalsOfStep + 1) * interval);
    if (judgement.outcome == analysis::Outcome::Fail) ++failed;
    if (judgement.conclusive || failed >= canary.spec.threshold) {
      result.ending = Ending::RolledBack;
      result.reason = judgement.conclusive ? "EvidenceAgainst" : "AnalysisFailed";
    }
    result.moments.push_back(moment(traffic, began, weight, judgement.message));
  }
  count(traffic, began, result);
  return result;
}

std::string seconds_of(double seconds) {
  return seconds < 120 ? fmt::format("{:.0f} s", seconds) : fmt::format("{:.0f} min", seconds / 60);
}

// Of an interval that is shorter than two scrapes: a step is judged at the end of the first one by which it
// is old enough for them, unless the deadline, which comes an interval later than it says, has ended it.
// Windows that ought to be long enough are not widened.
std::string what_follows(const strategies::Spec& spec, std::chrono::seconds two_scrapes) {
  if (spec.interval >= analysis::kAlwaysLongEnough)
    return "no window holds two scrapes, and requests can't be counted in it; scrape more often";
  const auto intervals = (two_scrapes + spec.interval - std::chrono::seconds{1}) / spec.interval;
  if (intervals * spec.interval < spec.progress_deadline + spec.interval)
    return "windows will be widened, and a step lasts longer than it says";
  return fmt::format(
      "no step will be judged, since spec.progressDeadlineSeconds, which is {}, ends it before it is old "
      "enough to hold them; raise it, or raise the interval to two scrapes",
      spec.progress_deadline.count());
}

}  // namespace

Rehearsed rehearse(const canary::Canary& canary, const RehearsalOptions& options, std::uint64_t seed) {
  return options.fixed_weight ? hold_weight(canary, options, *options.fixed_weight, seed)
                              : Rehearsal(canary, options, seed).run();
}

std::vector<std::string> concerns(const canary::Canary& canary, const RehearsalOptions& options) {
  std::vector<std::string> found;
  const auto& spec = canary.spec;
  const auto weight = options.fixed_weight.value_or(spec.program.steps.front().traffic.candidate);
  const double a_second = options.traffic.requests_per_second * weight.percent() / 100;
  const auto seconds = static_cast<double>(spec.interval.count());
  const int needed = canary.judge.min_samples;
  constexpr double kFewRequests = 20;
  if (a_second * seconds < std::max<double>(needed, canary.judge.sequential ? needed : kFewRequests)) {
    found.push_back(fmt::format(
        "the first step sends the candidate about {:.3g} requests in {} ({} % of {:.3g}/s): too few to tell "
        "anything; give the step more weight or a longer interval",
        a_second * seconds, seconds_of(seconds), weight.percent(), options.traffic.requests_per_second));
  }
  if (spec.interval < analysis::kMinScrapes * options.scrape_interval) {
    found.push_back(fmt::format("spec.analysis.interval is {}, shorter than two scrapes of {} each: {}",
                                seconds_of(seconds),
                                seconds_of(static_cast<double>(options.scrape_interval.count())),
                                what_follows(spec, analysis::kMinScrapes * options.scrape_interval)));
  }
  if (canary.judge.sequential && canary.judge.advance_early && !options.fixed_weight && a_second > 0) {
    analysis::BinaryTest test;
    test.baseline = {60'000, 60'000 * options.traffic.stable_error};
    const double share = static_cast<double>(weight.rest().percent()) / weight.percent();
    const double requests = analysis::requests_to_certificate(
        test, share,
        {.alpha = canary.judge.alpha, .beta = canary.judge.beta, .tolerance = canary.judge.tolerance});
    const double time = requests / a_second;
    if (time > static_cast<double>(spec.progress_deadline.count())) {
      found.push_back(fmt::format(
          "the first step needs about {:.0f} requests of the candidate to advance, which take {}; "
          "spec.progressDeadlineSeconds is {}: give the step more weight or the release more time",
          requests, seconds_of(time), spec.progress_deadline.count()));
    }
  }
  return found;
}

}  // namespace weir::cli
