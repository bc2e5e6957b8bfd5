#include "operator/cli/backtest.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <ostream>

#include "analysis/providers/prometheus/api.h"
#include "operator/base/args.h"
#include "operator/base/names.h"
#include "operator/base/time.h"
#include "operator/cli/canary_file.h"
#include "operator/http/transport.h"

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
  Replay past{.canary = *std::move(canary), .stable = arguments.value("stable"), .from = *from, .to = *to};
  if (arguments.has("stable") && !base::is_dns_subdomain(past.stable))
    return std::unexpected(base::not_accepted("stable", past.stable, base::kDnsSubdomain.accepted));
  if (past.stable.empty() && past.canary.spec.stable_ref) past.stable = past.canary.spec.stable_ref->name;
  if (past.stable.empty()) {
    return std::unexpected(
        "which Deployment served before? The Canary has no spec.stableRef: give --stable NAME");
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
  past.weight = past.canary.spec.program.stages.front().traffic.candidate.percent();
  if (arguments.has("weight")) {
    const auto text = arguments.value("weight");
    const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), past.weight);
    if (error != std::errc() || last != text.data() + text.size() || past.weight < 1 || past.weight > 100) {
      return std::unexpected(base::not_accepted("weight", text, "a whole number from 1 to 100"));
    }
  }
  return past;
}

// Asks one server, whatever the URL: all queries go to the address of --prometheus.
analysis::Fetch fetch_by(http::Transport& transport) {
  return [&transport](const analysis::Request& request) -> std::expected<analysis::Answer, std::string> {
    auto answer =
        transport.send({.url = request.url, .headers = request.headers, .max_body = request.max_body}, {});
    if (!answer && answer.error().failure == http::Failure::TooLarge)
      return analysis::Answer{.too_large = true};
    if (!answer) return std::unexpected(answer.error().message);
    return analysis::Answer{.status = answer->status, .body = std::move(answer->body)};
  };
}

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
  if (intervals.empty()) return "no whole interval lies between --from and --to";
  const auto& last = intervals.back();
  if (!takes_back(past, last)) {
    return fmt::format("not taken back: {} intervals, {} failed checks of {}", intervals.size(),
                       last.failed_checks, past.canary.spec.threshold);
  }
  const auto after = std::chrono::duration_cast<std::chrono::seconds>(last.at - past.from);
  return fmt::format("taken back after {} s: {}", after.count(), last.judgement.message);
}

}  // namespace

std::vector<Replayed> replay(analysis::Judge& judge, const Replay& past) {
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
    if (takes_back(past, intervals.back())) break;
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
  const auto transport = http::make_transport(http::origin(address), {});
  const auto judge = analysis::make_prometheus_judge(address, fetch_by(*transport));
  for (const auto& metric : past->canary.metrics) {
    if (metric.template_name.empty()) continue;
    console.err << fmt::format("warning: metric {} has its query in a MetricTemplate and is left out\n",
                               metric.metric.name);
  }
  const auto intervals = replay(*judge, *past);
  if (output == "json") {
    Json list = Json::array();
    for (const auto& interval : intervals) list.push_back(to_json(interval));
    const bool back = !intervals.empty() && takes_back(*past, intervals.back());
    console.out
        << Json{{"takenBack", back}, {"message", conclusion(*past, intervals)}, {"intervals", list}}.dump(2)
        << "\n";
    return kFine;
  }
  for (const auto& interval : intervals) {
    console.out << fmt::format("{}  {}  {}\n", base::format_time(interval.at),
                               word(interval.judgement.outcome), interval.judgement.message);
  }
  console.out << conclusion(*past, intervals) << "\n";
  return kFine;
}

}  // namespace weir::cli
