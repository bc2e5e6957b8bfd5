#include "operator/cli/backtest.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <ostream>

#include "analysis/built_in.h"
#include "analysis/providers/prometheus/api.h"
#include "operator/base/args.h"
#include "operator/base/names.h"
#include "operator/base/time.h"
#include "operator/base/utf8.h"
#include "operator/cli/canary_file.h"
#include "operator/http/transport.h"
#include "operator/routing/registry.h"

namespace weir::cli {
namespace {

template <typename T>
using Expected = std::expected<T, std::string>;

constexpr std::size_t kMaxIntervals = 10'000;

bool takes_back(const Replay& past, const Replayed& interval) {
  return interval.judgement.conclusive || interval.failed_checks >= past.canary.spec.threshold;
}

std::string_view word(analysis::Outcome outcome) {
  switch (outcome) {
    case analysis::Outcome::Pass:
      return "pass";
    case analysis::Outcome::Fail:
      return "FAIL";
    case analysis::Outcome::Inconclusive:
      return "hold";
  }
  return "";
}

// Reasons of checks that found something to judge (analysis/check.h).
constexpr std::array<std::string_view, 6> kOfData{"WithinRange",         "OutOfRange",
                                                  "FailuresWithoutHost", "GatheringEvidence",
                                                  "EvidenceAgainst",     "NonInferior"};

bool has_data(const analysis::Judgement& judgement) {
  return std::ranges::any_of(judgement.checks, [](const analysis::Check& check) {
    return std::ranges::find(kOfData, check.reason) != kOfData.end();
  });
}

// Ended by the provider, not by --to or a verdict.
bool gave_up(const Replay& past, const std::vector<Replayed>& intervals) {
  return std::ssize(intervals) >= kMostWithoutAnswer && !takes_back(past, intervals.back()) &&
         std::all_of(intervals.end() - kMostWithoutAnswer, intervals.end(), [](const Replayed& one) {
           return !one.judgement.provider_available && !has_data(one.judgement);
         });
}

// Why there is nothing to replay; empty: there is something.
std::string nothing_to_judge(const canary::Canary& canary) {
  if (canary.metrics.empty()) return "spec.analysis.metrics has no metric";
  const auto has_query = [](const auto& metric) { return metric.template_name.empty(); };
  if (std::ranges::none_of(canary.metrics, has_query))
    return "spec.analysis.metrics has no metric that can be replayed: those with a templateRef have their "
           "query elsewhere. Write the query into the Canary for the replay";
  const auto& router = canary.spec.routing.provider;
  const auto counts_users = [](const auto& metric) {
    return !metric.template_name.empty() || analysis::is_compared(metric.metric);
  };
  if (!routing::router_named(router).abilities().divides && std::ranges::all_of(canary.metrics, counts_users))
    return "spec.routing.provider is \"" + router +
           "\": no user's request reaches the candidate before the promotion, there is nothing to replay. "
           "Give queries of your own";
  return {};
}

Expected<analysis::TimePoint> time_of(const Arguments& arguments, std::string_view flag) {
  const auto text = arguments.value(flag);
  const auto time = base::parse_time(text);
  if (time) return *time;
  return std::unexpected(base::not_accepted(flag, text, "a time such as 2026-11-24T12:00:00Z"));
}

Expected<Replay> read(const Arguments& arguments, std::istream& in) {
  const auto from = time_of(arguments, "from");
  if (!from) return std::unexpected(from.error());
  const auto to = time_of(arguments, "to");
  if (!to) return std::unexpected(to.error());
  if (*to <= *from) {
    return std::unexpected(
        base::not_accepted("to", arguments.value("to"), "a time after --from " + arguments.value("from")));
  }
  auto canary = read_canary(arguments, in);
  if (!canary) return std::unexpected(canary.error());
  if (auto why = nothing_to_judge(*canary); !why.empty()) return std::unexpected(std::move(why));
  Replay past{.canary = *std::move(canary), .stable = arguments.value("stable"), .from = *from, .to = *to};
  if (arguments.has("stable") && !base::is_dns_subdomain(past.stable))
    return std::unexpected(base::not_accepted("stable", past.stable, base::kDnsSubdomain.accepted));
  if (past.stable.empty() && past.canary.spec.stable_ref) past.stable = past.canary.spec.stable_ref->name;
  if (past.stable.empty()) {
    return std::unexpected(
        "which Deployment served before? The Canary has no spec.stableRef: give --stable NAME");
  }
  if (past.stable == past.canary.spec.target.name) {
    return std::unexpected(
        fmt::format("Deployment {} is spec.targetRef, the candidate: it would be compared with itself. Give "
                    "--stable NAME of the one that served before",
                    past.stable));
  }
  if (*from + past.canary.spec.interval > *to) {
    return std::unexpected(fmt::format(
        "no whole interval of {} lies between --from {} and --to {}: give a later --to",
        base::format_duration(past.canary.spec.interval), arguments.value("from"), arguments.value("to")));
  }
  if (static_cast<std::size_t>((*to - *from) / past.canary.spec.interval) > kMaxIntervals) {
    return std::unexpected(fmt::format("from --from {} to --to {} are more than {} intervals of {}",
                                       arguments.value("from"), arguments.value("to"), kMaxIntervals,
                                       base::format_duration(past.canary.spec.interval)));
  }
  const auto trusted = arguments.value("trusted-namespaces", routing::kTrustedByDefault);
  auto names = routing::read_trusted(trusted);
  if (!names) {
    return std::unexpected(
        base::not_accepted("trusted-namespaces", trusted, "names of namespaces with commas between them"));
  }
  past.trusted = *std::move(names);
  past.weight = past.canary.spec.program.steps.front().traffic.candidate.percent();
  if (arguments.has("weight")) {
    const auto text = arguments.value("weight");
    const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), past.weight);
    if (error != std::errc() || last != text.data() + text.size() || past.weight < 1 || past.weight > 100) {
      return std::unexpected(base::not_accepted("weight", text, "a whole number from 1 to 100"));
    }
  }
  return past;
}

// Asks one server, whatever the URL: all queries go to the address of --prometheus. When it has not answered
// one, those of the same interval fail at once: each could wait for its time limit.
class Server {
 public:
  explicit Server(const std::string& address) : transport_(http::make_transport(http::origin(address), {})) {}

  std::expected<analysis::Answer, std::string> ask(const analysis::Request& request) {
    if (silence_) return std::unexpected(*silence_);
    auto answer =
        transport_->send({.url = request.url, .headers = request.headers, .max_body = request.max_body}, {});
    if (!answer && answer.error().failure == http::Failure::TooLarge)
      return analysis::Answer{.too_large = true};
    if (!answer) return std::unexpected(silence_.emplace(answer.error().message));
    return analysis::Answer{.status = answer->status, .body = std::move(answer->body)};
  }
  void next_interval() { silence_.reset(); }

 private:
  const std::unique_ptr<http::Transport> transport_;
  std::optional<std::string> silence_;  // why there was no answer
};

Json to_json(const Replayed& interval) {
  Json checks = Json::array();
  for (const auto& check : interval.judgement.checks) {
    checks.push_back({{"name", check.name},
                      {"verdict", word(check.outcome)},
                      {"reason", check.reason},
                      {"message", check.message}});
  }
  return {{"time", base::format_time(interval.at)},
          {"verdict", word(interval.judgement.outcome)},
          {"message", interval.judgement.message},
          {"failedChecks", interval.failed_checks},
          {"checks", checks}};
}

std::string conclusion(const Replay& past, const std::vector<Replayed>& intervals) {
  const auto& last = intervals.back();
  const int with_data = judged(intervals);
  const bool taken_back = takes_back(past, last);
  if (with_data == 0 && !taken_back) {
    return fmt::format("nothing was judged: none of {} intervals had data. Of the last: {}", intervals.size(),
                       last.judgement.message);
  }
  if (taken_back) {
    const auto after = std::chrono::duration_cast<std::chrono::seconds>(last.at - past.from);
    const auto* by = with_data == 0 ? " by onNoData alone, none of its intervals had data" : "";
    return fmt::format("taken back after {} s{}: {}", after.count(), by, last.judgement.message);
  }
  auto text = fmt::format("{} of {} intervals judged, {} failed checks of {}", with_data, intervals.size(),
                          last.failed_checks, past.canary.spec.threshold);
  if (gave_up(past, intervals)) {
    return fmt::format("not replayed to the end, since the provider did not answer {} times in a row: {}",
                       kMostWithoutAnswer, text);
  }
  return "not taken back: " + text;
}

std::string line_of(const Replayed& interval) {
  return fmt::format("{}  {}  {}\n", base::format_time(interval.at), word(interval.judgement.outcome),
                     base::printable(interval.judgement.message));
}

void print_json(const Replay& past, const std::vector<Replayed>& intervals, std::ostream& out) {
  Json list = Json::array();
  for (const auto& interval : intervals) list.push_back(to_json(interval));
  out << Json{{"takenBack", takes_back(past, intervals.back())},
              {"judged", judged(intervals)},
              {"message", conclusion(past, intervals)},
              {"intervals", list}}
             .dump(2)
      << "\n";
}

}  // namespace

int judged(const std::vector<Replayed>& intervals) {
  return static_cast<int>(
      std::ranges::count_if(intervals, [](const Replayed& one) { return has_data(one.judgement); }));
}

std::vector<Replayed> replay(analysis::Judge& judge, const Replay& past,
                             const std::function<void(const Replayed&)>& on_interval) {
  analysis::Inquiry inquiry{
      .metrics = {},
      .subject = {.name_space = past.canary.name_space,
                  .name = past.canary.name,
                  .target = past.canary.spec.target.name,
                  .stable = past.stable,
                  .service = past.canary.spec.service.name,
                  .weight = past.weight,
                  .began = past.from,
                  .divided = true,
                  .trusted = past.trusted},
      .window = {.end = past.from, .length = past.canary.spec.interval, .earliest = past.from},
      .judge = past.canary.judge,
      .evidence = {}};
  for (const auto& metric : past.canary.metrics) {
    if (metric.template_name.empty()) inquiry.metrics.push_back(metric.metric);
  }
  std::vector<Replayed> intervals;
  int failed = 0;
  for (auto at = past.from + past.canary.spec.interval; at <= past.to; at += past.canary.spec.interval) {
    inquiry.window.end = at;
    auto judgement = judge.judge(inquiry);
    if (!judgement.evidence.empty()) inquiry.evidence = judgement.evidence;
    if (judgement.outcome == analysis::Outcome::Fail) ++failed;
    intervals.push_back({.at = at, .judgement = std::move(judgement), .failed_checks = failed});
    on_interval(intervals.back());
    if (takes_back(past, intervals.back()) || gave_up(past, intervals)) break;
  }
  return intervals;
}

int backtest(const Arguments& arguments, Console& console) {
  const std::string output = arguments.value("output", "text");
  if (output != "text" && output != "json") {
    return refuse(console, fmt::format("-o {}: backtest accepts json, or nothing for text", output));
  }
  const auto address = arguments.value("prometheus");
  if (const auto problem = analysis::address_problem(address)) {
    return refuse(console, fmt::format("--prometheus \"{}\": it {}", address, *problem));
  }
  const auto past = read(arguments, console.in);
  if (!past) return refuse(console, past.error());
  Server server(address);
  const auto judge = analysis::make_prometheus_judge(
      address, [&server](const analysis::Request& request) { return server.ask(request); });
  for (const auto& metric : past->canary.metrics) {
    if (metric.template_name.empty()) continue;
    console.err << fmt::format("warning: metric {} has its query in a MetricTemplate and is left out\n",
                               metric.metric.name);
  }
  const bool as_text = output == "text";
  const auto intervals = replay(*judge, *past, [&](const Replayed& interval) {
    server.next_interval();
    if (as_text) console.out << line_of(interval) << std::flush;
  });
  if (as_text) {
    console.out << base::printable(conclusion(*past, intervals)) << "\n";
  } else {
    print_json(*past, intervals, console.out);
  }
  return judged(intervals) == 0 || gave_up(*past, intervals) ? kFailed : kFine;
}

}  // namespace weir::cli
