#include "operator/cli/simulate.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ostream>
#include <random>
#include <utility>

#include "analysis/threshold.h"
#include "operator/base/time.h"
#include "operator/canary/strategy.h"
#include "operator/cli/canary_file.h"
#include "operator/cli/page.h"
#include "operator/cli/status.h"
#include "operator/routing/registry.h"

namespace weir::cli {
namespace {

using analysis::format_number;
using strategies::Weight;

template <typename T>
using Expected = std::expected<T, std::string>;

constexpr double kPerCent = 100;
// Of a sweep: shares of failed requests, from stable's own on.
constexpr std::array kSweep{0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5};
constexpr std::size_t kMostMoments = 24;
constexpr std::size_t kBar = 10;  // characters of 100 %

struct Settings {
  canary::Canary canary;
  RehearsalOptions options;
  int runs = kDefaultRuns;
  std::uint64_t seed = 1;
};

// Reads flags; the first that cannot be used is kept as a sentence.
class Reader {
 public:
  explicit Reader(const Arguments& arguments) : arguments_(arguments) {}

  // "0.1%" or "0.001".
  double share(std::string_view flag, double otherwise) {
    auto text = arguments_.value(flag);
    const bool per_cent = text.ends_with('%');
    if (per_cent) text.pop_back();
    const double share = parse<double>(text).value_or(-1) / (per_cent ? kPerCent : 1);
    if (share >= 0 && share <= 1) return share;
    return refuse(flag, "a share such as 0.1% or 0.001", otherwise);
  }

  double number(std::string_view flag, double otherwise, double least, double most) {
    const auto value = parse<double>(arguments_.value(flag));
    if (value && *value >= least && *value <= most) return *value;
    return refuse(flag, fmt::format("a number from {} to {}", least, most), otherwise);
  }

  std::int64_t whole(std::string_view flag, std::int64_t otherwise, std::int64_t least, std::int64_t most) {
    const auto value = parse<std::int64_t>(arguments_.value(flag));
    if (value && *value >= least && *value <= most) return *value;
    return refuse(flag, fmt::format("a whole number from {} to {}", least, most), otherwise);
  }

  // A multiple of `unit`.
  std::chrono::milliseconds duration(std::string_view flag, std::chrono::milliseconds otherwise,
                                     std::chrono::milliseconds most,
                                     std::chrono::milliseconds unit = std::chrono::milliseconds{1}) {
    const auto value = base::parse_duration(arguments_.value(flag));
    if (value && *value >= unit && *value <= most && value->count() % unit.count() == 0) return *value;
    return refuse(
        flag,
        fmt::format("a duration such as 10m or 30s, from {} to {}, in steps of {}",
                    base::format_duration(unit), base::format_duration(most), base::format_duration(unit)),
        otherwise);
  }

  // Flags of which only one can be given.
  void exclude(std::string_view flag, std::string_view other, std::string_view why) {
    if (problem_.empty()) problem_ = base::conflict(arguments_, flag, other, why).value_or("");
  }
  void require(std::string_view flag, std::string_view other, std::string_view why) {
    if (problem_.empty() && arguments_.has(flag) && !arguments_.has(other))
      problem_ = fmt::format("--{} {}: it needs --{}; {}", flag, arguments_.value(flag), other, why);
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  template <typename Number>
  static std::optional<Number> parse(const std::string& text) {
    Number value{};
    const auto* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && last == end ? std::optional(value) : std::nullopt;
  }
  // What a flag that is not there comes to, too.
  template <typename T>
  T refuse(std::string_view flag, const std::string& accepted, T otherwise) {
    if (arguments_.has(flag) && problem_.empty())
      problem_ = base::not_accepted(flag, arguments_.value(flag), accepted);
    return otherwise;
  }

  const Arguments& arguments_;
  std::string problem_;
};

void read_traffic(Reader& reader, Traffic& traffic) {
  constexpr double kMostRate = 1e6;
  constexpr double kMostCluster = 1e6;
  constexpr std::chrono::minutes kMostLatency{10};
  traffic.requests_per_second = reader.number("rps", traffic.requests_per_second, 0, kMostRate);
  traffic.stable_error = reader.share("stable-error", traffic.stable_error);
  traffic.candidate_error = reader.share("candidate-error", traffic.stable_error);
  traffic.cluster = reader.number("cluster", traffic.cluster, 1, kMostCluster);
  const auto latency = reader.duration("latency", std::chrono::milliseconds{60}, kMostLatency);
  traffic.stable_latency_ms = static_cast<double>(latency.count());
  traffic.candidate_latency_ms =
      static_cast<double>(reader.duration("candidate-latency", latency, kMostLatency).count());
}

Expected<Settings> read(const Arguments& arguments, std::istream& in) {
  constexpr std::int64_t kMostSeed = 9'000'000'000'000'000;
  constexpr std::chrono::hours kMostDuration{1000};
  constexpr std::chrono::hours kMostScrape{1};
  Reader reader(arguments);
  Settings settings;
  read_traffic(reader, settings.options.traffic);
  settings.options.duration = reader.duration("duration", settings.options.duration, kMostDuration);
  if (arguments.has("fixed-weight"))
    settings.options.fixed_weight = Weight::of(reader.whole("fixed-weight", 10, 1, 100));
  auto& scrape_interval = settings.options.scrape_interval;
  scrape_interval = std::chrono::duration_cast<std::chrono::seconds>(
      reader.duration("scrape-interval", scrape_interval, kMostScrape, std::chrono::seconds{1}));
  settings.runs = static_cast<int>(reader.whole("runs", kDefaultRuns, 1, kMaxRuns));
  settings.seed = static_cast<std::uint64_t>(reader.whole("seed", 1, 0, kMostSeed));
  reader.require("duration", "fixed-weight", "a release that takes its steps ends by itself");
  reader.exclude("sweep", "fixed-weight",
                 "a sweep is of whole releases, and at a fixed weight none is promoted");
  reader.exclude("sweep", "candidate-error", "a sweep goes through shares of its own");
  if (!reader.problem().empty()) return std::unexpected(reader.problem());
  auto canary = read_canary(arguments, in);
  if (!canary) return std::unexpected(canary.error());
  settings.canary = *std::move(canary);
  const std::chrono::milliseconds interval = settings.canary.spec.interval;
  if (settings.options.fixed_weight && settings.options.duration < interval) {
    return std::unexpected(base::not_accepted(
        "duration", base::format_duration(settings.options.duration),
        "at least one interval, and spec.analysis.interval is " + base::format_duration(interval)));
  }
  if (settings.canary.spec.skip_analysis) {
    return std::unexpected(
        "spec.skipAnalysis is true: nothing judges this release, there is nothing to rehearse");
  }
  const auto& router = settings.canary.spec.routing.provider;
  if (!routing::router_named(router).abilities().divides) {
    return std::unexpected(
        "spec.routing.provider is \"" + router +
        "\": no user's request reaches the candidate before the promotion, there is nothing "
        "to rehearse");
  }
  return settings;
}

std::string per_cent(double share) { return format_number(kPerCent * share) + " %"; }

std::string share_of(int count, int runs) {
  return fmt::format("{:.1f} %", kPerCent * count / std::max(runs, 1));
}

std::string seconds_text(double seconds) {
  return short_duration(std::chrono::seconds{std::llround(seconds)});
}

Json to_json(const Quantiles& quantiles) {
  return {{"mean", quantiles.mean}, {"median", quantiles.median}, {"p90", quantiles.p90}};
}

Json to_json(const Rehearsals& all) {
  const double runs = all.runs;
  return {{"runs", all.runs},
          {"promoted", all.promoted / runs},
          {"rolledBack", all.rolled_back / runs},
          {"unfinished", all.unfinished() / runs},
          {"candidateRequests", to_json(all.requests)},
          {"failedCandidateRequests", to_json(all.failures)},
          {"secondsToOutcome", to_json(all.seconds)},
          {"secondsToPromotion", to_json(all.seconds_to_promotion)},
          {"secondsToRollback", to_json(all.seconds_to_rollback)}};
}

std::string judge_text(const analysis::JudgeSettings& judge) {
  if (!judge.sequential) return "judge threshold";
  return fmt::format("judge sequential (alpha {:g}, beta {:g}, tolerance {})", judge.alpha, judge.beta,
                     per_cent(judge.tolerance));
}

void print_head(const Settings& settings, std::ostream& out) {
  const auto& [canary, options, runs, seed] = settings;
  const auto& traffic = options.traffic;
  out << fmt::format("{}: {}, interval {}, {}\n", canary.name,
                     options.fixed_weight ? fmt::format("{} % for {}", options.fixed_weight->percent(),
                                                        base::format_duration(options.duration))
                                          : canary::describe(canary.spec.program),
                     base::format_duration(canary.spec.interval), judge_text(canary.judge));
  out << fmt::format("traffic: {:g} requests/s; stable fails {}, candidate {}", traffic.requests_per_second,
                     per_cent(traffic.stable_error), per_cent(traffic.candidate_error));
  if (traffic.cluster > 1) out << fmt::format(", {:g} at a time", traffic.cluster);
  if (traffic.candidate_latency_ms != traffic.stable_latency_ms) {
    out << fmt::format("; median {:g} ms and {:g} ms", traffic.stable_latency_ms,
                       traffic.candidate_latency_ms);
  }
  out << fmt::format("\n{} runs, seed {}\n\n", runs, seed);
}

void print_summary(const Rehearsals& all, std::ostream& out) {
  const auto times = [](const Quantiles& seconds) {
    return fmt::format("after {} (median; 90 % within {})", seconds_text(seconds.median),
                       seconds_text(seconds.p90));
  };
  out << fmt::format("  promoted    {:>8}   {}\n", share_of(all.promoted, all.runs),
                     all.promoted > 0 ? times(all.seconds_to_promotion) : "");
  out << fmt::format("  taken back  {:>8}   {}\n", share_of(all.rolled_back, all.runs),
                     all.rolled_back > 0 ? times(all.seconds_to_rollback) : "");
  if (all.unfinished() > 0) out << fmt::format("  unfinished  {:>8}\n", share_of(all.unfinished(), all.runs));
  out << fmt::format("\n  {:<28}{:>10}{:>10}{:>10}\n", "", "mean", "median", "90 %");
  for (const auto& [name, values] :
       {std::pair("requests to the candidate", &all.requests), std::pair("of them failed", &all.failures)}) {
    out << fmt::format("  {:<28}{:>10.0f}{:>10.0f}{:>10.0f}\n", name, values->mean, values->median,
                       values->p90);
  }
}

std::string bar(int weight, const Screen& screen) {
  const std::size_t filled = static_cast<std::size_t>(weight) * kBar / 100;
  std::string text;
  const std::string_view full = screen.unicode ? "█" : "#";
  const std::string_view empty = screen.unicode ? "░" : ".";
  for (std::size_t i = 0; i < kBar; ++i) text += i < filled ? full : empty;
  return text;
}

// The run in lines, of which the first and the last ones are shown if they are many.
void print_run(const Rehearsed& run, const Screen& screen, std::ostream& out) {
  constexpr std::size_t kMessage = 41;  // column of what is said
  Page page(screen);
  page.end_line();
  page.put("one run: ").put(run.reason.empty() ? "not over yet" : run.reason, Style::Bold).end_line();
  page.put("    time  candidate's share  requests failed", Style::Dim).end_line();
  const std::size_t shown = std::min(run.moments.size(), kMostMoments);
  for (std::size_t i = 0; i < run.moments.size(); ++i) {
    if (i == shown / 2 && shown < run.moments.size()) {
      page.put("     ...").end_line();
      i = run.moments.size() - (shown - shown / 2);
    }
    const auto& moment = run.moments[i];
    page.put(fmt::format("  {:>6}  {} {:>3} % {:>8.0f} {:>5.0f}",
                         short_duration(std::chrono::round<std::chrono::seconds>(moment.at)),
                         bar(moment.weight, screen), moment.weight, moment.requests, moment.failures));
    page.to(kMessage).paragraph(moment.what, kMessage);
  }
  out << page.text();
}

std::vector<double> swept(double stable_error) {
  std::vector<double> rates{stable_error};
  std::ranges::copy_if(kSweep, std::back_inserter(rates), [&](double rate) { return rate > stable_error; });
  return rates;
}

int sweep(Settings settings, bool json, Console& console) {
  Json list = Json::array();
  if (!json) {
    console.out << fmt::format("  {:<16}{:>10}{:>12}{:>12}{:>22}{:>14}\n", "candidate fails", "promoted",
                               "taken back", "after", "requests to candidate", "of them failed");
  }
  for (const double rate : swept(settings.options.traffic.stable_error)) {
    settings.options.traffic.candidate_error = rate;
    const auto all = rehearse_all(settings.canary, settings.options, settings.runs, settings.seed);
    if (json) {
      list.push_back(to_json(all));
      list.back()["candidateError"] = rate;
      continue;
    }
    const int caught = static_cast<int>(kPerCent * all.rolled_back / all.runs);
    console.out << fmt::format("  {:<16}{:>10}{:>12}{:>12}{:>22.0f}{:>14.1f}  {}\n", per_cent(rate),
                               share_of(all.promoted, all.runs), share_of(all.rolled_back, all.runs),
                               all.rolled_back > 0 ? seconds_text(all.seconds_to_rollback.median) : "-",
                               all.requests.mean, all.failures.mean, bar(caught, console.screen()));
  }
  if (json) console.out << Json{{"runs", settings.runs}, {"sweep", list}}.dump(2) << "\n";
  return kFine;
}

}  // namespace

Quantiles quantiles_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  double sum = 0;
  for (const double value : values) sum += value;
  const auto at = [&](double share) {
    return values[std::min(static_cast<std::size_t>(share * static_cast<double>(values.size())),
                           values.size() - 1)];
  };
  return {.mean = sum / static_cast<double>(values.size()), .median = at(0.5), .p90 = at(0.9)};
}

Rehearsals rehearse_all(const canary::Canary& canary, const RehearsalOptions& options, int runs,
                        std::uint64_t seed) {
  struct Run {
    Ending ending;
    double seconds;
    std::uint64_t seed;
  };
  std::mt19937_64 seeds(seed);
  Rehearsals all{.runs = runs};
  std::vector<Run> ended;
  std::vector<double> requests;
  std::vector<double> failures;
  for (int i = 0; i < runs; ++i) {
    const std::uint64_t own = seeds();
    const auto run = rehearse(canary, options, own);
    ended.push_back({run.ending, std::chrono::duration<double>(run.duration).count(), own});
    requests.push_back(run.candidate_requests);
    failures.push_back(run.candidate_failures);
  }
  const auto seconds_to = [&](std::initializer_list<Ending> endings) {
    std::vector<double> seconds;
    for (const auto& run : ended) {
      if (std::ranges::find(endings, run.ending) != endings.end()) seconds.push_back(run.seconds);
    }
    return seconds;
  };
  all.promoted = static_cast<int>(std::ranges::count(ended, Ending::Promoted, &Run::ending));
  all.rolled_back = static_cast<int>(std::ranges::count(ended, Ending::RolledBack, &Run::ending));
  all.requests = quantiles_of(std::move(requests));
  all.failures = quantiles_of(std::move(failures));
  all.seconds = quantiles_of(seconds_to({Ending::Promoted, Ending::RolledBack}));
  all.seconds_to_promotion = quantiles_of(seconds_to({Ending::Promoted}));
  all.seconds_to_rollback = quantiles_of(seconds_to({Ending::RolledBack}));

  auto common = Ending::Promoted;
  if (all.rolled_back > all.promoted) common = Ending::RolledBack;
  if (all.unfinished() > std::max(all.promoted, all.rolled_back)) common = Ending::Unfinished;
  std::erase_if(ended, [&](const Run& run) { return run.ending != common; });
  std::ranges::nth_element(ended, ended.begin() + static_cast<std::ptrdiff_t>(ended.size() / 2), {},
                           &Run::seconds);
  all.typical = ended[ended.size() / 2].seed;
  return all;
}

int simulate(const Arguments& arguments, Console& console) {
  const std::string output = arguments.value("output", "text");
  if (output != "text" && output != "json") {
    return refuse(console, fmt::format("-o {}: simulate accepts json, or nothing for text", output));
  }
  const auto settings = read(arguments, console.in);
  if (!settings) return refuse(console, settings.error());
  const bool json = output == "json";
  if (!json) print_head(*settings, console.out);
  for (const auto& concern : concerns(settings->canary, settings->options)) {
    console.err << "warning: " << concern << "\n";
  }
  if (arguments.has("sweep")) return sweep(*settings, json, console);
  const auto all = rehearse_all(settings->canary, settings->options, settings->runs, settings->seed);
  if (json) {
    console.out << to_json(all).dump(2) << "\n";
    return kFine;
  }
  print_summary(all, console.out);
  print_run(rehearse(settings->canary, settings->options, all.typical), console.screen(), console.out);
  return kFine;
}

}  // namespace weir::cli
