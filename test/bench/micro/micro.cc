// The pure parts by themselves. A benchmark's name is the name of its figure.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "analysis/sequential.h"
#include "operator/cli/plan.h"
#include "operator/offline/yaml.h"
#include "operator/routing/istio/istio.h"
#include "strategies/machine.h"
#include "test/unit/cli/release_text.h"
#include "test/unit/routing/world.h"
#include "test/unit/strategies/world.h"

namespace weir {
namespace {

// One check of each metric, as the analysis answers it.
strategies::Verdict passed(const strategies::Status& status, strategies::TimePoint end) {
  strategies::Verdict verdict{.generation = 1,
                              .template_hash = status.candidate.template_hash,
                              .step = status.step,
                              .index = status.checks_in_step + 1,
                              .step_started_at = status.step_started_at,
                              .outcome = strategies::Outcome::Pass,
                              .message = "every metric passed"};
  for (const auto* name : {"request-success-rate", "request-duration"}) {
    verdict.checks.push_back({.name = name,
                              .outcome = strategies::Outcome::Pass,
                              .reason = "WithinRange",
                              .value = 99.9,
                              .min = 99,
                              .stable = 99.95,
                              .samples = 1200,
                              .message = std::string(name) + " 99.9 is within the accepted range",
                              .time = end});
  }
  return verdict;
}

// A verdict that passed in the middle of a release: the next step is authorised.
void decision_us(benchmark::State& state) {
  strategies::World world;
  world.run_to_step(2);
  const auto& status = world.release.status;
  world.pass(world.release.spec.routing.propagation_delay + world.release.spec.interval);
  world.seen.verdict = passed(status, world.now);
  for ([[maybe_unused]] auto _ : state) {
    auto decision = strategies::decide(world.release, world.seen, world.now);
    if (decision.actions.empty()) return state.SkipWithError("the verdict moved nothing");
    benchmark::DoNotOptimize(decision);
  }
}
BENCHMARK(decision_us)->Unit(benchmark::kMicrosecond);

// One interval of the sequential judge at the last of five steps, from the memory that status keeps to the
// memory that it writes back.
void sequential_us(benchmark::State& state) {
  const analysis::JudgeSettings judge{.sequential = true, .min_samples = 30};
  analysis::Trial trial{.streams = {{.metric = "request-success-rate"}}};
  trial.streams[0].test.baseline = {60'000, 60};
  constexpr int kSteps = 5;
  for (int step = 1; step <= kSteps; ++step) {
    analysis::begin_step(trial, step, trial.until);
    analysis::add(trial, {{{900, 1}, {100, 0}}}, trial.until + analysis::Seconds{10}, judge);
  }
  const auto memory = analysis::to_text(trial, analysis::look(trial, kSteps, false, judge), judge);
  for ([[maybe_unused]] auto _ : state) {
    auto read = analysis::trial_from(memory);
    analysis::add(read, {{{900, 1}, {100, 0}}}, read.until + analysis::Seconds{10}, judge);
    auto text = analysis::to_text(read, analysis::look(read, kSteps, false, judge), judge);
    benchmark::DoNotOptimize(text);
  }
}
BENCHMARK(sequential_us)->Unit(benchmark::kMicrosecond);

// The arithmetic of it alone.
void sequential_look_us(benchmark::State& state) {
  analysis::BinaryTest test;
  test.baseline = {60'000, 60};
  for ([[maybe_unused]] auto _ : state) {
    auto next = test;
    analysis::add_interval(next, {900, 1}, {100, 0}, {});
    benchmark::DoNotOptimize(analysis::evidence(next, 1));
  }
}
BENCHMARK(sequential_look_us)->Unit(benchmark::kMicrosecond);

// A VirtualService of so many routes, each with a match, retries and headers of its owner's, all to the
// Service.
routing::Json routes(std::int64_t count) {
  auto list = routing::Json::array();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto path = "/api/v" + std::to_string(i) + "/";
    list.push_back(
        {{"name", "route-" + std::to_string(i)},
         {"match", {{{"uri", {{"prefix", path}}}, {"headers", {{"x-team", {{"exact", "shop"}}}}}}}},
         {"retries", {{"attempts", 2}, {"retryOn", "connect-failure"}}},
         {"timeout", "5s"},
         {"headers", {{"request", {{"set", {{"x-route", path}}}}}}},
         {"route", {routing::to("checkout")}}});
  }
  return list;
}

// One step's write: the weight of every route goes from 10 to 20 % of a managed VirtualService.
void virtualservice_edit_us(benchmark::State& state) {
  routing::World world(routing::placeholder());
  world.with(routing::simple(routes(state.range(0))));
  world.begin();
  world.route(10);
  for ([[maybe_unused]] auto _ : state) {
    auto writes = world.router.route(world.target, world.objects, {routing::percent(20)});
    if (!writes || writes->size() != 1) return state.SkipWithError("not one write");
    benchmark::DoNotOptimize(writes);
  }
}
BENCHMARK(virtualservice_edit_us)->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

// `kubectl weir plan` from the text to the text: the files read, some sixty rounds of the operator, and its
// writes.
void plan_of(benchmark::State& state, const std::vector<routing::Json>& objects) {
  const auto text = cli::release_text() + offline::to_yaml(objects);
  for ([[maybe_unused]] auto _ : state) {
    const auto documents = offline::parse_yaml(text, "release.yaml");
    if (!documents) return state.SkipWithError(documents.error().c_str());
    const auto plan = cli::make_plan(*documents, "shop");
    if (!plan) return state.SkipWithError(plan.error().c_str());
    benchmark::DoNotOptimize(offline::to_yaml(plan->writes));
  }
}

// Of a VirtualService with so many divided routes: a write of every route a step.
void plan_us(benchmark::State& state) { plan_of(state, {routing::simple(routes(state.range(0)))}); }
BENCHMARK(plan_us)->Arg(10)->Arg(150)->Arg(1500)->Unit(benchmark::kMicrosecond);

// Of a rule with so many subsets, and a route to each of them beside the divided one.
void plan_subsets_us(benchmark::State& state) {
  auto subsets = routing::Json::array({routing::subset("stable", "v1")});
  auto list = routes(state.range(0));
  for (auto& route : list) {
    const auto name = route["name"].get<std::string>();
    subsets.push_back(routing::subset(name, name));
    route["route"] = {routing::to("checkout", name)};
  }
  list.push_back({{"route", {routing::to("checkout", "stable")}}});
  plan_of(state,
          {routing::destination_rule("checkout", {{"host", "checkout"}, {"subsets", std::move(subsets)}}),
           routing::simple(std::move(list))});
}
BENCHMARK(plan_subsets_us)->Arg(10)->Arg(150)->Arg(1500)->Unit(benchmark::kMicrosecond);

// Of so many VirtualServices, each with one divided route: a write of each a step.
void plan_virtual_services_us(benchmark::State& state) {
  std::vector<routing::Json> objects;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    const auto name = "checkout-" + std::to_string(i);
    objects.push_back(routing::virtual_service(
        name, {{"hosts", {name + ".example.com"}}, {"gateways", {"web"}}, {"http", routes(1)}}));
  }
  plan_of(state, objects);
}
BENCHMARK(plan_virtual_services_us)->Arg(10)->Arg(150)->Arg(1500)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weir

BENCHMARK_MAIN();
