// weir-simulate: runs many seeds, or one with its timeline, or every crash point.
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <expected>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "operator/base/args.h"
#include "test/simulation/crash_points.h"

namespace weir::simulation {
namespace {

constexpr std::size_t kShownFailures = 5;
constexpr std::uint64_t kRunsAtATime = 1'000;  // between two words on how far it is

struct Options {
  std::uint64_t seeds = 1'000;
  std::uint64_t first = 1;
  std::optional<std::uint64_t> one;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  bool stop_at_first = false;
  bool crash_points = false;
  bool help = false;
};

const base::Command& command() {
  static const base::Command kCommand{
      .name = "",
      .arguments = "[flags]",
      .meaning = "Runs the operator against a simulated world, and checks what must hold after every event.",
      .min_arguments = 0,
      .max_arguments = 0,
      .flags =
          {
              {"seeds", 0, "COUNT", "runs, of one seed each; default: 1000"},
              {"first-seed", 0, "NUMBER", "of the first run; default: 1"},
              {"seed", 0, "NUMBER", "one run, with its timeline"},
              {"jobs", 0, "COUNT", "runs at the same time; default: as many as there are cores"},
              {"stop-at-first", 0, "", "no further run begins after a violation"},
              {"crash-points", 0, "", "a crash before and after each write, instead of seeds"},
              {"help", 'h', "", "print this text"},
          },
      .program = "weir-simulate"};
  return kCommand;
}

// Takes a number that was given; says what is wrong with it.
std::optional<std::string> read(const base::Arguments& given, std::string_view flag, std::uint64_t least,
                                std::uint64_t most, std::uint64_t& value) {
  if (!given.has(flag)) return std::nullopt;
  const auto text = given.value(flag);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= least && value <= most)
    return std::nullopt;
  return base::not_accepted(flag, text, fmt::format("a whole number from {} to {}", least, most));
}

// Flags that would be forgotten beside another one.
std::optional<std::string> forgotten(const base::Arguments& given) {
  for (const auto* other : {"seeds", "first-seed", "crash-points", "stop-at-first"}) {
    if (auto problem = base::conflict(given, "seed", other, "--seed makes one run")) return problem;
  }
  for (const auto* other : {"seeds", "first-seed", "stop-at-first"}) {
    if (auto problem = base::conflict(given, "crash-points", other, "crash points have runs of their own"))
      return problem;
  }
  return std::nullopt;
}

std::expected<Options, std::string> parse(const std::vector<std::string>& words) {
  constexpr std::uint64_t kMost = 1'000'000'000'000'000;
  constexpr std::uint64_t kMostJobs = 1'000;
  const auto given = base::parse_arguments(command(), words);
  if (!given) return std::unexpected(given.error());
  Options options{.stop_at_first = given->has("stop-at-first"),
                  .crash_points = given->has("crash-points"),
                  .help = given->has("help")};
  std::uint64_t one = 0;
  std::uint64_t jobs = options.jobs;
  for (const auto& problem :
       {read(*given, "seeds", 1, kMost, options.seeds), read(*given, "first-seed", 0, kMost, options.first),
        read(*given, "seed", 0, 2 * kMost, one), read(*given, "jobs", 1, kMostJobs, jobs)}) {
    if (problem) return std::unexpected(*problem);
  }
  if (auto problem = forgotten(*given)) return std::unexpected(*std::move(problem));
  if (given->has("seed")) options.one = one;
  options.jobs = static_cast<unsigned>(jobs);
  return options;
}

// What many runs came to.
class Tally {
 public:
  // How many there are now.
  std::uint64_t add(const Plan& plan, const Outcome& outcome) {
    const std::lock_guard lock(mutex_);
    ++runs_;
    ++phases_[outcome.phase];
    writes_ += outcome.writes;
    simulated_ += outcome.simulated;
    requests_ += outcome.requests;
    for (const auto& [kind, count] : outcome.faults) faults_[kind] += count;
    if (!outcome.violations.empty()) failures_.emplace_back(plan, outcome.violations.front());
    return runs_;
  }

  [[nodiscard]] bool failed() const {
    const std::lock_guard lock(mutex_);
    return !failures_.empty();
  }

  void print(std::chrono::duration<double> took) const {
    fmt::print("{} runs in {:.1f} s: {:.0f} h simulated, {} writes, {:.0f} requests\n", runs_, took.count(),
               std::chrono::duration<double, std::ratio<3600>>(simulated_).count(), writes_, requests_);
    for (const auto& [phase, count] : phases_) fmt::print("  ended {:<12} {}\n", phase, count);
    int faults = 0;
    for (const auto& [kind, count] : faults_) faults += count;
    fmt::print("  faults {}\n", faults);
    for (const auto& [kind, count] : faults_) fmt::print("    {:>7}  {}\n", count, to_string(kind));
    for (const auto& [plan, violation] : failures_) {
      fmt::print("VIOLATION seed {}: {}: {}\n", plan.seed, violation.name, violation.message);
    }
    fmt::print("{} violations\n", failures_.size());
  }

  [[nodiscard]] const std::vector<std::pair<Plan, Violation>>& failures() const { return failures_; }

 private:
  mutable std::mutex mutex_;
  std::uint64_t runs_ = 0;
  std::int64_t writes_ = 0;
  Millis simulated_{0};
  double requests_ = 0;
  std::map<std::string, int> phases_;
  std::map<Kind, int> faults_;
  std::vector<std::pair<Plan, Violation>> failures_;
};

void show(const Plan& plan) {
  fmt::print("seed {}: {}\n", plan.seed, plan.scenario.describe());
  for (const auto& fault : plan.faults) fmt::print("  {}\n", describe(fault));
  const auto outcome = run(plan, true);
  for (const auto& line : outcome.timeline) fmt::print("{}\n", line);
  fmt::print("ended {}; {:.0f} requests, {:.1f} lost; {} writes\n", outcome.phase, outcome.requests,
             outcome.lost, outcome.writes);
}

void explain(const Tally& tally) {
  std::size_t shown = 0;
  for (const auto& [plan, violation] : tally.failures()) {
    if (++shown > kShownFailures) break;
    fmt::print("\n---- {} of seed {}, minimised ----\n", violation.name, plan.seed);
    show(minimise(plan, violation.name));
  }
}

// Calls `work` with 0 … count-1, on so many threads.
void in_parallel(unsigned jobs, std::uint64_t count, const std::function<void(std::uint64_t)>& work) {
  std::atomic<std::uint64_t> next{0};
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < jobs; ++i) {
    threads.emplace_back([&] {
      for (auto mine = next++; mine < count; mine = next++) work(mine);
    });
  }
}

int report(const Tally& tally, std::chrono::steady_clock::time_point began) {
  tally.print(std::chrono::steady_clock::now() - began);
  explain(tally);
  return tally.failed() ? 1 : 0;
}

int run_seeds(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  Tally tally;
  in_parallel(options.jobs, options.seeds, [&](std::uint64_t index) {
    if (options.stop_at_first && tally.failed()) return;
    const auto plan = plan_of(options.first + index);
    const auto runs = tally.add(plan, run(plan, false));
    if (runs % kRunsAtATime == 0 && runs < options.seeds)
      fmt::print(stderr, "{} of {} runs\n", runs, options.seeds);
  });
  fmt::print("seeds {} to {}\n", options.first, options.first + options.seeds - 1);
  return report(tally, began);
}

int run_crash_points(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  Tally tally;
  std::vector<Plan> plans;
  for (const auto& scenario : crash_scenarios()) {
    const auto undisturbed = run(scenario.plan, false);
    tally.add(scenario.plan, undisturbed);
    const auto added = crash_plans(scenario, undisturbed.writes);
    fmt::print("{:<48} ends {:<10} {:>3} writes, {:>5} runs\n", scenario.name, undisturbed.phase,
               undisturbed.writes, added.size());
    plans.insert(plans.end(), added.begin(), added.end());
  }
  in_parallel(options.jobs, plans.size(),
              [&](std::uint64_t index) { tally.add(plans[index], run(plans[index], false)); });
  return report(tally, began);
}

int main_of(const std::vector<std::string>& words) {
  const auto options = parse(words);
  if (!options) {
    fmt::print(stderr, "weir-simulate: {}\n", options.error());
    return 2;
  }
  if (options->help) {
    fmt::print("{}", base::usage(command()));
    return 0;
  }
  spdlog::set_level(spdlog::level::off);
  if (options->one) {
    show(plan_of(*options->one));
    return 0;
  }
  return options->crash_points ? run_crash_points(*options) : run_seeds(*options);
}

}  // namespace
}  // namespace weir::simulation

int main(int argc, char** argv) {
  return weir::simulation::main_of(std::vector<std::string>(argv + 1, argv + argc));
}
